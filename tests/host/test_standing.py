"""Where an instance stood after its last episode, as the engine keeps it: in words, without a look at the code."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from standalone.contracts import Standing
from standalone.host import Host

APP = Path(__file__).parents[1] / "conformance" / "data" / "app"


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    """The app that interprets programs, on virtual time."""
    start = datetime(2026, 11, 30, 8, tzinfo=UTC)
    async with Host(APP, tmp_path, virtual=True, start=start, settings={"AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1"}) as running:
        yield running


async def started(host: Host, rounds: object) -> str:
    """An instance of a program, as far as it gets."""
    given = {"rounds": rounds, "round": 0, "tick": 5, "start": host.clock.now().isoformat(), "show": False}
    instance = await host.engine.start_instance("program", json.dumps(given))
    await host.settle()
    return instance


async def standing(host: Host, instance: str) -> Standing | None:
    """Where it stands."""
    await host.settle()
    found = await host.engine.get(instance)
    assert found is not None
    return found.standing


async def test_an_event_that_has_come_is_no_longer_waited_for(host: Host) -> None:
    """All of two events: once the first is there, the second alone takes the instance further."""
    instance = await started(
        host, [[{"yield": {"as": "both", "all": [{"as": "a", "wait": "Ann"}, {"as": "b", "wait": "ben"}]}, "catch": True}]]
    )
    for event, to_come in (("unasked", ["Ann", "ben"]), ("Ann", ["ben"])):
        await host.engine.raise_event(instance, event, "1")
        found = await standing(host, instance)
        assert found is not None
        assert found.events == to_come
    await host.engine.raise_event(instance, "ben", "2")
    assert await standing(host, instance) is None


async def test_an_instance_whose_event_came_in_another_case_says_that_nothing_is_to_come(host: Host) -> None:
    """The extension ignores the case of an event's name, Python does not: it stands for ever, and nobody sees why."""
    instance = await started(host, [[{"yield": {"as": "a", "wait": "decision"}, "catch": True}]])
    await host.engine.raise_event(instance, "Decision", "1")
    found = await standing(host, instance)
    assert found is not None
    assert "differs in case" in found.sentences()[0]


async def test_an_instance_that_python_has_ended_names_what_is_open(host: Host) -> None:
    """A timer that was never cancelled keeps a returned orchestration Running: which one, and until when."""
    instance = await started(host, [[{"yield": {"as": "r", "any": [{"as": "a", "echo": 1}, {"as": "t", "timer": 90}]}, "catch": True}]])
    found = await standing(host, instance)
    assert found is not None
    assert found.sentences()[0].startswith("Python is done; the engine still stands at the open timer until 2026-11-30 08:0")


async def test_an_instance_whose_python_has_gone_on_says_that_the_engine_has_not(host: Host) -> None:
    """A race of a done task and a new wait: what Python yields next is not scheduled before the event has come."""
    race = {"yield": {"as": "r", "any": ["a", {"as": "w", "wait": "never"}]}, "catch": True}
    instance = await started(
        host, [[{"yield": {"as": "a", "echo": 1}, "catch": True}, race, {"yield": {"as": "b", "echo": 2}, "catch": True}]]
    )
    found = await standing(host, instance)
    assert found is not None
    assert (found.python, found.sentences()[0]) == ("ahead", "Python has gone on; the engine still stands at the event never.")


async def test_a_fan_out_of_many_is_told_in_a_line(host: Host) -> None:
    """It is kept with each episode: a thousand names would be more than the episode."""
    waits = [{"as": f"w{number}", "wait": f"event{number}"} for number in range(9)]
    found = await standing(host, await started(host, [[{"yield": {"as": "all", "all": waits}, "catch": True}]]))
    assert found is not None
    assert found.engine == ["all of (the event event0, the event event1, the event event2, the event event3, the event event4, 4 more)"]
