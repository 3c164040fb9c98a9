"""What went wrong for people with Durable Functions elsewhere, and what the real engine (3.19.0) does with it: the same here."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from standalone.host import Host

APP = Path(__file__).parent / "cases_app"


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    """The cases' app, on virtual time."""
    async with Host(APP, tmp_path / "state", virtual=True) as running:
        yield running


async def outcome(host: Host, instance: str) -> tuple[str, Any]:
    """An instance's status and output."""
    found = await host.engine.get(instance)
    assert found is not None
    return found.runtime_status, json.loads(found.output_json or "null")


async def test_an_activity_that_returns_nothing_gives_none(host: Host) -> None:
    """It made the replay fail at the next step (case 71)."""
    await host.engine.start_instance("none_back", None, "one")
    await host.settle()
    assert await outcome(host, "one") == ("Completed", [None, "NoneType", [None, 0, ""]])


async def test_a_timer_that_lost_a_race_does_not_win_it_when_it_fires_later(host: Host) -> None:
    """The history was replayed with the timer in it (case 72)."""
    await host.engine.start_instance("old_timer", None, "one")
    await host.settle()
    await host.engine.raise_event("one", "one", '"v"')
    await host.advance(timedelta(seconds=12))
    await host.engine.raise_event("one", "two", '"v"')
    await host.settle()
    assert await outcome(host, "one") == ("Completed", ["one", "v"])


async def test_a_finished_task_in_a_second_all_does_not_hang_nor_run_again(host: Host) -> None:
    """Waiting twice for all of the same task (case 73)."""
    await host.engine.start_instance("all_twice", None, "one")
    await host.settle()
    assert await outcome(host, "one") == ("Completed", [["x"], ["x"]])
    async with aiohttp.ClientSession(host.url) as http, http.get("/api/calls/x") as answer:
        assert await answer.text() == "1"


async def test_after_a_fan_out_with_retries_the_right_activity_runs(host: Host) -> None:
    """The first one was run in its place, or nothing (case 74)."""
    await host.engine.start_instance("fan_with_retry", None, "one")
    await host.advance(timedelta(seconds=10))
    assert await outcome(host, "one") == ("Completed", [["up 0", "up 1", "up 2", "up 3", "up 4"], "wrote 5"])


async def test_a_slow_activity_holds_neither_another_nor_a_page_up(tmp_path: Path) -> None:
    """An activity of an hour kept others from running (case 75). Order is asserted, not time: the quick one ends first."""
    async with Host(APP, tmp_path / "state", workers=1) as host, aiohttp.ClientSession(host.url) as http:
        await host.engine.start_instance("blocking", None, "slow")
        await asyncio.sleep(0.5)
        began = time.perf_counter()
        await host.engine.start_instance("quick", None, "quick")
        while (await outcome(host, "quick"))[0] != "Completed":
            async with http.get("/api/calls/x") as answer:
                assert answer.status == 200
            await asyncio.sleep(0.02)
        print(f"quick: {time.perf_counter() - began:.2f} s")
        assert (await outcome(host, "slow"))[0] == "Running"
        while (await outcome(host, "slow"))[0] == "Running":
            await asyncio.sleep(0.05)
        assert await outcome(host, "slow") == ("Completed", 4)
