"""The benchmark's workload, that of every engine it is compared with: 3 chained activities, 3 parallel, an event raced against a far
timer, 2 activities; each result about 300 bytes.
"""

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df

app = df.DFApp()


@app.activity_trigger(input_name="payload")  # type: ignore[untyped-decorator]
def step(payload: int) -> dict[str, Any]:
    """One unit of work."""
    return {"step": "step", "index": payload, "ok": True, "note": "x" * 240}


@app.orchestration_trigger(context_name="context")  # type: ignore[untyped-decorator]
def approval(context: Any) -> Generator[Any, Any, Any]:
    """One approval."""
    for number in range(3):
        yield context.call_activity("step", number)
    yield context.task_all([context.call_activity("step", 10 + number) for number in range(3)])
    decision = context.wait_for_external_event("decision")
    limit = context.create_timer(context.current_utc_datetime + timedelta(days=5))
    context.set_custom_status("waits")
    winner = yield context.task_any([decision, limit])
    if winner == decision:
        limit.cancel()
    for number in range(2):
        yield context.call_activity("step", 20 + number)
    context.set_custom_status("done")
    return {"decision": "approve"}
