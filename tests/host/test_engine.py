"""What the engine promises to whoever asks it, beyond what the recorded cases show: durability, identity, order, pages, limits."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from standalone import contracts
from standalone.contracts import InstanceQuery
from standalone.engine import Engine, EngineSettings
from standalone.engine import history as h
from standalone.engine.decisions import Answer, Known
from standalone.engine.messages import Arrival, Load
from standalone.engine.orchestration import Orchestration
from standalone.engine.versions import newer
from tests.host.enginehost import BEGINNING, Host, StandingClock, running

APP = Path(__file__).parent / "engine_app"


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    async with running(APP, tmp_path) as host:
        yield host


async def status_of(engine: Engine, instance: str) -> contracts.InstanceStatus:
    found = await engine.get(instance)
    assert found is not None
    return found


async def output_of(host: Host, name: str, given: Any = None, **options: Any) -> Any:
    """Start, let everything happen, and answer the output."""
    instance = await host.engine.start_instance(name, json.dumps(json.dumps(given)), **options)  # twice, as the client does
    await host.engine.settle()
    found = await status_of(host.engine, instance)
    return json.loads(found.output_json or "null")


async def test_an_event_and_a_timer_race_and_either_may_win(host: Host) -> None:
    """The one pattern that everything else is built of."""
    early = await host.engine.start_instance("approval", '{"name": "ana"}')
    late = await host.engine.start_instance("approval", '{"name": "bob"}')
    await host.engine.settle()
    await host.engine.raise_event(early, "decision", '{"ok": true}')

    await host.advance(hours=2)

    assert (await status_of(host.engine, early)).output_json == '["hello ana",{"ok":true}]'
    assert (await status_of(host.engine, late)).output_json == '["hello bob","nobody"]'


async def test_what_waits_is_told_in_words(host: Host) -> None:
    """Whoever looks at an instance that stands still wants to know at what."""
    instance = await host.engine.start_instance("approval", '{"name": "ana"}')
    await host.engine.settle()

    told = json.loads((await status_of(host.engine, instance)).waits_json or "null")

    assert told["python"] == "waits"
    assert told["engine"] == ["any of (the event decision, a timer until 2026-03-02 10:00:00 UTC)"]


async def test_waiting_instances_go_on_where_they_were_after_a_restart(tmp_path: Path) -> None:
    """A host that is stopped loses nothing: the timer that came due meanwhile fires, the event arrives."""
    async with running(APP, tmp_path) as first:
        for name in ("ana", "bob"):
            await first.engine.start_instance("approval", json.dumps({"name": name}), name)
        await first.engine.settle()
        await first.engine.raise_event("ana", "decision", '"yes"')

    async with running(APP, tmp_path, clock=StandingClock(BEGINNING + timedelta(hours=3))) as second:
        await second.engine.settle()
        assert (await status_of(second.engine, "ana")).output_json == '["hello ana","yes"]'
        assert (await status_of(second.engine, "bob")).output_json == '["hello bob","nobody"]'


async def test_an_id_in_use_is_refused_and_one_that_has_ended_is_taken_over(host: Host) -> None:
    """As the real engine: 409 while it runs; silently replaced, history and all, once it has ended."""
    await host.engine.start_instance("approval", '{"name": "ana"}', "one")
    with pytest.raises(contracts.InstanceExists):
        await host.engine.start_instance("approval", '{"name": "ana"}', "one")
    await host.engine.terminate("one", "enough")
    await host.engine.settle()

    await host.engine.start_instance("approval", '{"name": "bob"}', "one")
    await host.engine.settle()

    told = await host.engine.get("one", history=True)
    assert told is not None
    assert told.runtime_status == "Running"
    assert told.custom_status_json == '{"waits for":"decision"}'
    assert len(json.loads(told.history_json or "[]")) == 3


async def test_of_starts_at_once_under_one_id_one_runs(host: Host) -> None:
    """Eight clients with the same idea: one instance, and each is told the truth."""
    answers = await asyncio.gather(
        *(host.engine.start_instance("approval", '{"name": "ana"}', "one") for _ in range(8)), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["InstanceExists"] * 7 + ["str"]


async def test_more_instances_than_seats_all_come_to_their_end(tmp_path: Path) -> None:
    """What is accepted beyond what can be busy waits on disk, is loaded when there is room, and rests without memory."""
    settings = EngineSettings(most_active=3, most_seated=2, synchronous="OFF")
    async with running(APP, tmp_path, settings=settings) as host:
        names = [f"n{number}" for number in range(40)]
        await asyncio.gather(*(host.engine.start_instance("approval", json.dumps({"name": name}), name) for name in names))
        await host.engine.settle()
        assert len(list(host.engine._dispatcher._seats.all())) <= settings.most_active + settings.most_seated
        await asyncio.gather(*(host.engine.raise_event(name, "decision", "1") for name in names))
        await host.engine.settle()
        assert {(await status_of(host.engine, name)).output_json for name in names} == {f'["hello {name}",1]' for name in names}


async def test_activities_that_take_hours_keep_nobody_waiting(tmp_path: Path) -> None:
    """Those that are busy for long do not count as busy for ever: what comes after them is run beside them."""
    async with running(APP, tmp_path, settings=EngineSettings(most_active=3, most_seated=2, synchronous="OFF")) as host:
        for number in range(10):
            await host.engine.start_instance("works_long", '"5"', f"long{number}")
        await host.engine.start_instance("echoes", '"7"', "short")
        await asyncio.wait_for(host.engine.settle(), 20)
        assert (await status_of(host.engine, "short")).output_json == "7"
        await asyncio.wait_for(host.advance(hours=5), 20)
        assert (await status_of(host.engine, "long9")).output_json == '"took 5"'


async def test_pages_follow_one_another_without_gap_or_repetition(host: Host) -> None:
    """By creation, by status, by id prefix: each page goes on where the last one ended, whatever is started meanwhile."""
    for number in range(25):
        host.clock.move_to(BEGINNING + timedelta(seconds=number // 3))
        await host.engine.start_instance("approval", '{"name": "ana"}', f"{'ab'[number % 2]}-{number:02}")
    await host.engine.settle()
    for number in range(0, 25, 4):
        await host.engine.terminate(f"{'ab'[number % 2]}-{number:02}", "enough")
    await host.engine.settle()

    async def all_of(**query: Any) -> list[str]:
        found, token = [], None
        while True:
            page = await host.engine.query(InstanceQuery(top=4, continuation=token, **query))
            found += [status.instance_id for status in page.instances]
            token = page.continuation
            if token is None:
                return found

    names = [f"{'ab'[number % 2]}-{number:02}" for number in range(25)]
    ended = [f"{'ab'[number % 2]}-{number:02}" for number in range(0, 25, 4)]
    assert await all_of() == names
    assert await all_of(statuses=frozenset({"Terminated"})) == ended
    assert await all_of(statuses=frozenset({"Terminated", "Running"})) == names
    assert await all_of(id_prefix="b-") == names[1::2]
    assert await all_of(created_from=BEGINNING + timedelta(seconds=8)) == names[24:]
    assert (await host.engine.query(InstanceQuery(top=0))).continuation


async def test_purging_takes_the_ended_and_leaves_nothing_behind(host: Host, tmp_path: Path) -> None:
    """One that runs is refused; one that has ended is gone with its history, and its id is free."""
    await host.engine.start_instance("approval", '{"name": "ana"}', "one")
    await host.engine.settle()
    with pytest.raises(contracts.InstanceNotInState, match="has status Running"):
        await host.engine.purge("one")
    await host.engine.terminate("one", "enough")
    await host.engine.settle()
    await host.engine.purge("one")

    assert await host.engine.get("one") is None
    file = sqlite3.connect(tmp_path / "engine.sqlite")
    assert [file.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("instances", "history", "messages", "timers")] == [
        0
    ] * 4
    file.close()
    with pytest.raises(contracts.InstanceNotFound):
        await host.engine.purge("one")


async def test_an_unknown_activity_fails_its_orchestration_with_the_known_names(host: Host) -> None:
    """Our one kindness: the real engine says nothing, and waits for ever."""
    told = await output_of(host, "calls_unknown")
    assert "The function 'nowhere' doesn't exist" in told
    assert "'greet'" in told


async def test_a_name_that_is_no_text_is_an_unknown_one(host: Host) -> None:
    """The SDK hands on whatever it was given."""
    assert "The function '5' doesn't exist" in await output_of(host, "calls_a_number")


async def test_an_unknown_orchestrator_is_accepted_and_fails(host: Host) -> None:
    """As the real engine: 202, then Failed, with the names there are."""
    told = await output_of(host, "nobody")
    assert "The function 'nobody' doesn't exist, is disabled, or is not an orchestrator function" in told


async def test_a_custom_status_of_8703_units_passes_and_one_more_fails(host: Host) -> None:
    """UTF-16 units of JSON text, quotes included, whatever the letters are."""
    for letter in ("s", "é"):
        assert await output_of(host, "status_of_size", [letter, 8701]) == "ended"
        assert "must not exceed 16 KB. The current payload size is 17 KB." in await output_of(host, "status_of_size", [letter, 8702])


async def test_what_is_not_json_and_what_is_not_a_task_fail_as_on_the_real_engine(host: Host) -> None:
    """Errors inside the SDK hide behind words of the extension; people search for exactly these."""
    told = await output_of(host, "yields_no_task")
    assert told.startswith("Orchestrator function 'yields_no_task' failed: One or more errors occurred. (Result: Failure")
    told = await output_of(host, "returns_a_set")
    assert told.startswith("Non-Deterministic workflow detected: A previous execution of this orchestration scheduled an activity task")


async def test_a_next_step_that_cannot_be_fails_its_orchestration(host: Host) -> None:
    """Whatever goes wrong in the extension's own part is a failure, as in .NET, and not an instance that stands still."""
    instance = await host.engine.start_instance("tries_again_in_30_000_years", None)
    await host.engine.settle()
    found = await status_of(host.engine, instance)
    assert (found.runtime_status, found.output_json) == (
        "Failed", '"Orchestrator function \'tries_again_in_30_000_years\' failed: date value out of range"',
    )  # fmt: skip


