"""The embedded records: one SQLite file, which several processes of one machine may share. The SQL and its theory: records.sql."""

import asyncio
import hashlib
import json
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from domain.chain import ROOT, decode, encode, link
from domain.facts import Fact
from domain.judge import fold
from domain.review import Review
from services.instants import instant, microseconds
from services.listing import head_columns, page, waiting_reviewers
from services.records import Conflict, Filters, Page, RecordsUnavailable, Stored
from services.statements import statements

SCHEMA_VERSION = 1
BUSY_SECONDS = 5.0
"""How long to wait for another process's commit before the records count as unavailable."""

SQL = statements(Path(__file__).with_name("records.sql"))

Result = TypeVar("Result")


class Held:
    """A thread's connection, the file that it was opened on, and the lock that it is used and closed under.

    Closing a connection in the middle of another thread's statement would end the process.
    """

    def __init__(self, connection: sqlite3.Connection, file: int) -> None:
        self.connection = connection
        self.file = file
        self.lock = threading.Lock()

    def close(self) -> None:
        """Close it, once what runs on it has ended."""
        with self.lock:
            self.connection.close()


def close_all(held: set[Held]) -> None:
    """Close these connections and forget them."""
    while held:
        held.pop().close()


class SqliteRecords:
    """`Records` on a file. Every verb runs in a thread, with a connection of that thread's own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._open: set[Held] = set()
        weakref.finalize(self, close_all, self._open)  # a thread that was given up on may open one after `close`

    def close(self) -> None:
        """Close every thread's connection; the next verb opens its own anew."""
        self._local = threading.local()
        close_all(self._open)

    async def create(self, proposal: str, first: Fact) -> Stored | None:
        """See Records.create."""

        def deed(connection: sqlite3.Connection) -> Stored | None:
            review = fold(proposal, [first])
            with committed(connection):
                if connection.execute(SQL["insert_head"], head_columns(review)).rowcount == 0:
                    return None
                hashes = self._insert(connection, proposal, ROOT, [first])
            return stored_as(review, [first], hashes, 0, None)

        return await self._run(deed)

    async def read(self, proposal: str) -> Stored | None:
        """See Records.read."""

        def deed(connection: sqlite3.Connection) -> Stored | None:
            with snapshot(connection):
                head = connection.execute(SQL["read_head"], {"proposal": proposal}).fetchone()
                if head is None:
                    return None
                rows = connection.execute(SQL["read_facts"], {"proposal": proposal}).fetchall()
            facts = [decode(json.loads(text)) for text, _ in rows]
            seen_at = instant(head[2]) if head[2] is not None else None
            return stored_as(fold(proposal, facts), facts, [digest for _, digest in rows], head[1], seen_at)

        return await self._run(deed)

    async def append(self, stored: Stored, facts: Sequence[Fact], review: Review) -> Stored:
        """See Records.append."""

        def deed(connection: sqlite3.Connection) -> Stored:
            proposal = review.proposal
            with committed(connection):
                columns = {**head_columns(review), "judged_on": stored.review.number}
                if connection.execute(SQL["update_head"], columns).rowcount == 0:
                    raise Conflict(proposal)
                hashes = self._insert(connection, proposal, stored.hashes[-1], facts)
                connection.execute(SQL["clear_waiting"], {"proposal": proposal})
                submitted_at = columns["submitted_at"]
                for reviewer in waiting_reviewers(review):
                    row = {"reviewer": reviewer, "submitted_at": submitted_at, "proposal": proposal}
                    connection.execute(SQL["insert_waiting"], row)
            return stored_as(review, [*stored.facts, *facts], [*stored.hashes, *hashes], stored.seen, stored.seen_at)

        return await self._run(deed)

    @staticmethod
    def _insert(connection: sqlite3.Connection, proposal: str, previous: str, facts: Sequence[Fact]) -> list[str]:
        """Write facts, each chained to the one before; answer their hashes."""
        hashes = []
        for fact in facts:
            encoded = encode(fact)
            previous = link(previous, encoded)
            text = json.dumps(encoded, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            connection.execute(SQL["insert_fact"], {"proposal": proposal, "number": fact.number, "fact": text, "hash": previous})
            hashes.append(previous)
        return hashes

    async def mark_seen(self, proposal: str, number: int, at: datetime) -> None:
        """See Records.mark_seen."""
        await self._write("mark_seen", {"proposal": proposal, "number": number, "at": microseconds(at)})

    async def mark_sent(self, proposal: str, notice: str, at: datetime) -> None:
        """See Records.mark_sent."""
        await self._write("mark_sent", {"proposal": proposal, "notice": notice, "at": microseconds(at)})

    async def was_sent(self, proposal: str, notice: str) -> bool:
        """See Records.was_sent."""
        return bool(await self._rows("was_sent", {"proposal": proposal, "notice": notice}))

    async def sent(self, proposal: str) -> Sequence[tuple[str, datetime]]:
        """See Records.sent."""
        return [(notice, instant(at)) for notice, at in await self._rows("sent", {"proposal": proposal})]

    async def listed(self, filters: Filters, limit: int, cursor: str | None, now: datetime) -> Page:
        """See Records.listed."""
        return await self._run(lambda connection: page(connection, filters, limit, cursor, microseconds(now)))

    async def behind(self, before: datetime, limit: int) -> Sequence[str]:
        """See Records.behind."""
        return [proposal for (proposal,) in await self._rows("behind", {"before": microseconds(before), "limit": limit})]

    async def put_content(self, content: bytes) -> str:
        """See Records.put_content."""
        digest = hashlib.sha256(content).hexdigest()
        await self._write("put_content", {"hash": digest, "content": content})
        return digest

    async def get_content(self, content_hash: str) -> bytes:
        """See Records.get_content."""
        rows = await self._rows("get_content", {"hash": content_hash})
        if not rows:
            raise KeyError(content_hash)
        return bytes(rows[0][0])

    async def check(self) -> None:
        """See Records.check."""
        await self._write("check", {"at": 0})

    async def _rows(self, name: str, values: dict[str, Any]) -> list[Any]:
        return await self._run(lambda connection: connection.execute(SQL[name], values).fetchall())

    async def _write(self, name: str, values: dict[str, Any]) -> None:
        def deed(connection: sqlite3.Connection) -> None:
            with committed(connection):
                connection.execute(SQL[name], values)

        await self._run(deed)

    async def _run(self, deed: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `deed` in a thread. SQLite's failures (busy, full, read-only, no such folder) become RecordsUnavailable."""

        def guarded() -> Result:
            try:
                held = self._held()
                with held.lock:
                    return deed(held.connection)
            except (sqlite3.Error, OSError) as error:
                self._drop()
                raise RecordsUnavailable(f"{type(error).__name__}: {error}") from error

        return await asyncio.to_thread(guarded)

    def _held(self) -> Held:
        """The connection of this thread; on a file that was replaced under us it is opened anew."""
        known: Held | None = getattr(self._local, "held", None)
        if known is not None and known.file == inode(self._path):
            return known
        self._drop()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        made = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            made.executescript(SQL["pragmas"])
            prepare(made)
        except BaseException:
            made.close()
            raise
        held = self._local.held = Held(made, inode(self._path))
        self._open.add(held)
        return held

    def _drop(self) -> None:
        known: Held | None = getattr(self._local, "held", None)
        if known is not None:
            self._local.held = None
            self._open.discard(known)
            known.close()


def inode(path: Path) -> int:
    """What tells a file from another that took its name; 0 where there is none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables where they are missing. Raises sqlite3.DatabaseError for a file of a newer version."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise sqlite3.DatabaseError(f"the records are of version {version}, newer than this app's {SCHEMA_VERSION}")
    if version < SCHEMA_VERSION:
        connection.executescript(f"BEGIN IMMEDIATE;\n{SQL['schema']}\nPRAGMA user_version = {SCHEMA_VERSION};\nCOMMIT;")


@contextmanager
def committed(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction that writes: all of it, on disk, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite ends it by itself on a full disk: https://sqlite.org/lang_transaction.html
            connection.execute("ROLLBACK")
        raise


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Several reads of one moment."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def stored_as(review: Review, facts: Sequence[Fact], hashes: Sequence[str], seen: int, seen_at: datetime | None) -> Stored:
    """A proposal as it stands; its ETag is the chain's newest hash, in short."""
    return Stored(review, tuple(facts), tuple(hashes), seen, seen_at, f"{review.number}-{hashes[-1][:16]}")
