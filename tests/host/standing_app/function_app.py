"""An app with an orchestrator for each way to stand still, for the tests of the pages that tell why."""

import os
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
Steps = Generator[Any, Any, Any]
said: list[str] = []


@app.activity_trigger(input_name="payload")
def echo(payload: Any) -> Any:
    return payload


@app.activity_trigger(input_name="payload")
def fail(payload: Any) -> Any:
    raise ValueError(f"no <b>luck</b> with {payload}")


@app.orchestration_trigger(context_name="context")
def waits(context: Any) -> Steps:
    yield context.call_activity("echo", "first")
    if not context.is_replaying:
        said.append("goes on")
    decision = yield context.wait_for_external_event("decision")
    return decision


def race(context: Any, event: str) -> Steps:
    wait = context.wait_for_external_event(event)
    timer = context.create_timer(context.current_utc_datetime + timedelta(days=4))
    winner = yield context.task_any([wait, timer])  # in race
    if winner == wait:
        timer.cancel()


@app.orchestration_trigger(context_name="context")
def races(context: Any) -> Steps:
    yield from race(context, "first")
    yield from race(context, "second")  # the second race


@app.orchestration_trigger(context_name="context")
def returns_early(context: Any) -> Steps:
    done = context.call_activity("echo", 1)
    yield done
    never = context.wait_for_external_event("never")  # of returns_early
    yield context.task_any([done, never])
    return "long ago"


@app.orchestration_trigger(context_name="context")
def goes_on_early(context: Any) -> Steps:
    done = context.call_activity("echo", 1)
    yield done
    never = context.wait_for_external_event("never")  # of goes_on_early
    yield context.task_any([done, never])
    yield context.call_activity("echo", "after")  # Python is here


@app.orchestration_trigger(context_name="context")
def forgets_a_timer(context: Any) -> Steps:
    timer = context.create_timer(context.current_utc_datetime + timedelta(days=3))  # forgotten
    yield context.task_any([context.wait_for_external_event("go"), timer])
    return "over"


@app.orchestration_trigger(context_name="context")
def raises_with_a_timer_open(context: Any) -> Steps:
    timer = context.create_timer(context.current_utc_datetime + timedelta(days=3))
    yield context.task_any([context.wait_for_external_event("go"), timer])
    raise RuntimeError("not <i>today</i>")  # here


@app.orchestration_trigger(context_name="context")
def cancels_a_timer(context: Any) -> Steps:
    timer = context.create_timer(context.current_utc_datetime + timedelta(days=3))
    yield context.task_any([context.wait_for_external_event("go"), timer])
    timer.cancel()
    yield context.wait_for_external_event("again")


@app.orchestration_trigger(context_name="context")
def keeps_a_wait(context: Any) -> Steps:
    kept = context.wait_for_external_event("kept")
    while True:
        timer = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
        if (yield context.task_any([kept, timer])) == kept:
            timer.cancel()
            return kept.result


@app.orchestration_trigger(context_name="context")
def spells_it_otherwise(context: Any) -> Steps:
    yield context.wait_for_external_event("Decision")


@app.orchestration_trigger(context_name="context")
def tries_again(context: Any) -> Steps:
    yield context.call_activity_with_retry("fail", df.RetryOptions(3_600_000, 3), "me")  # again and again


@app.orchestration_trigger(context_name="context")
def sleeps_long(context: Any) -> Steps:
    yield context.create_timer(context.current_utc_datetime + timedelta(days=30))  # a month


@app.orchestration_trigger(context_name="context")
def fails(context: Any) -> Steps:
    yield context.call_activity("fail", "it")  # fails here


@app.orchestration_trigger(context_name="context")
def has_children(context: Any) -> Steps:
    try:
        yield context.call_sub_orchestrator("fails", None, f"{context.instance_id}-bad")
    except Exception as error:
        context.set_custom_status(str(error)[:100])
    yield context.task_all([context.call_sub_orchestrator("waits", None, f"{context.instance_id}-{number}") for number in range(3)])


@app.orchestration_trigger(context_name="context")
def counts(context: Any) -> Steps:
    for number in range(int(context.get_input())):
        yield context.call_activity("echo", number)
    yield context.wait_for_external_event("enough")


@app.orchestration_trigger(context_name="context")
def renews(context: Any) -> Steps:
    left = int(context.get_input())
    yield context.call_activity("echo", left)
    if left:
        context.continue_as_new(left - 1)
    else:
        yield context.wait_for_external_event("landed")


@app.orchestration_trigger(context_name="context")
def asks(context: Any) -> Steps:
    yield context.call_entity(df.EntityId("counter", "a/b"), "add", 5)
    yield context.wait_for_external_event("more")


ELSEWHERE = "http://127.0.0.1:9/nothing"


@app.orchestration_trigger(context_name="context")
def calls_out(context: Any) -> Steps:
    key = os.environ["A_SECRET"]
    yield context.call_http("GET", f"{ELSEWHERE}?code={key}", None, {"Authorization": f"Bearer {key}"})


@app.entity_trigger(context_name="context")
def counter(context: Any) -> None:
    context.set_state(context.get_state(lambda: 0) + context.get_input())
    context.set_result(context.get_state())