async def test_an_activity_that_the_app_no_longer_has_fails(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The app may be changed while one is under way: the host starts, and its orchestration hears of it."""
    code = "import azure.durable_functions as df\nimport asyncio\napp = df.DFApp()\n"
    old = "@app.activity_trigger(input_name='payload')\nasync def act(payload: str):\n    await asyncio.sleep(3600)\n"
    calls = "@app.orchestration_trigger(context_name='context')\ndef calls(context):\n    yield context.call_activity('act', 1)\n"
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "function_app.py").write_text(code + old + calls)
    async with running(tmp_path / "app", tmp_path) as host:
        await host.engine.start_instance("calls", None, "one")
        await host.engine.settle()
    (tmp_path / "app" / "function_app.py").write_text(code + old.replace("act(", "other(") + calls.replace("'act'", "'other'"))
    async with running(tmp_path / "app", tmp_path) as host:
        await host.engine.settle()
        assert (await status_of(host.engine, "one")).runtime_status == "Failed"
        assert "Activity function 'act' does not exist." in caplog.text


async def test_a_child_without_a_version_gets_the_default_one(tmp_path: Path) -> None:
    """host.json's defaultVersion is for whoever is given none; a version that is given stays."""
    async with running(APP, tmp_path, settings=EngineSettings(default_version="1.2", version_match="None", synchronous="OFF")) as host:
        assert await output_of(host, "versions") == ["1.2", "1.2", "7"]
        assert await output_of(host, "versions", version="3") == ["3", "1.2", "7"]


async def test_an_instance_that_goes_on_with_its_resume_keeps_the_reason_of_the_suspend(host: Host) -> None:
    """Its row is written without an output then, as by the real engine; a resume that leads nowhere tells its own reason."""
    instance = await host.engine.start_instance("renews_with_each_event", None)
    await host.engine.settle()
    await host.engine.suspend(instance, "pause")
    await host.engine.raise_event(instance, "e", "1")
    await host.engine.settle()
    await host.engine.resume(instance, "go on")
    await host.engine.settle()
    assert (await status_of(host.engine, instance)).output_json == '"pause"'
    await host.engine.suspend(instance, "again")
    await host.engine.resume(instance, "nothing to do")
    await host.engine.settle()
    assert (await status_of(host.engine, instance)).output_json == '"nothing to do"'


async def test_an_instance_that_continues_as_new_was_created_then(host: Host) -> None:
    """Its row is that of the new execution, so that filters by time find it there, as with the real engine."""
    instance = await host.engine.start_instance("renews_with_each_event", None)
    await host.advance(hours=1)
    await host.engine.raise_event(instance, "nobody", "1")
    await host.settle()
    assert (await status_of(host.engine, instance)).created == BEGINNING
    await host.engine.raise_event(instance, "e", "1")
    await host.settle()
    assert (await status_of(host.engine, instance)).created == BEGINNING + timedelta(hours=1)


async def test_an_empty_version_is_one(tmp_path: Path) -> None:
    """Whoever gives it means none, and gets neither host.json's nor null, as there."""
    async with running(APP, tmp_path, settings=EngineSettings(default_version="1.2", synchronous="OFF")) as host:
        assert await output_of(host, "version", version="") == ""
        assert await output_of(host, "version") == "1.2"


async def test_without_any_version_there_is_none(host: Host) -> None:
    """Not an empty text: `if context.version is None` is what apps ask."""
    assert await output_of(host, "version") is None


async def test_a_version_above_the_hosts_waits_for_a_host_that_runs_it(tmp_path: Path) -> None:
    """A deployment that was rolled back must not run what the newer code began; and none of it holds up the clock."""
    old = EngineSettings(default_version="1.9", synchronous="OFF")
    async with running(APP, tmp_path, settings=old) as host:
        begun = await host.engine.start_instance("version", None, version="1.10")
        unwanted = await host.engine.start_instance("version", None, version="2.0")
        parent = await host.engine.start_instance("versions", None)  # has a child of version 7
        assert await output_of(host, "version", version="1.8") == "1.8"
        assert await output_of(host, "version") == "1.9"
        await host.engine.terminate(unwanted, "no")
        await host.advance(hours=1)
        assert (await status_of(host.engine, begun)).runtime_status == "Pending"
        assert (await status_of(host.engine, parent)).runtime_status == "Running"
        assert (await status_of(host.engine, unwanted)).runtime_status == "Terminated"
    async with running(APP, tmp_path, settings=EngineSettings(default_version="7.0", synchronous="OFF")) as host:
        await host.engine.settle()
        assert (await status_of(host.engine, begun)).output_json == '"1.10"'
        assert (await status_of(host.engine, parent)).output_json == '["1.9","1.9","7"]'


async def test_a_due_timer_of_a_version_above_the_hosts_holds_up_nobody(tmp_path: Path) -> None:
    """Time goes on for all others; the timer counts as soon as a host runs that version."""
    old, new = (EngineSettings(default_version=version, synchronous="OFF") for version in ("1.0", "2.0"))
    clock = StandingClock()
    async with running(APP, tmp_path, clock=clock, settings=new) as host:
        ahead = await host.engine.start_instance("sleeps", '"1"')
        await host.engine.settle()
    async with running(APP, tmp_path, clock=clock, settings=old) as host:
        other = await host.engine.start_instance("sleeps", '"2"')
        async with asyncio.timeout(10):
            await host.advance(days=1, hours=1)
            assert host.engine.next_due() == BEGINNING + timedelta(days=2)
            await host.advance(days=1)
        assert (await status_of(host.engine, ahead)).runtime_status == "Running"
        assert (await status_of(host.engine, other)).runtime_status == "Completed"
        assert host.engine.next_due() is None
    async with running(APP, tmp_path, clock=clock, settings=new) as host:
        await host.engine.settle()
        assert (await status_of(host.engine, ahead)).runtime_status == "Completed"


async def test_a_version_that_does_not_match_fails_when_it_shall(tmp_path: Path) -> None:
    """host.json: versionMatchStrategy Strict, versionFailureStrategy Fail. The words are the real engine's."""
    settings = EngineSettings(default_version="1.0", version_match="Strict", version_failure="Fail", synchronous="OFF")
    async with running(APP, tmp_path, settings=settings) as host:
        assert await output_of(host, "version") == "1.0"
        refused = "VersionMismatch: Orchestration version did not comply with Worker Versioning"
        assert await output_of(host, "versions") == "Orchestrator function 'versions' failed: None \n None"  # of a child of version 7
        assert await output_of(host, "version", version="0.9") == await output_of(host, "version", version="1.0.0") == refused


@pytest.mark.parametrize(
    ("version", "other", "above"),
    [
        ("2.0", "1.10", True),
        ("1.9", "1.10", False),
        ("1.0.0", "1.0", True),
        ("1", "", True),
        ("", "1", False),
        ("", "", False),
        ("B", "a", True),
    ],
)
def test_versions_are_compared_as_the_real_engine_compares_them(version: str, other: str, above: bool) -> None:
    """Numbers with dots as numbers, other text as text, none at all below everything."""
    assert newer(version, other) is above


async def test_an_entity_is_listed_by_its_id(host: Host) -> None:
    """Clients tell entities from orchestrations by it; the custom status tells whether one has a state."""
    await host.engine.signal_entity("counter", "k", "add", '"2"')
    await host.engine.settle()
    (listed,) = (await host.engine.query(InstanceQuery())).instances
    assert (listed.name, listed.custom_status_json) == ("@counter@k", '{"entityExists": true}')


async def test_a_long_timer_is_a_chain_of_three_day_ones(host: Host) -> None:
    """Beyond six days the SDK splits: thirty days pass in a moment here, and end when they should."""
    instance = await host.engine.start_instance("sleeps", '"30"')
    await host.advance(days=29, hours=23)
    assert (await status_of(host.engine, instance)).runtime_status == "Running"
    await host.advance(hours=1)
    assert (await status_of(host.engine, instance)).runtime_status == "Completed"
    told = await host.engine.get(instance, history=True)
    assert [event["EventType"] for event in json.loads((told and told.history_json) or "[]")].count("TimerFired") == 9  # 8 x 3 days, 1 x 6


async def test_a_thousand_new_executions_keep_a_short_history(host: Host) -> None:
    """continue_as_new is for loops without end: each execution begins with an empty history, and others are not held up."""
    instance = await host.engine.start_instance("counts_down", '"1000"')
    other = await host.engine.start_instance("approval", '{"name": "ana"}')
    await host.engine.settle()
    assert (await status_of(host.engine, instance)).output_json == '"landed"'
    assert (await status_of(host.engine, other)).custom_status_json == '{"waits for":"decision"}'
    told = await host.engine.get(instance, history=True)
    assert len(json.loads((told and told.history_json) or "[]")) == 2


async def test_restart_begins_the_same_again(host: Host) -> None:
    """With a new id beside the old instance, with the old id in its place once it has ended."""
    await host.engine.start_instance("approval", '{"name": "ana"}', "one")
    await host.engine.settle()
    with pytest.raises(contracts.InstanceExists):
        await host.engine.restart("one", new_id=False)
    other = await host.engine.restart("one", new_id=True)
    await host.engine.settle()
    assert (await status_of(host.engine, other)).custom_status_json == '{"waits for":"decision"}'
    with pytest.raises(contracts.InstanceNotFound):
        await host.engine.restart("two", new_id=True)


async def test_an_entity_keeps_its_state_over_a_restart_and_counts_each_signal_once(tmp_path: Path) -> None:
    """Signals of clients, state for clients; a name in any case, a key in its own."""
    async with running(APP, tmp_path) as host:
        assert await host.engine.entity_state("counter", "k") is None
        for _ in range(5):
            await host.engine.signal_entity("Counter", "k", "add", '"2"')
        await host.engine.settle()
        assert await host.engine.entity_state("counter", "k") == "10"
        with pytest.raises(contracts.FunctionUnknown, match="not an entity function"):
            await host.engine.signal_entity("nobody", "k", "add", None)
    async with running(APP, tmp_path) as host:
        assert await host.engine.entity_state("COUNTER", "k") == "10"
        assert await host.engine.entity_state("counter", "K") is None


async def test_an_entity_minds_operations_and_no_other_event(host: Host) -> None:
    """Anybody who may raise events may raise one at an entity's id; what is no operation is dropped, and the next one is done."""
    await host.engine.signal_entity("counter", "a", "add", '"1"')
    await host.engine.settle()
    for name, given in (
        ("decision", "1"),
        ("op", "1"),
        ("op", "null"),
        ("op", '{"op": "add"}'),
        ("no", '{"op": "add", "signal": true, "id": "i"}'),
    ):
        await host.engine.raise_event("@counter@a", name, given)
    await host.engine.signal_entity("counter", "a", "add", '"2"')
    await asyncio.wait_for(host.engine.settle(), 10)
    assert await host.engine.entity_state("counter", "a") == "3"


async def test_hostile_text_comes_through_and_lone_surrogates_become_replacement_characters(host: Host) -> None:
    """NUL, emoji, direction marks, a megabyte: whole. Half a character: U+FFFD, as on its way through .NET."""
    given = ["\x00", "\U0001f600", "\u202e", "\r\n", "<script>", "é", "x" * 1_000_000]
    assert await output_of(host, "echoes", given) == given
    assert await output_of(host, "echoes", ["\ud800", "\U0001f600"]) == ["\ufffd", "\U0001f600"]


class WallClock(StandingClock):
    """Time that goes by itself, as far as the engine can tell, and is set without a word to anybody."""

    virtual = False

    def seconds_until(self, instant: datetime) -> float | None:
        return max(0.0, (instant - self._now).total_seconds())

    def set_to(self, instant: datetime) -> None:
        self._now = instant


async def test_a_timer_is_not_slept_through_with_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody shuts the lid, and opens it after the timer was due: the event loop has not seen that time."""
    monkeypatch.setattr("standalone.engine.alarm.LONGEST_SLEEP", 0.01)
    clock = WallClock()
    async with running(APP, tmp_path, clock=clock) as host:
        instance = await host.engine.start_instance("approval", '{"name": "ana"}')
        await host.engine.settle()
        clock.set_to(BEGINNING + timedelta(hours=2))
        async with asyncio.timeout(10):
            while (await status_of(host.engine, instance)).runtime_status == "Running":
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("back", [timedelta(seconds=1), timedelta(days=3)])
async def test_an_orchestration_goes_on_when_the_clock_is_set_back(tmp_path: Path, back: timedelta) -> None:
    """Its history then has times that go back; what was due waits for its time to come again."""
    clock = WallClock()
    async with running(APP, tmp_path, clock=clock) as host:
        names = ["decided", "late"]
        for name in names:
            await host.engine.start_instance("approval", '{"name": "ana"}', name)
        await host.engine.settle()
    clock.set_to(BEGINNING - back)
    async with running(APP, tmp_path, clock=clock) as host:
        await host.engine.raise_event("decided", "decision", '"yes"')
        await host.advance(minutes=59)
        assert (await status_of(host.engine, "late")).runtime_status == "Running"
        await host.advance(minutes=1, seconds=back.total_seconds())
        assert [(await status_of(host.engine, name)).output_json for name in names] == ['["hello ana","yes"]', '["hello ana","nobody"]']


async def test_a_full_disk_refuses_what_it_cannot_keep_and_goes_on_when_there_is_room(host: Host) -> None:
    """Nothing is acknowledged that is not on disk; what was there before is whole, and waits go on afterwards."""
    await host.engine.start_instance("approval", '{"name": "ana"}', "before")
    await host.engine.settle()
    host.fill_disk()
    with pytest.raises(contracts.StoreFailed, match="cannot be written"):
        await host.engine.start_instance("approval", json.dumps({"name": "x" * 100_000}), "refused")
    with pytest.raises(contracts.StoreFailed):
        await host.engine.raise_event("before", "decision", "1")

    host.make_room()
    await host.writes_again()
    assert await host.engine.get("refused") is None
    await host.engine.raise_event("before", "decision", "1")
    await host.engine.settle()
    assert (await status_of(host.engine, "before")).output_json == '["hello ana",1]'


@pytest.mark.parametrize("part", ["the commit", "what follows from it"])
async def test_a_commit_that_fails_of_an_unknown_cause_is_like_a_full_disk(host: Host, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    """Those who wait are told, and the engine begins again from the file: nobody waits for ever."""
    await host.engine.start_instance("approval", '{"name": "ana"}', "before")
    await host.engine.settle()
    faults = iter([ValueError("no cause that is known")])

    def fails_once(*given: Any, **options: Any) -> Any:
        for fault in faults:
            raise fault
        return undisturbed(*given, **options)

    commits, store = host.engine._dispatcher.commits, host.engine._store
    owner, name = (store, "commit") if part == "the commit" else (commits, "_written")
    undisturbed = getattr(owner, name)
    monkeypatch.setattr(owner, name, fails_once)
    with pytest.raises(contracts.StoreFailed, match="no cause that is known"):
        await asyncio.wait_for(host.engine.raise_event("before", "decision", "1"), 10)
    async with asyncio.timeout(10):
        await host.writes_again()
        if part == "the commit":
            await host.engine.raise_event("before", "decision", "1")
        await host.engine.settle()
    assert (await status_of(host.engine, "before")).output_json == '["hello ana",1]'


async def test_a_full_disk_ends_no_activity_twice(host: Host) -> None:
    """Instances are loaded anew then, and begin their activities again beside those that run still; the first result counts."""
    await host.engine.start_instance("works_long", '"1"', "long")
    await host.engine.settle()
    await fill_the_disk_for_a_moment(host)
    await host.advance(minutes=59)
    assert (await status_of(host.engine, "long")).runtime_status == "Running"
    await asyncio.wait_for(host.advance(minutes=1), 10)
    assert (await status_of(host.engine, "long")).output_json == '"took 1"'


async def test_the_engine_stops_while_the_disk_is_full(tmp_path: Path) -> None:
    """Those who wait are told, the log says why, and the file is closed."""
    async with running(APP, tmp_path) as host:
        await host.engine.start_instance("approval", '{"name": "ana"}', "before")
        await host.engine.settle()
        host.fill_disk()
        refused = asyncio.create_task(host.engine.start_instance("approval", json.dumps({"name": "x" * 100_000}), "refused"))
        await asyncio.sleep(0)
    with pytest.raises(contracts.StoreFailed, match="cannot be written"):
        await refused
    async with running(APP, tmp_path) as host:
        assert await host.engine.get("refused") is None
        assert (await status_of(host.engine, "before")).runtime_status == "Running"


async def test_who_waits_for_all_to_be_done_is_told_that_the_disk_is_full(host: Host) -> None:
    """Nothing more will be done until there is room: a clock that is to be moved must not hang."""
    await host.engine.start_instance("approval", '{"name": "ana"}', "before")
    await host.engine.settle()
    host.fill_disk()
    refused = asyncio.create_task(host.engine.start_instance("approval", json.dumps({"name": "x" * 100_000}), "refused"))
    await asyncio.sleep(0)
    with pytest.raises(contracts.StoreFailed, match="cannot be written"):
        await asyncio.wait_for(host.engine.settle(), 5)
    with pytest.raises(contracts.StoreFailed, match="cannot be written"):
        await refused


async def test_a_rewind_goes_on_though_whoever_asked_for_it_is_gone(host: Host) -> None:
    """It is in the file: an instance that nobody lets go on would stand until the next start."""
    await host.engine.start_instance("calls_unknown", None, "one")
    await host.engine.settle()
    asked = asyncio.create_task(host.engine.rewind("one", "again"))
    await asyncio.sleep(0)
    asked.cancel()
    await asyncio.wait_for(host.engine.settle(), 5)
    assert (await status_of(host.engine, "one")).runtime_status == "Failed"


@pytest.mark.parametrize(
    ("name", "status", "told"),
    [("makes_large", "Completed", "Activity function 'large' failed: What it gave is too"), ("is_large", "Failed", "")],
)
async def test_what_is_too_large_for_the_file_fails_alone(host: Host, name: str, status: str, told: str) -> None:
    """A billion bytes is all that SQLite takes in a row: more would fail each commit, and everybody's with it, for ever."""
    await host.engine.start_instance("approval", '{"name": "ana"}', "other")
    await host.engine.settle()
    host.engine._store._writer.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 200_000)
    await host.engine.start_instance(name, json.dumps("300000"), "large")
    async with asyncio.timeout(20):
        while (found := await status_of(host.engine, "large")).runtime_status not in ("Completed", "Failed"):
            await asyncio.sleep(0.05)
    assert (found.runtime_status, told in (found.output_json or "")) == (status, True)
    await host.engine.raise_event("other", "decision", "1")
    await host.engine.settle()
    assert (await status_of(host.engine, "other")).output_json == '["hello ana",1]'


