"""A small app for tests of entities: one that does whatever its operation says, and an orchestration that asks it."""

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.entity_trigger(context_name="context")
def box(context: Any) -> None:
    match context.operation_name:
        case "set":
            context.set_state(context.get_input())
        case "get":
            context.set_result(context.get_state(lambda: "nothing"))
        case "set and fail":
            context.set_state("half")
            raise ValueError("on purpose")
        case "destroy":
            context.destruct_on_exit()
        case "break":
            context.set_state({1, 2})  # no JSON


@app.orchestration_trigger(context_name="context")
def asks(context: Any) -> Generator[Any, Any, Any]:
    told = []
    for operation, *given in context.get_input():
        try:
            told.append((yield context.call_entity(df.EntityId("box", "k"), operation, *given)))
        except Exception as failure:
            told.append(f"failed: {failure}")
    return told


@app.orchestration_trigger(context_name="context")
def signals_twice_a_day_later(context: Any) -> Generator[Any, Any, Any]:
    context.signal_entity(df.EntityId("box", "k"), "set", 1)
    context.signal_entity(df.EntityId("box", "k"), "set", 2)
    yield context.create_timer(context.current_utc_datetime + timedelta(days=1))
    context.signal_entity(df.EntityId("box", "k"), "set", 3)
