"""Children that are started under one id: what the recorded cases (children-one-id-…) do not show."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from standalone.contracts import InstanceExists
from standalone.engine.orchestration import COMES_BACK, ONE_BEHIND_THE_OTHER
from tests.conformance.cases import TICK
from tests.host.enginehost import BEGINNING, Host, running

APP = Path(__file__).parents[1] / "conformance" / "data" / "app"


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    async with running(APP, tmp_path) as host:
        yield host


def child(name: str, *steps: Any, **more: Any) -> dict[str, Any]:
    return {"as": name, "child": {"rounds": [list(steps)]}, "id": "x", **more}


async def start(host: Host, instance: str, *steps: Any) -> None:
    """Run a program of one round (tests/conformance/data/app)."""
    given = {"rounds": [list(steps)], "round": 0, "tick": TICK, "start": BEGINNING.isoformat(), "show": True}
    await host.engine.start_instance("program", json.dumps(given), instance)


@pytest.mark.parametrize("turns", range(12))
async def test_another_start_at_the_very_instant_at_which_the_second_comes_back_holds_up_nothing(host: Host, turns: int) -> None:
    """In whatever order the loop comes to them: both run, one in the other's place, and time goes on."""
    await start(host, "one", {"yield": {"as": "r", "all": [child("c"), child("d")]}, "catch": True})
    await host.advance(seconds=ONE_BEHIND_THE_OTHER.total_seconds())
    host.clock.move_to(host.clock.now() + COMES_BACK)
    for _ in range(turns):
        await asyncio.sleep(0)
    with suppress(InstanceExists):  # while the one that came back has not run
        await start(host, "one-x", {"yield": {"as": "w", "wait": "go"}, "catch": True})
    async with asyncio.timeout(10):
        await host.advance(seconds=60)
    assert host.engine.next_due() is None
    found = await host.engine.get("one-x")
    assert found is not None
    assert found.runtime_status in ("Running", "Completed")


async def test_what_the_second_child_s_lost_attempt_scheduled_survives_a_restart_of_the_host(tmp_path: Path) -> None:
    """It comes back two seconds later, whoever runs then."""
    async with running(APP, tmp_path) as host:
        await start(
            host, "one", {"yield": {"as": "r", "all": [child("c"), child("d")]}, "catch": True}, {"yield": {"as": "w", "wait": "a"}}
        )
        await host.advance(seconds=ONE_BEHIND_THE_OTHER.total_seconds())
        clock = host.clock
    async with running(APP, tmp_path, clock=clock) as host:
        await host.advance(seconds=3)
        told = await host.engine.get("one", history=True)
        assert told is not None
        completed = [event for event in json.loads(told.history_json or "") if event["EventType"] == "SubOrchestrationInstanceCompleted"]
        assert len(completed) == 3


async def test_a_child_in_a_failed_one_s_place_keeps_its_output_until_it_has_its_own(host: Host) -> None:
    """As the real engine writes a child's row over the old one, column by column."""
    failing = {"yield": child("c", {"raise": "the first one"}), "catch": True}
    later = {"yield": {"as": "t", "timer": 1}, "catch": True}
    await start(host, "one", failing, later, {"yield": child("d", {"yield": {"as": "w", "wait": "go"}, "catch": True}), "catch": True})
    await host.advance(seconds=TICK)
    found = await host.engine.get("one-x")
    assert found is not None
    assert (found.runtime_status, found.output_json) == ("Running", json.dumps("Orchestrator function 'program' failed: the first one"))
    await host.engine.raise_event("one-x", "go", "1")
    await host.engine.settle()
    found = await host.engine.get("one-x")
    assert found is not None
    assert (found.runtime_status, json.loads(found.output_json or "")["trace"]) == ("Completed", [["0", 1]])
