"""What the host replaces in the SDK is equal to what it replaces: proved over every form that a timestamp can take."""

import collections
import pickle
import random
import sys
import time
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dateutil.parser import parse as dateutil_parse

from standalone.engine import history as h
from standalone.workers import sdk

EXECUTOR = "azure.durable_functions.models.TaskOrchestrationExecutor"
ALPHABET = "0123456789TtZz.:-+ ,/abW"


def both(text: Any) -> tuple[Any, Any]:
    """What either parser makes of a text: value, zone, repr and pickle, or the error."""

    def outcome(parse: Any) -> Any:
        try:
            found = parse(text)
        except Exception as error:
            return type(error), str(error)
        return found, type(found.tzinfo), found.utcoffset(), repr(found), pickle.dumps(found)

    return outcome(dateutil_parse), outcome(sdk.parse_timestamp)


def some_stamps(count: int) -> list[str]:
    """Stamps as the engine writes them, all over the calendar."""
    chance = random.Random(20260302)
    first, span = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC) - datetime(1, 1, 1, tzinfo=UTC)
    whole = [
        first + timedelta(seconds=chance.randrange(int(span.total_seconds())), microseconds=chance.randrange(10**6)) for _ in range(count)
    ]
    return [h.stamp(instant) for instant in whole]


def test_stamps_are_read_as_dateutil_reads_them() -> None:
    """The one form that the engine writes, over all years, is all that takes the quick way."""
    for text in some_stamps(2000) + [f"{year:04}-02-28T23:59:59.9999999Z" for year in range(1, 10000, 7)]:
        real, ours = both(text)
        assert ours == real, text


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_wherever_the_machine_stands_the_zone_is_dateutil_s(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    """Dateutil answers the machine's own zone where that is called UTC, and its UTC elsewhere."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for text in some_stamps(50):
            real, ours = both(text)
            assert ours == real, text
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_stamp_with_any_one_character_changed_is_read_alike_or_refused_alike() -> None:
    """Whatever is not quite the engine's form must go to dateutil, and come back as it did."""
    for text in ["2026-03-02T09:00:00.1234567Z", "2024-02-29T23:59:59.0000000Z"]:
        for place in range(len(text)):
            for character in ALPHABET:
                changed = text[:place] + character + text[place + 1 :]
                real, ours = both(changed)
                assert ours == real, changed
            for shorter in (text[:place], text[:place] + text[place + 1 :]):
                real, ours = both(shorter)
                assert ours == real, shorter


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T09:00:00Z", "2026-03-02T09:00:00.123456Z", "2026-03-02T09:00:00.1234567+02:00", "2026-03-02 09:00", "20260302T090000Z",
        "2026-13-02T09:00:00.1234567Z", "2026-02-30T09:00:00.1234567Z", "2026-03-02T24:00:00.1234567Z", "2026-03-02T23:59:60.1234567Z",
        "٢026-03-02T09:00:00.1234567Z", "2026-03-02T09:00:00.１234567Z", "", "now", None, 5, b"2026-03-02T09:00:00.1234567Z",
    ],
)  # fmt: skip
def test_every_other_form_is_left_to_dateutil(text: Any) -> None:
    """Other forms, other digits, other types: the same value or the same error."""
    real, ours = both(text)
    assert ours == real


def test_a_class_made_once_is_equal_to_one_made_each_time() -> None:
    """The SDK makes one named tuple anew in each episode; nobody can tell its instances from those of a class that is kept."""
    with sdk.adjusted():
        executor: Any = sys.modules[EXECUTOR]
        kept = executor.namedtuple("SetTaskValuePayload", ("is_success", "task_id_key"))
        assert executor.namedtuple("SetTaskValuePayload", ("is_success", "task_id_key")) is kept
    new: Any = collections.namedtuple("SetTaskValuePayload", ("is_success", "task_id_key"))  # type: ignore[name-match] # noqa: PYI024
    assert kept(True, "TimerId") == new(True, "TimerId")
    assert repr(kept(True, "TimerId")) == repr(new(True, "TimerId"))


def test_only_the_warning_of_stale_timers_is_kept_quiet() -> None:
    """A cancelled timer that fires is no news; anything else the SDK warns of is."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        sdk.warn("Potential duplicate Task completion for TaskId: 3")
        sdk.warn("something else")
    assert [str(each.message) for each in heard] == ["something else"]


def test_the_sdk_is_as_it_was_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of other things run in the same process; and whoever doubts us can leave the SDK alone."""
    events: Any = sys.modules["azure.durable_functions.models.history.HistoryEvent"]
    before = events.dt_parse
    with sdk.adjusted():
        assert events.dt_parse is sdk.parse_timestamp
    assert events.dt_parse is before
    monkeypatch.setenv("STANDALONE_PLAIN_SDK", "1")
    with sdk.adjusted():
        assert events.dt_parse is before
