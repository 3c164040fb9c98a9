"""What the host replaces in the SDK is equal to what it replaces: proved over every form that a timestamp can take."""

import collections
import json
import pickle
import random
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from azure.durable_functions.models.utils import http_utils
from azure.functions import _durable_functions
from dateutil.parser import parse as dateutil_parse

from standalone.engine import history as h
from standalone.engine.trigger import Trigger
from standalone.workers import sdk
from tests.host.enginehost import running

CONTEXT = "azure.durable_functions.models.DurableOrchestrationContext"
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
    for text in some_stamps(2000) * 2 + [f"{year:04}-02-28T23:59:59.9999999Z" for year in range(1, 10000, 7)]:
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


@dataclass
class Money:
    """A value of an app's own, as the SDK's codec takes it."""

    cents: Any

    def to_json(self) -> Any:
        return self.cents

    @classmethod
    def from_json(cls, cents: Any) -> "Money":
        return cls(cents)


def outcome(work: Any, *arguments: Any, **options: Any) -> Any:
    """What a call gives, or the error."""
    try:
        return repr(work(*arguments, **options))  # not a number is unequal to itself
    except Exception as error:
        return type(error), str(error)


def endless() -> list[Any]:
    """A list that holds itself."""
    found: list[Any] = []
    found.append(found)
    return found


SAVED = {"__class__": "Money", "__module__": __name__, "__data__": 5}
NESTED = {"__class__": "Money", "__module__": __name__, "__data__": SAVED}
UNKNOWN = {"__class__": "Nobody", "__module__": __name__, "__data__": 5}
NOWHERE = {"__class__": "Nobody", "__module__": "nowhere", "__data__": 5}
VALUES = [
    None, True, 0, -1, 10**40, 0.1, float("nan"), float("inf"), "", 'a\u00e9\ud800"', [], {}, [1, [2, {"a": None}]],
    {1: 2, None: 3, False: 4}, (1, 2), SAVED, Money(7), [Money(7), {"price": Money(8)}], Money(object()), object(), {object(): 1},
    {(1, 2): 3}, b"bytes", {1, 2}, datetime(2026, 3, 2, tzinfo=UTC), endless(), Money,
]  # fmt: skip
TEXTS = [
    "null", "true", " 1 ", "1e400", "-0", "NaN", "-Infinity", '"a\\u00e9\\ud800"', "[]", "{}", '{"a": {"b": [1, 2.5]}, "a": 2}', "", "[",
    "[1,]", "nope", "1 2", '{"a"}', "\ufeff1", '"\x01"', b"[1]", bytearray(b"{}"), "[1]".encode("utf-16"), b"\xff\xfe\xfd", None, 5, [1],
    *map(json.dumps, [SAVED, [{"m": SAVED}], UNKNOWN, NOWHERE, NESTED]), "[" * 100_000,
]  # fmt: skip


@pytest.fixture
def quick() -> sdk.Json:
    return sdk.Json()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("again", [False, True])
def test_json_is_written_and_read_as_the_json_module_does(quick: sdk.Json, again: bool) -> None:
    """With the SDK's hooks and without, errors included; the second time the kept encoders and decoders answer."""
    default, hook = _durable_functions._serialize_custom_object, _durable_functions._deserialize_custom_object
    for _ in range(1 + again):
        for value in VALUES:
            for options in ({"default": default}, {"default": None}, {}, {"default": default, "sort_keys": True}):
                assert outcome(quick.dumps, value, **options) == outcome(json.dumps, value, **options), (options, type(value))
        for text in TEXTS:
            for options in ({"object_hook": hook}, {"object_hook": None}, {}, {"object_hook": hook, "parse_int": str}):
                assert outcome(quick.loads, text, **options) == outcome(json.loads, text, **options), (text, options)
    assert quick.JSONDecodeError is json.JSONDecodeError


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("strict", ["0", "1"])
def test_the_sdk_s_codec_gives_what_it_gave(monkeypatch: pytest.MonkeyPatch, strict: str) -> None:
    """Its own functions, both typing modes, with and without our parts."""
    monkeypatch.setenv("AZURE_FUNCTIONS_DURABLE_STRICT_TYPING", strict)

    def everything() -> list[Any]:
        written = [outcome(_durable_functions.df_dumps, value) for value in VALUES]
        read = [outcome(_durable_functions.df_loads, text, expected_type=kind) for text in TEXTS for kind in (None, Money)]
        return written + read

    before = everything()
    with sdk.adjusted():
        assert everything() == before


def test_time_spans_are_read_as_the_sdk_reads_them() -> None:
    """A time span is read once; what is none fails each time."""
    context: Any = sys.modules[CONTEXT]
    spans = ["3.00:00:00", "6.00:00:00", "00:00:01", "-1.02:03:04.5000000", "1.02:03:04.1234567", "", "soon", None, 5]
    before = [outcome(context.parse_timespan_attrib, span) for span in spans]
    with sdk.adjusted():
        for _ in range(2):
            assert [outcome(context.parse_timespan_attrib, span) for span in spans] == before


def test_what_is_a_dict_and_what_can_be_called_is_told_as_typing_tells_it() -> None:
    """The SDK asks typing's Dict and Callable, which ask the classes behind them; here those are asked."""
    context: Any = sys.modules[CONTEXT]
    values = [*VALUES, collections.OrderedDict(), collections.UserDict(), len, lambda: None, type("C", (), {"__call__": len})(), Mock()]

    def told() -> list[tuple[bool, bool]]:
        return [(isinstance(value, context.Dict), isinstance(value, context.Callable)) for value in values]

    before = told()
    with sdk.adjusted():
        assert told() == before


