"""A small app for tests of the engine: one of each kind of function."""

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
