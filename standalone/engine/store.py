"""The engine's SQLite file: one writing connection on a thread of its own, one reading connection, the statements of schema.sql.

Nothing here knows what an event means. A `Group` is collected on the event loop and written as one transaction.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from standalone.engine import faults, migrations
from standalone.engine.messages import Episode
from standalone.engine.migrations import StoreUnusable

COMMITS_BETWEEN_CHECKPOINTS = 200
LONGEST_LOG = 32 << 20  # bytes
ROOM_TO_GO_ON = 64 << 10  # bytes that must fit before anything is accepted again
SMALL = 2  # episodes and messages
NOBODY = 0  # no instance has this number
LONGEST_WAIT_FOR_A_LOCK = 10.0  # seconds


def _statements() -> dict[str, str]:
    found: dict[str, str] = {}
    for part in Path(__file__).with_name("schema.sql").read_text().split("-- name: ")[1:]:
        name, _, body = part.partition("\n")
        found[name.strip()] = "\n".join(line for line in body.splitlines() if not line.startswith("--")).strip()
    return found


SQL = _statements()


@dataclass(frozen=True)
class Row:
    """An instance as the file shows it. Instants in microseconds since 1970."""

    n: int
    id: str
    name: str
    status: str
    created: int
    updated: int
    input: str | None
    custom: str | None
    output: str | None
    waits: str | None


@dataclass
class Group:
    """What goes to the disk in one commit."""

    born: dict[int, tuple[str, str, int, str | None, str | None]] = field(default_factory=dict)  # n -> id, name, created, input, output
    gone: list[int] = field(default_factory=list)  # instances deleted, before anything is added
    interrupted: bool = False  # among those gone are some that had not ended: they may have timers
    rewound: dict[int, list[tuple[int, str]]] = field(default_factory=dict)  # n -> k, events
    messages: dict[int, tuple[int, str, str, bool]] = field(default_factory=dict)  # seq -> n, event, execution, is it for later
    taken: list[int] = field(default_factory=list)  # seqs of messages that an earlier group wrote
    episodes: list[Episode] = field(default_factory=list)
    timers: dict[tuple[int, int, int], None] = field(default_factory=dict)  # due, n, number
    timers_gone: list[tuple[int, int, int]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any((self.born, self.gone, self.rewound, self.messages, self.taken, self.episodes, self.timers, self.timers_gone))

    @property
    def is_small(self) -> bool:
        """Is it what one instance leaves, or hardly more?"""
        return len(self.episodes) + len(self.messages) + len(self.gone) + len(self.rewound) <= SMALL

    def forget(self, n: int, *, ended: bool) -> None:
        """Instance `n` goes, with all that this group holds of it."""
        if self.born.pop(n, None) is None:
            self.gone.append(n)
            self.interrupted |= not ended
        self.messages = {seq: message for seq, message in self.messages.items() if message[0] != n}
        self.episodes = [each for each in self.episodes if each.n != n]
        self.timers = {key: None for key in self.timers if key[1] != n}


def _size(episode: Episode) -> int:
    """In bytes, of all that it would have written."""
    texts = (episode.events, episode.tasks, episode.input, episode.custom, episode.output, *(send.text for send in episode.sends))
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts if text)


class Store:
    """The file at `path`, made when missing. Raises StoreUnusable."""

    def __init__(self, path: Path, *, synchronous: str = "FULL") -> None:
        self.path = path
        self._opened: list[sqlite3.Connection] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._connect(synchronous)
            migrations.prepare(self._writer, path, SQL)
            self._writer.execute(SQL["drop_messages_of"], (NOBODY,))  # a file that may only be read is opened without a word
            self._reader = self._connect(synchronous)
            self._reader.execute("PRAGMA query_only=1")
            self._checkpointer = self._connect(synchronous)
        except (sqlite3.Error, OSError, StoreUnusable) as error:
            for connection in self._opened:
                connection.close()
            if isinstance(error, StoreUnusable):
                raise
            raise StoreUnusable(f"{path} cannot be used as the engine's file: {error}") from error
        self._since_checkpoint = 0

    def _connect(self, synchronous: str) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=LONGEST_WAIT_FOR_A_LOCK)
        self._opened.append(connection)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("PRAGMA cache_size=-500")
        connection.execute("PRAGMA temp_store=MEMORY")
        return connection

    def close(self) -> None:
        """Close the file; the write-ahead log is folded in."""
        self._reader.close()
        self._checkpointer.close()
        self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._writer.close()

    def commit(self, group: Group, *, waits: bool = True) -> bool:
        """Write a group as one transaction, durably. Raises sqlite3.Error, with nothing written.

        Answers False, with nothing written, where the file is locked and that is not to be waited for.
        """
        writer = self._writer
        faults.point("commit begins")
        if not self._begin(waits):
            return False
        try:
            self._write(group)
            faults.point("commit written")
            writer.execute("COMMIT")
            faults.point("committed")
        except BaseException:
            if writer.in_transaction:
                writer.execute("ROLLBACK")
            raise
        self._since_checkpoint += 1
        return True

    def _begin(self, waits: bool) -> bool:
        if waits:
            self._writer.execute("BEGIN IMMEDIATE")
            return True
        try:
            self._writer.execute("PRAGMA busy_timeout=0")
            self._writer.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                return False
            raise
        finally:
            self._writer.execute(f"PRAGMA busy_timeout={LONGEST_WAIT_FOR_A_LOCK * 1000:.0f}")
        return True

    def too_large(self, group: Group) -> frozenset[int]:
        """The instances of which this group, which could not be written, holds more than fits in a row."""
        most = self._writer.getlimit(sqlite3.SQLITE_LIMIT_LENGTH)
        return frozenset(episode.n for episode in group.episodes if _size(episode) > most)

    def can_write(self) -> bool:
        """Is it possible to write now? Tried with a message of nobody's that reaches the disk, and is taken out again."""
        try:
            self._writer.execute(SQL["drop_messages_of"], (NOBODY,))
            self._writer.execute(SQL["add_message"], (None, NOBODY, "x" * ROOM_TO_GO_ON, "", True))
            self._writer.execute(SQL["drop_messages_of"], (NOBODY,))
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error:
            return False
        return True

    def checkpoint_due(self) -> bool:
        """Is it time to fold the write-ahead log into the file? Says so once."""
        if self._since_checkpoint < COMMITS_BETWEEN_CHECKPOINTS:
            return False
        self._since_checkpoint = 0
        return True

    def checkpoint(self) -> None:
        """Fold the log into the file, beside whoever writes: on a connection and a thread of its own."""
        self._checkpointer.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def log_is_long(self) -> bool:
        """Has the log grown, because under load its end is never reached, beyond what is worth keeping?"""
        log = self.path.with_name(self.path.name + "-wal")
        return log.exists() and log.stat().st_size > LONGEST_LOG

    def begin_log_anew(self) -> None:
        """Have the next commit write at the log's beginning again. On the writer's thread: little is left to fold in."""
        self._writer.execute("PRAGMA wal_checkpoint(RESTART)")

    def _write(self, group: Group) -> None:
        many = self._writer.executemany
        if group.gone:
            for name in ("drop_instance", "drop_history", "drop_messages_of"):
                many(SQL[name], [(n,) for n in group.gone])
        if group.interrupted:
            self._writer.execute(SQL["drop_timers_of_the_gone"])
        if group.born:
            born = [(n, instance, name, "Pending", at, at, *rest) for n, (instance, name, at, *rest) in group.born.items()]
            many(SQL["add_instance"], born)
        for n, rows in group.rewound.items():
            many(SQL["rewrite_history"], [(events, n, k) for k, events in rows])
            self._writer.execute(SQL["rewind"], (n,))
        if group.messages:
            many(SQL["add_message"], [(seq, *message) for seq, message in group.messages.items()])
        if group.taken:
            many(SQL["drop_message"], [(seq,) for seq in group.taken])
        self._write_episodes(group.episodes)
        if group.timers_gone:
            many(SQL["drop_timer"], group.timers_gone)
        if group.timers:
            many(SQL["add_timer"], list(group.timers))

    def _write_episodes(self, episodes: Sequence[Episode]) -> None:
        many = self._writer.executemany
        renewed = [(e.updated, e.n) for e in episodes if e.renews]
        if renewed:
            many(SQL["write_creation"], renewed)
            for e in episodes:  # in their order: what a new execution replaces may be in this very group
                if e.renews:
                    self._writer.execute(SQL["drop_history"], (e.n,))
                if e.events:
                    self._writer.execute(SQL["add_history"], (e.n, e.number, e.events, e.tasks))
        else:
            many(SQL["add_history"], [(e.n, e.number, e.events, e.tasks) for e in episodes if e.events])
        last = {e.n: e for e in episodes}
        given = {e.n: e.input for e in episodes if e.input is not None}
        many(
            SQL["write_episode"],
            [(e.updated, e.number, e.running, int(e.fresh), e.custom, e.output, e.waits, given.get(e.n), e.n) for e in last.values()],
        )
        changed = {e.n for e in episodes if e.status != e.before}
        if changed:
            many(SQL["write_status"], [(last[n].status, n) for n in changed])

    def find(self, instance: str) -> Row | None:
        """The instance with this id."""
        row = self._reader.execute(SQL["find"], (instance,)).fetchone()
        return row and Row(*row)

    def load(self, n: int) -> tuple[Any, ...] | None:
        """id, name, status, k, open, fresh, custom, output, input."""
        found: tuple[Any, ...] | None = self._reader.execute(SQL["load"], (n,)).fetchone()
        return found

    def history(self, n: int) -> Sequence[tuple[str, str | None]]:
        """The episodes of an instance: events, tasks."""
        return self._reader.execute(SQL["history"], (n,)).fetchall()

    def beginning(self, n: int) -> str | None:
        """An instance's first events, joined by commas; what has come for it, where no episode has run."""
        row = self._reader.execute(SQL["beginning"], (n, n)).fetchone()
        found: str | None = row[0]
        return found

    def episodes(self, n: int) -> Sequence[tuple[int, str]]:
        """The episodes of an instance: number, events."""
        return self._reader.execute(SQL["episodes"], (n,)).fetchall()

    def message(self, seq: int) -> str | None:
        """A message's event."""
        row = self._reader.execute(SQL["message"], (seq,)).fetchone()
        return row and str(row[0])

    def messages_of(self, n: int) -> Sequence[tuple[int, str, str]]:
        """The messages of an instance: seq, event, execution."""
        return self._reader.execute(SQL["messages_of"], (n,)).fetchall()

    def for_later(self, n: int) -> Sequence[str]:
        """Events of the messages that timers will bring an instance."""
        return [event for (event,) in self._reader.execute(SQL["for_later"], (n,))]

    def due(self, until: int, limit: int) -> Sequence[tuple[int, int, int]]:
        """Timers due: due, n, number."""
        return self._reader.execute(SQL["due"], (until, limit)).fetchall()

    def next_due(self, after: int = -1) -> int | None:
        """When the earliest timer is due, of those due later than `after`."""
        found: int | None = self._reader.execute(SQL["next_due"], (after,)).fetchone()[0]
        return found

    def last_numbers(self) -> tuple[int, int]:
        """The highest n and seq in use."""
        found: tuple[int, int] = self._reader.execute(SQL["last_numbers"]).fetchone()
        return found

    def under_way(self) -> Iterable[int]:
        """Instances that have something to do: messages first, in their order, then open activities."""
        seen = dict.fromkeys(n for n, _ in self._reader.execute(SQL["waiting_messages"]))
        return seen | dict.fromkeys(n for (n,) in self._reader.execute(SQL["under_way"]))

    def counts(self, statuses: Sequence[str], most: int) -> dict[str, int]:
        """How many instances have each status, none counted beyond `most`."""
        return {status: self._reader.execute(SQL["count"], (status, most)).fetchone()[0] for status in statuses}

    def select(self, sql: str, arguments: Sequence[Any]) -> list[Row]:
        """Instances by a query over the columns of `Row`."""
        columns = "n, id, name, status, created, updated, input, custom, output, waits"
        statement = f"SELECT {columns} FROM instances {sql}"  # noqa: S608 - of words of ours; values are arguments
        return [Row(*row) for row in self._reader.execute(statement, arguments)]