async def test_a_message_that_comes_too_late_keeps_no_seat(host: Host) -> None:
    """What is posted to one that ends just then is dropped; its instance rests like any other and makes room."""
    dispatcher = host.engine._dispatcher
    for number in range(100):
        await host.engine.start_instance("approval", '{"name": "ana"}', f"n{number}")
    await host.engine.settle()
    late = {number: dispatcher.find(f"n{number}") for number in range(100)}
    for row in late.values():
        assert row is not None
        await host.engine.terminate(row.id, "enough")
        await host.engine.settle()
        dispatcher.post(row.n, '{"EventType": 15, "EventId": -1, "Name": "decision", "Input": "1"}')
        await host.engine.settle()
    assert len(list(dispatcher._seats.all())) <= host.engine.settings.most_seated


async def fill_the_disk_for_a_moment(host: Host) -> None:
    """Until something was refused and the engine has begun again from its file."""
    host.fill_disk()
    with pytest.raises(contracts.StoreFailed, match="cannot be written"):
        await host.engine.start_instance("approval", json.dumps({"name": "x" * 100_000}), "refused")
    host.make_room()
    await host.writes_again()


def test_results_are_put_in_order_once_however_many_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fan-out of thousands ends in one episode: to sort at each result took ten seconds for 5,000."""
    many = 300
    calls = [{"actionType": 0, "functionName": "act", "input": "1"} for _ in range(many)]
    state = {"isDone": False, "actions": [[{"actionType": 12, "compoundActions": calls}]], "schemaVersion": 3}
    fan_out = Orchestration(Load(1, "one", "fans"), Known({"act": "act"}, {"fans": "fans"}), lambda _name, _trigger: Answer(state))
    fan_out.receive(Arrival(1, h.text(h.execution_started(h.stamp(BEGINNING), "fans", None, "one", "e", "", None))))
    fan_out.run(BEGINNING)
    ranked: list[h.Event] = []
    rank = Orchestration._rank

    def noted(orchestration: Orchestration, result: h.Event) -> tuple[int, int]:
        ranked.append(result)
        return rank(orchestration, result)

    monkeypatch.setattr(Orchestration, "_rank", noted)
    for number in reversed(range(many)):
        fan_out.answered(number, "1", BEGINNING)
        fan_out.in_order()
    fan_out.run(BEGINNING)
    results = [event["TaskScheduledId"] for event in fan_out.events if event["EventType"] == h.TASK_COMPLETED]
    assert (results, len(ranked)) == (list(range(many)), many)