def test_a_context_is_of_the_class_that_is_asked_for_one() -> None:
    """An app may have a class of its own, and read it from the text."""
    kind: Any = type("OurContext", (sys.modules[CONTEXT].DurableOrchestrationContext,), {})
    at = "2026-03-02T09:00:00.0000000Z"
    events = [h.event(h.ORCHESTRATOR_STARTED, at), h.execution_started(at, "main", '"1"', "one", "x", "", None)]
    with sdk.adjusted():
        for given in (
            Trigger(events, '"1"', "one", None, [], replaying=False),
            str(Trigger(events, '"1"', "one", None, [], replaying=False)),
        ):
            found = kind.from_json(given)
            assert (type(found), found.instance_id, found.get_input()) == (kind, "one", 1)


def test_what_an_app_changes_in_its_history_is_forgotten_by_the_next_episode() -> None:
    """On Azure each episode reads its history anew: what an app marks or edits in it must not depend on whether the instance was kept."""
    context: Any = sys.modules[CONTEXT]
    at, parent = "2026-03-02T09:00:00.0000000Z", {"name": "all", "instance": "zero", "execution": "y", "task": 0}
    events = [
        h.event(h.ORCHESTRATOR_STARTED, at),
        h.execution_started(at, "main", '"1"', "one", "x", "", parent),
        h.event(h.EVENT_RAISED, at, Name="decision", Input='"yes"'),
    ]
    trigger = Trigger(events, '"1"', "one", "zero", [], replaying=False)
    text = str(trigger)
    with sdk.adjusted():
        from_json = context.DurableOrchestrationContext.from_json
        for _ in range(3):
            found = from_json(trigger)
            found.decision_started_event.of_ours = 1
            found = from_json(trigger)
            assert found.histories, "asked for by the SDK's own handle, before it calls the app"
            assert [vars(each) for each in found.histories] == [vars(each) for each in from_json(text).histories]
            for each in found.histories:
                each.is_processed, each.Name, each.Input, each.of_ours = True, "changed", None, 1
            found.histories[1].OrchestrationInstance["InstanceId"] = "changed"
            found.histories[1].ParentInstance["OrchestrationInstance"].clear()
            found.histories.clear()
    assert str(trigger) == text


TRACED = """
import azure.durable_functions as df

app = df.DFApp()
bodies = []


class Traced:
    def __init__(self, wrapped):
        self.__wrapped__ = wrapped

    def __getattr__(self, name):
        return getattr(self.__wrapped__, name)

    def __call__(self, context):
        bodies.append(context.body)
        return self.__wrapped__(context)


@app.orchestration_trigger(context_name="context")
def main(context):
    return context.get_input()


main._function._func = Traced(main._function._func)
"""


async def test_what_stands_before_an_orchestrator_gets_what_it_gets_on_azure(tmp_path: Path) -> None:
    """A library that traces calls puts an object in the handle's place, which answers for its attributes too (wrapt's ObjectProxy)."""
    app_dir = tmp_path / "app"
    app_dir.mkdir()
    (app_dir / "function_app.py").write_text(TRACED)
    async with running(app_dir, tmp_path / "state") as host:
        await host.engine.start_instance("main", '{"a": 1}', "one")
        await host.settle()
        status = await host.engine.get("one")
        assert (status and status.output_json) == '{"a":1}'
        assert [json.loads(body)["instanceId"] for body in sys.modules["function_app"].bodies] == ["one"]


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
    context: Any = sys.modules[CONTEXT]

    def everything() -> list[dict[str, Any]]:
        return [dict(vars(each)) for each in (events, context, context.DurableOrchestrationContext, sys.modules[EXECUTOR])]

    before = everything()
    with sdk.adjusted():
        assert events.dt_parse is sdk.parse_timestamp
        assert everything() != before
    assert everything() == before
    monkeypatch.setenv("STANDALONE_PLAIN_SDK", "1")
    with sdk.adjusted():
        assert everything()[:3] == before[:3]


def an_older_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(sys.modules[CONTEXT], "sub_orchestrator_output_type")


def an_older_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(_durable_functions, "_is_strict_mode")
    monkeypatch.delattr(_durable_functions, "json")


@pytest.mark.parametrize("older", [an_older_sdk, an_older_library])
def test_an_older_sdk_is_left_as_it_is(older: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Apps pin what they were written with; nothing is proved of its parts, and some are not there."""
    context: Any = sys.modules[CONTEXT]
    older(monkeypatch)
    before = dict(vars(context)), dict(vars(_durable_functions))
    with sdk.adjusted():
        assert (dict(vars(context)), dict(vars(_durable_functions))) == before


async def test_an_older_sdk_has_no_session_to_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """It made one for each request; nothing is put into its module that it does not know."""
    for name in ("_client_session", "_session_lock"):
        monkeypatch.delattr(http_utils, name)
    before = dict(vars(http_utils))
    await sdk.close_session()
    assert dict(vars(http_utils)) == before


def test_a_main_process_with_workers_does_not_load_the_sdk() -> None:
    """It needs none of it, and would start later and be larger."""
    look = "import sys, standalone.command; print([name for name in sys.modules if name.startswith(('azure', 'dateutil'))])"
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert found.stdout == "[]\n"
