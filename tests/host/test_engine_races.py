"""What comes while a commit is under way: the file shows the past then, and nobody may take it for the present."""

import asyncio
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from standalone.contracts import InstanceQuery
from standalone.engine import Engine, EngineSettings, commits, entity
from standalone.engine import history as h
from standalone.engine.messages import Episode
from standalone.engine.orchestration import microseconds
from standalone.engine.store import Group
from standalone.workers import ProcessWorkers
from tests.host.enginehost import BEGINNING, Host, running
from tests.host.test_workers import one_process, until_status

APP = Path(__file__).parent / "engine_app"
EVERYTHING = InstanceQuery(created_from=BEGINNING - timedelta(days=1))


class SlowDisk:
    """Holds each commit of an engine until one is let through."""

    slow: ClassVar[list["SlowDisk"]] = []

    def __init__(self, engine: Engine) -> None:
        self._store = engine._store
        self._commit, self._permits = self._store.commit, threading.Semaphore(0)
        self._begun = 0
        self._store.commit = self._hold  # type: ignore[method-assign]
        self.slow.append(self)

    def _hold(self, group: Group, *, waits: bool = True) -> bool:
        if not waits:
            return False
        self._begun += 1
        self._permits.acquire()
        return self._commit(group)

    async def commits(self, count: int) -> None:
        """Wait until the commit of this number is under way."""
        async with asyncio.timeout(10):
            while self._begun < count:
                await asyncio.sleep(0.001)

    def let_one_through(self) -> None:
        """Let one commit happen."""
        self._permits.release()

    def is_fast_again(self) -> None:
        """Hold nothing any more."""
        self._store.commit = self._commit  # type: ignore[method-assign]
        self._permits.release(1000)


@pytest.fixture(autouse=True)
def no_moment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A commit here begins before a worker process can have answered; whatever fails, no thread is held for ever."""
    monkeypatch.setattr(commits, "MOMENT", 0.0)
    yield
    while SlowDisk.slow:
        SlowDisk.slow.pop().is_fast_again()


def signal_later(host: Host, key: str, at: datetime) -> None:
    """Have a signal of 1 for a counter scheduled, as an orchestration may."""
    dispatcher = host.engine._dispatcher
    told = entity.request("add", json.dumps("1"), request_id="signal")
    event = h.event(h.EVENT_RAISED, h.stamp(host.clock.now()), Name="op", Input=told)
    dispatcher._post_later(dispatcher.entity(f"@counter@{key}"), h.text(event), microseconds(at))


async def test_a_timer_that_an_episode_has_taken_does_not_ring_again_before_that_is_on_disk(tmp_path: Path) -> None:
    """A scheduled signal was counted twice when another timer came due during the commit of what it had done."""
    async with running(APP, tmp_path) as host:
        due = BEGINNING + timedelta(seconds=5)
        signal_later(host, "a", due)
        await host.engine.settle()

        disk = SlowDisk(host.engine)
        host.clock.move_to(due)
        await disk.commits(1)
        host.clock.move_to(due + timedelta(seconds=1))
        await asyncio.sleep(0)  # to the alarm
        await asyncio.sleep(0)
        disk.is_fast_again()
        await host.engine.settle()

        assert await host.engine.entity_state("counter", "a") == "1"


async def test_an_instance_begun_anew_is_there_while_others_are_being_purged(tmp_path: Path) -> None:
    """Its id was taken for that of a purged one until no purge was under way: what was sent to it got lost."""
    async with running(APP, tmp_path) as host:
        for name in ("again", "old"):
            await host.engine.start_instance("calls_unknown", None, name)
        await host.engine.settle()

        disk = SlowDisk(host.engine)
        started = asyncio.create_task(host.engine.start_instance("approval", '{"name": "ana"}', "again"))
        await disk.commits(1)
        purged = asyncio.create_task(host.engine.purge("old"))
        await asyncio.sleep(0)
        disk.let_one_through()
        await started
        raised = asyncio.create_task(host.engine.raise_event("again", "decision", '"yes"'))
        await asyncio.sleep(0)
        disk.is_fast_again()
        await asyncio.gather(purged, raised)
        await host.engine.settle()

        found = await host.engine.get("again")
        assert found is not None
        assert found.output_json == '["hello ana","yes"]'


async def test_what_is_purged_before_its_end_takes_its_timers_with_it(tmp_path: Path) -> None:
    """A purge by filter takes running instances too. After a restart their numbers are used again, and timers left behind would ring."""
    async with running(APP, tmp_path) as host:
        await host.engine.start_instance("approval", '{"name": "ana"}')
        signal_later(host, "a", BEGINNING + timedelta(seconds=5))
        await host.engine.settle()
        assert host.engine.next_due() == BEGINNING + timedelta(seconds=5)

        await host.engine.purge_matching(EVERYTHING)
        assert host.engine.next_due() is None
        clock = host.clock
    async with running(APP, tmp_path, clock=clock) as host:
        signal_later(host, "b", BEGINNING + timedelta(minutes=1))
        await host.advance(seconds=30)
        assert await host.engine.entity_state("counter", "b") is None
        await host.advance(seconds=30)
        assert await host.engine.entity_state("counter", "b") == "1"


async def test_an_activity_that_the_worker_was_not_told_to_start_runs_elsewhere_when_that_dies(tmp_path: Path) -> None:
    """Its episode was on the way to the disk. That it has not run is certain, so it is not failed as those that may have."""
    code = """
