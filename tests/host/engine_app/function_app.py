"""A small app for tests of the engine: one of each kind of function."""

import asyncio
import contextlib
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.activity_trigger(input_name="payload")
def greet(payload: dict[str, str]) -> str:
    return f"hello {payload['name']}"


@app.activity_trigger(input_name="payload")
async def fail(payload: str) -> None:
    raise ValueError(payload)


@app.orchestration_trigger(context_name="context")
def approval(context: Any) -> Generator[Any, Any, Any]:
    greeting = yield context.call_activity("greet", {"name": context.get_input()["name"]})
    context.set_custom_status({"waits for": "decision"})
    decision = context.wait_for_external_event("decision")
    timer = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    winner = yield context.task_any([decision, timer])
    if winner == decision:
        timer.cancel()
        return [greeting, decision.result]
    return [greeting, "nobody"]


@app.route(route="start/{name}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: Any) -> func.HttpResponse:
    payload = client.create_http_management_payload(req.route_params["name"])
    return func.HttpResponse(payload["statusQueryGetUri"], status_code=202)


@app.activity_trigger(input_name="payload")
def echo(payload: Any) -> Any:
    return payload


@app.entity_trigger(context_name="context")
def counter(context: Any) -> None:
    context.set_state(context.get_state(lambda: 0) + context.get_input())


@app.orchestration_trigger(context_name="context")
def calls_unknown(context: Any) -> Generator[Any, Any, Any]:
    return (yield context.call_activity("nowhere"))


@app.orchestration_trigger(context_name="context")
def status_of_size(context: Any) -> Generator[Any, Any, Any]:
    letter, count = context.get_input()
    context.set_custom_status(letter * count)
    yield context.call_activity("echo", 1)
    return "ended"


@app.orchestration_trigger(context_name="context")
def yields_no_task(context: Any) -> Generator[Any, Any, Any]:
    yield 42


@app.orchestration_trigger(context_name="context")
def returns_a_set(context: Any) -> Generator[Any, Any, Any]:
    yield context.call_activity("echo", 1)
    return {1, 2}


@app.orchestration_trigger(context_name="context")
def version(context: Any) -> Any:
    return context.version


@app.orchestration_trigger(context_name="context")
def versions(context: Any) -> Generator[Any, Any, Any]:
    without = yield context.call_sub_orchestrator("version")
    given = yield context.call_sub_orchestrator("version", version="7")
    return [context.version, without, given]


@app.orchestration_trigger(context_name="context")
def sleeps(context: Any) -> Generator[Any, Any, Any]:
    yield context.create_timer(context.current_utc_datetime + timedelta(days=int(context.get_input())))


@app.orchestration_trigger(context_name="context")
def counts_down(context: Any) -> Any:
    left = int(context.get_input())
    if left:
        context.continue_as_new(left - 1)
        return None
    return "landed"


@app.activity_trigger(input_name="payload")
async def take_hours(payload: int) -> str:
    await asyncio.sleep(payload * 3600)
    return f"took {payload}"


@app.orchestration_trigger(context_name="context")
def works_long(context: Any) -> Generator[Any, Any, Any]:
    return (yield context.call_activity("take_hours", context.get_input()))


@app.activity_trigger(input_name="payload")
def large(payload: int) -> str:
    return "x" * payload


@app.orchestration_trigger(context_name="context")
def makes_large(context: Any) -> Generator[Any, Any, Any]:
    try:
        yield context.call_activity("large", context.get_input())
    except Exception as error:
        return str(error)


@app.orchestration_trigger(context_name="context")
def is_large(context: Any) -> Generator[Any, Any, Any]:
    with contextlib.suppress(Exception):
        yield context.call_activity("echo", 1)
    return "x" * int(context.get_input())


@app.orchestration_trigger(context_name="context")
def tries_again_in_30_000_years(context: Any) -> Generator[Any, Any, Any]:
    yield context.call_activity_with_retry("fail", df.RetryOptions(10**15, 3), "no")


@app.orchestration_trigger(context_name="context")
def echoes(context: Any) -> Generator[Any, Any, Any]:
    return (yield context.call_activity("echo", context.get_input()))


@app.orchestration_trigger(context_name="context")
def renews_with_each_event(context: Any) -> Generator[Any, Any, None]:
    yield context.wait_for_external_event("e")
    context.continue_as_new(None)


@app.orchestration_trigger(context_name="context")
def calls_a_number(context: Any) -> Generator[Any, Any, None]:
    yield context.call_activity(5)
