"""An orchestration with one of each thing that a crash could lose or double; its activities leave a line each time they run."""

import os
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import azure.durable_functions as df

app = df.DFApp()


@app.activity_trigger(input_name="payload")
def step(payload: str) -> str:
    with Path(os.environ["EFFECTS"]).open("a") as effects:
        effects.write(payload + "\n")
    return payload.upper()


@app.entity_trigger(context_name="context")
def counter(context: Any) -> None:
    value = context.get_state(lambda: 0) + 1
    context.set_state(value)
    context.set_result(value)


@app.orchestration_trigger(context_name="context")
def part(context: Any) -> Generator[Any, Any, Any]:
    return (yield context.call_activity("step", f"{context.get_input()}-part"))


@app.orchestration_trigger(context_name="context")
def whole(context: Any) -> Generator[Any, Any, Any]:
    given = context.get_input()
    name, again = given["name"], given["again"]
    told = [(yield context.call_activity("step", f"{name}-first"))]
    told += yield context.task_all([context.call_activity("step", f"{name}-{number}") for number in range(3)])
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=30))
    context.set_custom_status("waits")
    decision = context.wait_for_external_event(f"decision-{again}")
    timer = context.create_timer(context.current_utc_datetime + timedelta(days=1))
    winner = yield context.task_any([decision, timer])
    if winner == decision:
        timer.cancel()
        told.append(decision.result)
    told.append((yield context.call_sub_orchestrator("part", name, f"{context.instance_id}-part-{again}")))
    told.append((yield context.call_entity(df.EntityId("counter", name), "add")))
    if again:
        return told
    context.continue_as_new({"name": name, "again": again + 1})
    return None