@app.activity_trigger(input_name="payload")
def echo(payload: str):
    return payload
@app.orchestration_trigger(context_name="context")
def asks(context):
    return (yield context.call_activity("echo", "well"))
"""
    async with one_process(tmp_path, code) as (engine, workers):
        disk = SlowDisk(engine)
        started = asyncio.create_task(engine.start_instance("asks", None, "one"))
        await disk.commits(1)
        async with asyncio.timeout(10):
            while not engine._dispatcher.commits.group.episodes:
                await asyncio.sleep(0.001)
        first = workers.pids()
        os.kill(first[0], signal.SIGKILL)
        async with asyncio.timeout(10):
            while workers.pids() == first:
                await asyncio.sleep(0.001)
        disk.is_fast_again()
        await started
        await until_status(engine, "one", "Completed")


async def test_a_rewind_that_is_asked_for_twice_at_once_happens_once(tmp_path: Path) -> None:
    """The second was judged by what the file showed before the first, and left a message that nobody would read until a restart."""
    async with running(APP, tmp_path) as host:
        instance = await host.engine.start_instance("calls_unknown", None)
        await host.engine.settle()

        await asyncio.gather(*(host.engine.rewind(instance, "again") for _ in range(2)))
        await host.engine.settle()

        found = await host.engine.get(instance, history=True)
        assert found is not None
        assert found.runtime_status == "Failed"
        assert (found.history_json or "").count('"again"') == 1
        assert host.engine._store.messages_of(host.engine._existing(instance).n) == []


WAITS = """
@app.orchestration_trigger(context_name="context")
def waits(context):
    return (yield context.wait_for_external_event("go"))
"""


def hear_later(workers: ProcessWorkers) -> tuple[Callable[[int, Any], None], list[Any]]:
    """Keep what workers tell of episodes from the engine. Answers how it is told, and a list of what is kept."""
    late: list[Any] = []
    hear = workers._receive
    workers._receive = lambda worker, message: late.append((worker, message)) if type(message) is Episode else hear(worker, message)
    return hear, late


async def test_what_a_worker_tells_after_the_engine_has_stopped_is_found_again_at_the_next_start(tmp_path: Path) -> None:
    """Workers end after the engine. The event was acknowledged and is on disk; its episode comes too late to be."""
    async with one_process(tmp_path, WAITS) as (engine, workers):
        await engine.start_instance("waits", None, "one")
        await engine.settle()
        hear, late = hear_later(workers)
        await engine.raise_event("one", "go", '"told"')
        async with asyncio.timeout(10):
            while not late:
                await asyncio.sleep(0.001)
        await engine.stop()

        wrong: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: wrong.append(context))
        hear(*late[0])
        await asyncio.sleep(0.01)
        assert wrong == []

        await engine.start()
        await until_status(engine, "one", "Completed")


async def test_what_comes_while_the_last_commit_is_under_way_is_kept_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The engine stops once what it had taken in is on disk; nobody who came later waits for ever, and no closed file is asked."""
    wrong: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: wrong.append(context))
    async with running(APP, tmp_path) as host:
        await host.engine.start_instance("approval", '{"name": "ana"}', "one")
        await host.engine.start_instance("calls_unknown", None, "two")
        await host.engine.settle()
        disk = SlowDisk(host.engine)
        caplog.clear()
        first = asyncio.create_task(host.engine.raise_event("one", "a", "1"))
        await disk.commits(1)
        stopped = asyncio.create_task(host.engine.stop())
        second = asyncio.create_task(host.engine.raise_event("one", "b", "1"))
        disk.let_one_through()
        await disk.commits(2)
        third = asyncio.create_task(host.engine.purge("two"))
        await asyncio.sleep(0)
        disk.is_fast_again()
        outcomes = await asyncio.gather(first, second, third, stopped, return_exceptions=True)
        await asyncio.sleep(0.01)
        assert wrong == caplog.records == []
        assert set(outcomes) == {None}

        await host.engine.start()
        await host.engine.settle()
        found = await host.engine.get("one", history=True)
        assert found is not None
        raised = [event["Name"] for event in json.loads(found.history_json or "[]") if event["EventType"] == "EventRaised"]
        assert raised == ["a", "b"]
        assert await host.engine.get("two") is None


async def test_what_a_dying_worker_left_unanswered_comes_before_what_came_while_its_instance_waited_for_a_seat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The older message was in memory, the newer one left on disk and read first: an event came before the start, which stood for ever."""
    one_seat = EngineSettings(synchronous="OFF", most_active=1)
    async with running(APP, tmp_path, settings=one_seat) as host:
        for name in ("first", "second"):
            await host.engine.start_instance("approval", '{"name": "ana"}', name)
            await host.engine.settle()
        host.engine._dispatcher._seats.patience = 60  # in time that stands nobody waits long
        with monkeypatch.context() as dying:
            dying.setattr(host.workers, "send", lambda *_: None)
            await host.engine.raise_event("first", "a", "1")
            await host.engine.raise_event("second", "a", "1")
        host.engine._dispatcher._worker_lost(0, "it died", frozenset())
        await host.engine.raise_event("second", "b", "1")
        await host.engine.settle()

        found = await host.engine.get("second", history=True)
        assert found is not None
        assert [event["Name"] for event in json.loads(found.history_json or "[]") if event["EventType"] == "EventRaised"] == ["a", "b"]
