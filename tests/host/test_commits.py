"""How what is collected comes to the disk: at once and here when it is little, by a thread when it is much, locked or slow."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from standalone.engine import commits
from standalone.engine.commits import Committer
from standalone.engine.store import Group, Store
from tests.host.test_workers import one_process, until_status


class Written:
    """A committer on a file of its own: which thread wrote each group, and how many messages it held."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        self.by: list[tuple[str, int]] = []
        self.takes = 0.0  # seconds that the disk takes
        self.numbers = iter(range(1, 10**6))
        self._commit = self.store.commit
        self.store.commit = self._observed  # type: ignore[method-assign]
        self.committer = Committer(self.store, lambda _: None, lambda _: None, lambda: None)

    def _observed(self, group: Group, *, waits: bool = True) -> bool:
        time.sleep(self.takes)
        written = self._commit(group, waits=waits)
        if written:
            self.by.append((threading.current_thread().name.split("_")[0], len(group.messages)))
        return written

    def post(self, count: int) -> None:
        """Collect so many messages."""
        for _ in range(count):
            self.committer.group.messages[next(self.numbers)] = (1, "{}", "", False)

    async def write(self, count: int) -> None:
        """Collect so many messages and wait until they are on disk."""
        self.post(count)
        await self.committer.written()


@pytest.fixture
async def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Written]:
    monkeypatch.setattr(commits, "LONGEST_AT_ONCE", 5.0)  # whatever disk the tests run on, it is fast
    made = Written(tmp_path / "engine.sqlite")
    yield made
    await made.committer.close()
    made.store.close()


async def test_little_is_written_at_once_and_much_by_the_writer_s_thread(written: Written) -> None:
    """The way to a thread and back takes longer than a small commit; a large one would hold up whoever asks for something."""
    await written.write(1)
    await written.write(50)
    await written.write(2)
    assert written.by == [("MainThread", 1), ("writer", 50), ("MainThread", 2)]


async def test_a_locked_file_holds_up_nobody_but_those_who_write(written: Written) -> None:
    """Somebody looks into the file with another program, and keeps it locked: that is waited for in the thread."""
    with closing(sqlite3.connect(written.store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(written.write(1))
        for _ in range(20):
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            assert time.perf_counter() - began < 1
        assert not writing.done()
        other.execute("ROLLBACK")
        await asyncio.wait_for(writing, 10)
    assert written.by == [("writer", 1)]


REPAIRING = """
import fcntl, sys
with open(sys.argv[1], "r+b") as index:
    for lock in (120, 122):  # WAL_WRITE_LOCK and WAL_RECOVER_LOCK (sqlite.org/walformat.html, 2.1)
        fcntl.lockf(index, fcntl.LOCK_EX, 1, lock)
    begins = index.read(8)
    index.seek(0)
    index.write(bytes(8))
    index.flush()
    print("at it", flush=True)
    sys.stdin.read()
    index.seek(0)
    index.write(begins)
    index.flush()
"""


async def test_a_log_that_another_program_repairs_is_waited_for_too(written: Written) -> None:
    """A program that died while it wrote leaves that to the next that opens the file; SQLite has another code for this kind of busy."""
    await written.write(1)
    command = [sys.executable, "-c", REPAIRING, f"{written.store.path}-shm"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert await asyncio.to_thread(other.stdout.readline) == b"at it\n"
        writing = asyncio.create_task(written.write(1))
        await asyncio.sleep(0.05)
        assert not writing.done()
        other.communicate()
        await asyncio.wait_for(writing, 10)
    assert written.by == [("MainThread", 1), ("writer", 1)]


async def test_a_slow_disk_holds_up_the_loop_once_in_a_while_only(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a commit that took long the next ones are the thread's, until it is worth another try."""
    monkeypatch.setattr(commits, "SLOW_FOR", 1.0)
    monkeypatch.setattr(commits, "LONGEST_AT_ONCE", 0.3)
    written.takes = 0.31
    for _ in range(3):
        await written.write(1)
    assert [thread for thread, _ in written.by] == ["MainThread", "writer", "writer"]
    written.takes = 0
    await asyncio.sleep(1.0)
    await written.write(1)
    await written.write(1)
    assert [thread for thread, _ in written.by][3:] == ["MainThread", "MainThread"]


async def test_what_a_message_leads_to_in_a_moment_is_written_with_it(written: Written) -> None:
    """The commit waits for it, but not long; whoever waits for the message waits with it."""
    written.post(1)
    written.committer.shortly()
    waits = asyncio.create_task(written.committer.written())
    await asyncio.sleep(0)
    assert not written.by
    written.post(1)
    written.committer.soon()
    await waits
    written.post(1)
    written.committer.shortly()
    await asyncio.wait_for(written.committer.written(), 1)
    assert [count for _, count in written.by] == [2, 1]


async def test_the_log_is_begun_anew_by_the_thread_while_nothing_is_written_here(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both use one connection."""
    at_it, go_on = threading.Event(), threading.Event()
    begin = written.store.begin_log_anew

    def slowly() -> None:
        at_it.set()
        go_on.wait(10)
        begin()

    monkeypatch.setattr(written.store, "begin_log_anew", slowly)
    monkeypatch.setattr(written.store, "log_is_long", lambda: True)
    monkeypatch.setattr(written.store, "checkpoint_due", iter([True, *[False] * 9]).__next__)
    await written.write(1)
    await asyncio.to_thread(at_it.wait, 10)
    await asyncio.sleep(0)
    writing = asyncio.create_task(written.write(1))
    await asyncio.sleep(0.05)
    assert not writing.done()
    go_on.set()
    await asyncio.wait_for(writing, 10)
    await written.write(1)
    assert [thread for thread, _ in written.by] == ["MainThread", "writer", "MainThread"]


async def test_the_log_is_not_begun_anew_twice_at_a_time(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two looks find it long, one right behind the other: after the first, the second would use the connection beside a commit."""
    folded, go_on = threading.Event(), threading.Event()
    begun: list[str] = []

    def begin() -> None:
        begun.append("anew")
        go_on.wait(10)

    monkeypatch.setattr(written.store, "checkpoint", lambda: folded.wait(10))
    monkeypatch.setattr(written.store, "begin_log_anew", begin)
    monkeypatch.setattr(written.store, "log_is_long", lambda: True)
    monkeypatch.setattr(written.store, "checkpoint_due", iter([True, True, *[False] * 9]).__next__)
    await written.write(1)
    await written.write(1)
    folded.set()
    await asyncio.get_running_loop().run_in_executor(written.committer._sweeper, lambda: None)
    go_on.set()
    await asyncio.get_running_loop().run_in_executor(written.committer._thread, lambda: None)
    assert begun == ["anew"]


async def test_an_event_to_a_loaded_instance_and_the_episode_that_takes_it_are_one_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message is never written: the worker has taken it before anything could be."""
    groups: list[Group] = []
    commit = Store.commit

    def observed(store: Store, group: Group, **options: Any) -> bool:
        groups.append(group)
        return commit(store, group, **options)

    monkeypatch.setattr(Store, "commit", observed)
    monkeypatch.setattr(commits, "MOMENT", 5.0)
    code = """
@app.orchestration_trigger(context_name="context")
def waits(context):
    return (yield context.wait_for_external_event("decision"))
"""
    async with one_process(tmp_path, code) as (engine, _):
        await engine.start_instance("waits", None, "one")
        await until_status(engine, "one", "Running")
        del groups[:]
        await engine.raise_event("one", "decision", "1")
        assert [(len(group.messages), len(group.episodes)) for group in groups] == [(0, 1)]
