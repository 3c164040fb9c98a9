"""The page of an instance says why it stands still: what no other tool tells where Python and the engine's side disagree."""

import html
import json
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from standalone.host import Host

APP = Path(__file__).parents[1] / "conformance" / "data" / "app"


async def page_of(host: Host, rounds: object) -> str:
    """Start a program of the recorded cases' app and answer its instance's page."""
    given = {"rounds": rounds, "round": 0, "tick": 5, "start": host.clock.now().isoformat(), "show": False}
    instance = await host.engine.start_instance("program", json.dumps(given))
    await host.engine.settle()
    async with (
        aiohttp.ClientSession(headers={"Accept": "text/html"}) as session,
        session.get(f"http://localhost:{host.port}/standalone/instances/{instance}") as response,
    ):
        assert response.status == 200
        return html.unescape(await response.text())


async def test_an_instance_that_waits_says_for_what(tmp_path: Path) -> None:
    """The plain case: both sides wait for the same."""
    async with Host(APP, tmp_path, virtual=True, settings={"AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1"}) as host:
        assert "It stands at the event decision." in await page_of(host, [[{"yield": {"as": "w", "wait": "decision"}, "catch": True}]])


async def test_an_instance_that_python_has_left_behind_says_so(tmp_path: Path) -> None:
    """A race of a done task and a new wait: Python returned, the extension waits for the event."""
    rounds = [
        [
            {"yield": {"as": "a", "echo": 1}, "catch": True},
            {"yield": {"as": "r", "any": ["a", {"as": "w", "wait": "never"}]}, "catch": True},
        ]
    ]
    async with Host(APP, tmp_path, virtual=True, settings={"AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1"}) as host:
        assert "Python is done; the engine still stands at any of (the event never)." in await page_of(host, rounds)


async def test_an_event_that_has_come_is_no_longer_waited_for(tmp_path: Path) -> None:
    """All of two events: once the first is there, the second alone takes the instance further."""
    rounds = [[{"yield": {"as": "both", "all": [{"as": "a", "wait": "Ann"}, {"as": "b", "wait": "ben"}]}, "catch": True}]]
    async with Host(APP, tmp_path, virtual=True, settings={"AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1"}) as host:
        given = {"rounds": rounds, "round": 0, "tick": 5, "start": host.clock.now().isoformat(), "show": False}
        instance = await host.engine.start_instance("program", json.dumps(given))
        for event, to_come in (("unasked", ["Ann", "ben"]), ("Ann", ["ben"])):
            await host.engine.raise_event(instance, event, "1")
            await host.settle()
            found = await host.engine.get(instance)
            assert found is not None
            assert found.standing is not None
            assert found.standing.events == to_come
        await host.engine.raise_event(instance, "ben", "2")
        await host.settle()
        found = await host.engine.get(instance)
        assert found is not None
        assert found.standing is None


async def test_an_instance_whose_event_came_in_another_case_says_that_nothing_is_to_come(tmp_path: Path) -> None:
    """The extension ignores the case of an event's name, Python does not: it stands for ever, and nobody sees why."""
    rounds = [[{"yield": {"as": "a", "wait": "decision"}, "catch": True}]]
    async with Host(APP, tmp_path, virtual=True, settings={"AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1"}) as host:
        given = {"rounds": rounds, "round": 0, "tick": 5, "start": host.clock.now().isoformat(), "show": False}
        instance = await host.engine.start_instance("program", json.dumps(given))
        await host.engine.raise_event(instance, "Decision", "1")
        await host.settle()
        found = await host.engine.get(instance)
        assert found is not None
        assert found.runtime_status == "Running"
        assert found.standing is not None
        assert "differs in case" in found.standing.sentences()[0]


async def test_an_instance_that_python_has_ended_names_what_is_open(tmp_path: Path) -> None:
    """A timer that was never cancelled keeps a returned orchestration Running: which one, and until when."""
    rounds = [[{"yield": {"as": "r", "any": [{"as": "a", "echo": 1}, {"as": "t", "timer": 90}]}, "catch": True}]]
    start = datetime(2026, 11, 30, 8, tzinfo=UTC)
    async with Host(APP, tmp_path, virtual=True, start=start, settings={"AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1"}) as host:
        assert "Python is done; the engine still stands at the open timer until 2026-11-30T08:0" in await page_of(host, rounds)
