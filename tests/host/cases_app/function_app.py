"""Orchestrators that went wrong for people elsewhere, each as its report had it; what the real engine did is in the tests."""

import time
from collections import Counter
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
calls: Counter[str] = Counter()
Tasks = Generator[Any, Any, Any]


@app.activity_trigger(input_name="payload")
def nothing(payload: str) -> None:
    return None


@app.activity_trigger(input_name="payload")
def kind(payload: Any) -> str:
    return type(payload).__name__


@app.activity_trigger(input_name="payload")
def echo(payload: Any) -> Any:
    calls[f"echo {payload}"] += 1
    return payload


@app.activity_trigger(input_name="payload")
def slow(payload: float) -> float:
    time.sleep(payload)
    return payload


@app.activity_trigger(input_name="payload")
def second_time(payload: str) -> str:
    calls[payload] += 1
    if calls[payload] == 1:
        raise ValueError("the first time")
    return f"up {payload.partition('|')[2]}"


@app.activity_trigger(input_name="payload")
def write(payload: list[str]) -> str:
    return f"wrote {len(payload)}"


@app.orchestration_trigger(context_name="context")
def none_back(context: Any) -> Tasks:
    a = yield context.call_activity("nothing", "x")
    b = yield context.call_activity("kind", a)
    c = yield context.task_all([context.call_activity("nothing", "x"), context.call_activity("echo", 0), context.call_activity("echo", "")])
    return [a, b, c]


@app.orchestration_trigger(context_name="context")
def old_timer(context: Any) -> Tasks:
    first = context.wait_for_external_event("one")
    timer = context.create_timer(context.current_utc_datetime + timedelta(seconds=6))
    won = yield context.task_any([first, timer])
    if won == timer:
        return "timer"
    second = yield context.wait_for_external_event("two")
    return ["one", second]


@app.orchestration_trigger(context_name="context")
def all_twice(context: Any) -> Tasks:
    task = context.call_activity("echo", "x")
    a = yield context.task_all([task])
    b = yield context.task_all([task])
    return [a, b]


@app.orchestration_trigger(context_name="context")
def fan_with_retry(context: Any) -> Tasks:
    options = df.RetryOptions(1000, 3)
    tasks = [context.call_activity_with_retry("second_time", options, f"{context.instance_id}|{number}") for number in range(5)]
    got = yield context.task_all(tasks)
    written = yield context.call_activity_with_retry("write", options, got)
    return [got, written]


@app.orchestration_trigger(context_name="context")
def blocking(context: Any) -> Tasks:
    return (yield context.call_activity("slow", 4))


@app.orchestration_trigger(context_name="context")
def quick(context: Any) -> Tasks:
    return (yield context.call_activity("echo", 1))


@app.route(route="calls/{name}", methods=["GET"])
async def called(req: func.HttpRequest) -> str:
    return str(calls[f"echo {req.route_params['name']}"])
