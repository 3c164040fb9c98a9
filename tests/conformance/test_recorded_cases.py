"""The cases that matter most, recorded on the real Durable extension 3.19.0, kept as data: each is a question and what it answered."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from standalone.engine import EngineSettings
from standalone.engine.decisions import Answer, Outcome
from standalone.engine.history import Event
from standalone.engine.replay import Replayer, replay
from standalone.engine.trigger import Trigger
from standalone.workers.trigger_reader import TriggerReader
from tests.conformance.cases import Case, difference, run

DATA = Path(__file__).parent / "data"
PROGRAMS: Mapping[str, Mapping[str, Any]] = json.loads((DATA / "known.json").read_text())


@contextmanager
def errors_only() -> Iterator[None]:
    """The SDK warns of each duplicate event."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)


@pytest.fixture(scope="module", params=["kept in memory", "read from disk each time"])
async def cases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Case]:
    """All programs, run at once: with instances kept loaded while they rest, and with each read from the file when it goes on."""
    seated = 200 if request.param == "kept in memory" else 0
    with errors_only():
        return await run(PROGRAMS, DATA / "app", tmp_path_factory.mktemp("state"), EngineSettings(synchronous="OFF", most_seated=seated))


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_engine_does_what_the_real_one_did(cases: Mapping[str, Case], name: str) -> None:
    """What passes here must pass there: HTTP codes, states, custom status, output, history, and what the function was called with."""
    recorded = PROGRAMS[name]
    assert difference(recorded["seen"], cases[name].seen, "seen") is None, recorded["question"]
    if "trigger" in recorded:
        of = {key: value for key, value in (cases[name].trigger or {}).items() if recorded["trigger"].get(key) is not None}
        expected = {key: value for key, value in recorded["trigger"].items() if value is not None}
        assert difference(expected, of, "trigger") is None, recorded["question"]


async def test_a_replay_that_goes_on_comes_to_what_one_from_the_start_comes_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each episode of all programs is replayed both ways; many of them, but not all, may go on where the last one stopped."""
    went_on = {True: 0, False: 0}
    go_on = Replayer.replay

    def both_ways(replayer: Replayer, history: Sequence[Event], answer: Answer) -> Outcome:
        before = replayer._last
        outcome = go_on(replayer, history, answer)
        if before is not None:
            went_on[replayer._last is before] += 1
        assert outcome == replay(history, answer, replayer._known)
        return outcome

    monkeypatch.setattr(Replayer, "replay", both_ways)
    with errors_only():
        await run(PROGRAMS, DATA / "app", tmp_path, EngineSettings(synchronous="OFF"))
    assert min(went_on.values()) > 10, went_on


async def test_what_the_sdk_is_given_is_what_it_would_have_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In each episode of all programs its context, made of what was made for the one before, is that of the whole JSON."""
    compared = 0
    quickly = TriggerReader.context

    def both_ways(reader: TriggerReader, kind: Any, given: Any) -> Any:
        nonlocal compared
        found = quickly(reader, kind, given)
        if type(given) is Trigger:
            assert contents(found) == contents(kind.from_json(str(given)))
            compared += 1
        return found

    monkeypatch.setattr(TriggerReader, "context", both_ways)
    with errors_only():
        await run(PROGRAMS, DATA / "app", tmp_path, EngineSettings(synchronous="OFF", most_seated=200))
    assert compared > len(PROGRAMS)


def contents(of: Any) -> Any:
    """All that a context of the SDK's holds, its events and what else is an object included."""
    if isinstance(of, list):
        return [contents(each) for each in of]
    if hasattr(of, "__dict__") and type(of).__module__.startswith("azure.") and not isinstance(of, Enum):
        return type(of), {name: contents(value) for name, value in vars(of).items()}
    return of
