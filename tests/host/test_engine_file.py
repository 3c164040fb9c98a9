"""The engine's file: its version, and what is said and done when it cannot be written, by real limits, rights and locks."""

import asyncio
import json
import os
import re
import resource
import shutil
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from standalone import contracts
from standalone.engine import StoreUnusable, migrations, store
from standalone.engine.store import SQL, Store
from standalone.host import Host
from tests.host.edgehost import APP as EDGE_APP
from tests.host.edgehost import command, get, started
from tests.host.enginehost import running
from tests.host.test_engine import APP, status_of

DURABLE = "/runtime/webhooks/durabletask"
SCHEMA_1 = """
CREATE TABLE instances (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, status TEXT NOT NULL, created INTEGER NOT NULL,
    updated INTEGER NOT NULL, k INTEGER NOT NULL DEFAULT 0, open INTEGER NOT NULL DEFAULT 0, fresh INTEGER NOT NULL DEFAULT 0,
    input TEXT, custom TEXT, output TEXT, waits TEXT);
CREATE INDEX instances_by_status ON instances (status, created);
CREATE INDEX instances_by_creation ON instances (created);
CREATE INDEX instances_under_way ON instances (n) WHERE open > 0 OR fresh > 0;
CREATE TABLE history (r INTEGER PRIMARY KEY, n INTEGER NOT NULL, k INTEGER NOT NULL, events TEXT NOT NULL, tasks TEXT);
CREATE UNIQUE INDEX history_of_instance ON history (n, k);
CREATE TABLE messages (seq INTEGER PRIMARY KEY, n INTEGER NOT NULL, event TEXT NOT NULL, execution TEXT NOT NULL, later INTEGER NOT NULL);
CREATE INDEX messages_of_instance ON messages (n);
CREATE TABLE timers (due INTEGER NOT NULL, n INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (due, n, number)) WITHOUT ROWID;
PRAGMA user_version=1;
"""
TABLES = ("instances", "history", "messages", "timers")


def numbers(path: Path) -> tuple[int, int]:
    """What the file's header says: whose it is, and of which version."""
    with closing(sqlite3.connect(path)) as file:
        return tuple(file.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))


def sound(path: Path) -> str:
    """SQLite's verdict on the file."""
    with closing(sqlite3.connect(path)) as file:
        return str(file.execute("PRAGMA integrity_check").fetchone()[0])


async def a_file_of_version_1(folder: Path) -> Path:
    """As version 1 left it, with an instance that waits for its decision."""
    async with running(APP, folder / "present") as host:
        await host.engine.start_instance("approval", '{"name": "ana"}', "one")
        await host.engine.settle()
    path = folder / "engine.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.executescript(SCHEMA_1)
        old.execute("ATTACH ? AS present", (str(folder / "present" / "engine.sqlite"),))
        for table in TABLES:
            old.execute(f"INSERT INTO {table} SELECT * FROM present.{table}")
    return path


async def test_a_file_of_an_earlier_version_is_brought_up_to_date_and_its_instances_go_on(tmp_path: Path) -> None:
    """Whoever installs a newer host has approvals that wait."""
    path = await a_file_of_version_1(tmp_path)
    assert numbers(path) == (0, 1)
    async with running(APP, tmp_path) as host:
        await host.engine.raise_event("one", "decision", "1")
        await host.engine.settle()
        assert (await status_of(host.engine, "one")).output_json == '["hello ana",1]'
    assert numbers(path) == (migrations.APPLICATION_ID, migrations.VERSION)
    assert sound(path) == "ok"


async def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All steps are one transaction: a disk that is full in the middle must not leave half a schema."""
    path = await a_file_of_version_1(tmp_path)
    monkeypatch.setitem(SQL, "to_version_2", "CREATE TABLE more (x); INSERT INTO nowhere VALUES (1);")
    with pytest.raises(StoreUnusable, match="no such table: nowhere"):
        Store(path)
    monkeypatch.undo()
    assert numbers(path) == (0, 1)
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT count(*) FROM sqlite_master WHERE name = 'more'").fetchone() == (0,)
    Store(path).close()
    assert numbers(path) == (migrations.APPLICATION_ID, migrations.VERSION)


def columns(path: Path) -> set[tuple[object, ...]]:
    """Each table's columns and indexes, as SQLite tells of them."""
    with closing(sqlite3.connect(path)) as file:
        told = {(table, *column[1:]) for table in TABLES for column in file.execute(f"PRAGMA table_info({table})")}
        return told | {(table, *index[1:]) for table in TABLES for index in file.execute(f"PRAGMA index_list({table})")}


async def test_a_file_that_was_brought_up_to_date_is_as_a_new_one(tmp_path: Path) -> None:
    """Whoever changes a table without a step to it would find out from those who upgrade."""
    path = await a_file_of_version_1(tmp_path)
    Store(path).close()
    Store(tmp_path / "new.sqlite").close()
    assert columns(path) == columns(tmp_path / "new.sqlite")


async def test_a_copy_that_is_taken_while_the_host_runs_goes_on_elsewhere(tmp_path: Path) -> None:
    """By SQLite's own means, as the documentation says: no host is stopped for a backup."""
    (tmp_path / "copied").mkdir()
    async with running(APP, tmp_path) as host:
        await host.engine.start_instance("approval", '{"name": "ana"}', "one")
        await host.engine.settle()
        with closing(sqlite3.connect(tmp_path / "engine.sqlite")) as file:
            file.execute("VACUUM INTO ?", (str(tmp_path / "copied" / "engine.sqlite"),))
        async with running(APP, tmp_path / "copied") as copy:
            await copy.engine.raise_event("one", "decision", "1")
            await copy.engine.settle()
            assert (await status_of(copy.engine, "one")).output_json == '["hello ana",1]'
        assert (await status_of(host.engine, "one")).runtime_status == "Running"


