"""An orchestration with one of each thing that a crash could lose or double; its activities leave a line each time they run."""

import os
from collections.abc import Generator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import azure.durable_functions as df
from azure.durable_functions.models.actions.SignalEntityAction import SignalEntityAction

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


class Later(SignalEntityAction):
    """A signal for a time to come: an action that the engine knows and for which the SDK has no call."""

    action_type = 10  # ScheduledSignalEntity

    def __init__(self, entity: df.EntityId, operation: str, at: datetime) -> None:
        super().__init__(entity, operation)
        self.at = at

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "fireAt": self.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}


def signal_later(context: Any, entity: df.EntityId, operation: str, at: datetime) -> None:
    """What `context.signal_entity` does, for later."""
    action = Later(entity, operation, at)
    context._generate_task(action)
    context._record_fire_and_forget_action(action)


@app.orchestration_trigger(context_name="context")
def part(context: Any) -> Generator[Any, Any, Any]:
    return (yield context.call_activity("step", f"{context.get_input()}-part"))


@app.orchestration_trigger(context_name="context")
def whole(context: Any) -> Generator[Any, Any, Any]:
    given = context.get_input()
    name, again = given["name"], given["again"]
    told = [(yield context.call_activity("step", f"{name}-first"))]
    told += yield context.task_all([context.call_activity("step", f"{name}-{number}") for number in range(3)])
    soon = context.current_utc_datetime + timedelta(seconds=30)
    signal_later(context, df.EntityId("counter", f"{name}-later"), "add", soon)
    yield context.create_timer(soon)
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
