"""The approval on Restate's Python SDK, as an ASGI app that hypercorn serves; `/counts` tells how many wait and are done."""

import json
from datetime import timedelta
from typing import Any

import restate  # type: ignore[import-not-found, unused-ignore]

from benchmarks.measuring import result

WAITS: set[str] = set()
DONE: set[str] = set()

workflow: Any = restate.Workflow("approval")


async def step(number: int) -> dict[str, Any]:
    """One unit of work."""
    return result(number)


@workflow.main()  # type: ignore[untyped-decorator, unused-ignore]
async def run(context: Any, proposal: dict[str, Any]) -> dict[str, Any]:
    """One approval."""
    for number in range(3):
        await context.run_typed(f"chained {number}", step, restate.RunOptions(), number)
    await restate.gather(*(context.run_typed(f"parallel {number}", step, restate.RunOptions(), 10 + number) for number in range(3)))
    decision, limit = context.promise("decision").value(), context.sleep(timedelta(days=5))
    WAITS.add(context.key())
    _, decided = await restate.select(decision=decision, limit=limit)
    for number in range(2):
        await context.run_typed(f"after {number}", step, restate.RunOptions(), 20 + number)
    DONE.add(context.key())
    return {"decision": decided["decision"]}


@workflow.handler()  # type: ignore[untyped-decorator, unused-ignore]
async def decide(context: Any, decision: dict[str, Any]) -> None:
    """The event."""
    await context.promise("decision").resolve(decision)


_service: Any = restate.app([workflow])


async def app(scope: Any, receive: Any, send: Any) -> None:
    """The service, and the counts beside it; `/counts` with POST starts them anew."""
    if scope["type"] != "http" or scope["path"] != "/counts":
        await _service(scope, receive, send)
        return
    if scope["method"] == "POST":
        WAITS.clear()
        DONE.clear()
    body = json.dumps({"waiting": len(WAITS), "done": len(DONE)}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})