def test_there_is_a_step_to_each_version() -> None:
    """Whoever raises the number must say how to get there."""
    assert [number for number in range(2, migrations.VERSION + 1) if f"to_version_{number}" not in SQL] == []


def test_a_file_of_a_newer_version_is_refused_in_one_line_and_left_alone(tmp_path: Path) -> None:
    """Better no host than one that writes into what it does not know."""
    path = tmp_path / "engine.sqlite"
    Store(path).close()
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version=99")
    with pytest.raises(StoreUnusable, match=r"newer version of this host.* 99, the newest known here") as refusal:
        Store(path)
    assert len(str(refusal.value).splitlines()) == 1
    assert numbers(path) == (migrations.APPLICATION_ID, 99)


@pytest.mark.parametrize("version", [0, 1, 2])
def test_an_sqlite_file_of_something_else_is_refused_whatever_version_it_has(tmp_path: Path, version: int) -> None:
    """Other programs number their files too."""
    path = tmp_path / "engine.sqlite"
    with closing(sqlite3.connect(path)) as other:
        other.executescript(f"CREATE TABLE instances (x); PRAGMA user_version={version};")
    with pytest.raises(StoreUnusable, match="of something else"):
        Store(path)
    assert numbers(path) == (0, version)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """In words that name it."""
    path = tmp_path / "engine.sqlite"
    path.write_text("no database " * 1000)
    with pytest.raises(StoreUnusable, match=r"engine\.sqlite cannot be used"):
        Store(path)


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit, which limits another process, is Linux's")
async def test_on_a_full_disk_nothing_is_accepted_nothing_is_lost_and_the_host_goes_on_when_there_is_room(tmp_path: Path) -> None:
    """What was acknowledged is there, what was refused is not, and nobody had to restart anything."""
    path = tmp_path / "state" / "engine.sqlite"

    async def start(http: aiohttp.ClientSession, instance: str) -> tuple[int, str]:
        async with http.post(f"{DURABLE}/orchestrators/waiting/{instance}", json={"hours": 1}) as answer:
            return answer.status, answer.headers.get("Retry-After", "")

    options = ("--port", "0", "--state", str(tmp_path / "state"))
    async with started(*options, app=EDGE_APP) as (process, url), aiohttp.ClientSession(url) as http:
        assert (await start(http, "before"))[0] == 202
        _, most = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (path.with_name("engine.sqlite-wal").stat().st_size, most))
        for number in range(4):
            assert await start(http, f"refused{number}") == (503, "5")
        assert (await get(http, f"{DURABLE}/instances/before"))[0] == 202, "what is there can still be read"

        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, most))
        until = time.monotonic() + 20
        while (await start(http, "after"))[0] != 202:
            assert time.monotonic() < until
            await asyncio.sleep(0.1)
        for instance in ("before", "after"):
            async with http.post(f"{DURABLE}/instances/{instance}/raiseEvent/go", json=1) as answer:
                assert answer.status == 202
        while json.loads((await get(http, f"{DURABLE}/instances/before"))[1])["runtimeStatus"] != "Completed":
            assert time.monotonic() < until
            await asyncio.sleep(0.05)
        assert (await get(http, f"{DURABLE}/instances/refused0"))[0] == 404
        process.terminate()
        _, errors = await process.communicate()
    assert process.returncode == 0
    assert "engine.sqlite cannot be written" in errors.decode()
    assert "can be written again" in errors.decode()
    assert sound(path) == "ok"


async def test_while_another_program_locks_the_file_nothing_is_accepted_and_afterwards_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody opened it in a browser for SQLite, and began a transaction."""
    monkeypatch.setattr(store, "LONGEST_WAIT_FOR_A_LOCK", 0.05)
    async with running(APP, tmp_path) as host:
        await host.engine.start_instance("approval", '{"name": "ana"}', "before")
        await host.engine.settle()
        with closing(sqlite3.connect(tmp_path / "engine.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(contracts.StoreFailed, match="database is locked"):
                await host.engine.start_instance("approval", "null", "refused")
            other.execute("ROLLBACK")
        await host.writes_again()
        assert await host.engine.get("refused") is None
        await host.engine.raise_event("before", "decision", "1")
        await host.engine.settle()
        assert (await status_of(host.engine, "before")).output_json == '["hello ana",1]'
    assert sound(tmp_path / "engine.sqlite") == "ok"


AS_ANYBODY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
"""Root is kept from nothing by a file's rights, unless it gives that up."""


@pytest.mark.skipif(bool(AS_ANYBODY) and shutil.which("setpriv") is None, reason="root without setpriv may write everything")
@pytest.mark.parametrize(
    ("name", "told"),
    [
        (".", "the state folder .* cannot be used"),
        ("engine.sqlite", r"engine\.sqlite cannot be used as the engine's file: attempt to write a readonly database"),
        ("mail.sqlite", r"the state folder .* cannot be used: attempt to write a readonly database \(mail\.sqlite\)"),
    ],
)
async def test_what_may_only_be_read_is_named_at_the_start_in_one_line(tmp_path: Path, name: str, told: str) -> None:
    """A volume that was mounted read-only, or files that an earlier start by root left behind."""
    state = tmp_path / "state"
    async with Host(EDGE_APP, state):
        pass
    (state / name).chmod(0o555)
    try:
        code, errors = await command(str(EDGE_APP), "--port", "0", "--workers", "0", "--state", str(state), before=AS_ANYBODY)
    finally:
        (state / name).chmod(0o755)
    assert code == 1
    assert re.search(told, errors), errors
    assert len(errors.splitlines()) == 1
