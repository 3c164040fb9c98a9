"""A small app for tests of the durable client and the durable HTTP API: what comes in goes out again."""

import asyncio
import json
from collections.abc import Generator
from typing import Any

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="client/{method}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def call_client(req: func.HttpRequest, client: Any) -> func.HttpResponse:
    arguments = [df.EntityId(*each["entity"]) if isinstance(each, dict) and "entity" in each else each for each in req.get_json()]
    answer = await getattr(client, req.route_params["method"])(*arguments)
    if hasattr(answer, "entity_state"):
        answer = [answer.entity_exists, answer.entity_state]
    return func.HttpResponse(json.dumps(answer, default=lambda each: each.to_json()), mimetype="application/json")


@app.orchestration_trigger(context_name="context")
def gives_back(context: Any) -> Any:
    return context.get_input()


@app.orchestration_trigger(context_name="context")
def waits(context: Any) -> Generator[Any, Any, Any]:
    return [(yield context.wait_for_external_event("go"))]


@app.orchestration_trigger(context_name="context")
def fails(context: Any) -> Generator[Any, Any, Any]:
    yield context.task_all([])
    raise ValueError(" not like this\n")


@app.route(route="wait/{instance}", methods=["GET"])
@app.durable_client_input(client_name="client")
async def wait(req: func.HttpRequest, client: Any) -> func.HttpResponse:
    answer: func.HttpResponse = await client.wait_for_completion_or_create_check_status_response(req, req.route_params["instance"], 100, 50)
    return answer


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else 0


@app.activity_trigger(input_name="kind")
async def is_odd(kind: str) -> Any:
    match kind:
        case "cancelled":
            raise asyncio.CancelledError
        case "interrupted":
            raise KeyboardInterrupt
        case "no number":
            return float("nan")
        case _:
            return nested(int(kind))


@app.activity_trigger(input_name="kind")
def is_odd_in_a_thread(kind: str) -> None:
    raise {"cancelled": asyncio.CancelledError, "interrupted": KeyboardInterrupt}[kind]


@app.orchestration_trigger(context_name="context")
def calls(context: Any) -> Generator[Any, Any, Any]:
    activity, kind = context.get_input()
    try:
        return (yield context.call_activity(activity, kind))
    except Exception as failure:
        return str(failure).partition(" \n ")[0]


@app.orchestration_trigger(context_name="context")
def is_deep(context: Any) -> Any:
    return nested(context.get_input()["depth"])


@app.orchestration_trigger(context_name="context")
def runs_a_loop(context: Any) -> Generator[Any, Any, Any]:
    yield context.call_activity("is_odd", "1")
    return asyncio.run(asyncio.sleep(0, "run"))


@app.orchestration_trigger(context_name="context")
def is_cancelled(context: Any) -> Any:
    raise asyncio.CancelledError


@app.orchestration_trigger(context_name="context")
def asks_the_web(context: Any) -> Generator[Any, Any, Any]:
    try:
        return (yield context.call_http("GET", context.get_input()["url"]))
    except Exception as failure:
        return str(failure).partition(" \n ")[0]


@app.orchestration_trigger(context_name="context")
def has_a_child(context: Any) -> Generator[Any, Any, Any]:
    name, instance = context.get_input()["child"]
    try:
        return (yield context.call_sub_orchestrator(name, None, instance))
    except Exception as failure:
        return str(failure)


@app.orchestration_trigger(context_name="context")
def tries_never(context: Any) -> Generator[Any, Any, Any]:
    return (yield context.call_activity_with_retry("is_odd", df.RetryOptions(1, 0), "1"))


@app.orchestration_trigger(context_name="context")
def gives_no_number(context: Any) -> Any:
    context.set_custom_status({"a": float("inf")})
    return [float("nan"), 1.5]


@app.entity_trigger(context_name="context")
def counter(context: Any) -> None:
    if context.operation_name == "add":
        context.set_state(context.get_state(lambda: 0) + int(context.get_input()))
    elif context.operation_name == "reset":
        context.set_state(None)


@app.entity_trigger(context_name="context", entity_name="Ledger")
def ledger_function(context: Any) -> None:
    context.set_state(context.get_input())
