"""The mailbox: a real SMTP server that delivers to nobody, and keeps what came in a file, so that it survives a crash."""

import asyncio
import contextlib
import email
import json
import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from functools import cached_property
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from standalone.contracts import Clock

log = logging.getLogger("standalone.mailbox")

LARGEST_MAIL = 32 * 1024 * 1024
PAGE = 500
SCHEMA = """
CREATE TABLE IF NOT EXISTS letters (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at TEXT NOT NULL,
    sender      TEXT NOT NULL,
    recipients  TEXT NOT NULL,
    subject     TEXT NOT NULL,
    raw         BLOB NOT NULL
) STRICT
"""
ADD = "INSERT INTO letters (received_at, sender, recipients, subject, raw) VALUES (?, ?, ?, ?, ?)"
LIST = """
SELECT id, received_at, sender, recipients, subject, raw FROM letters
WHERE id > :after AND id < :before
    AND (:to = '' OR EXISTS (SELECT 1 FROM json_each(recipients) WHERE value = :to COLLATE NOCASE))
ORDER BY id DESC LIMIT :limit
"""
LAST_ID = 2**63 - 1


@dataclass(frozen=True)
class Letter:
    """A mail that came. `to` is the envelope's recipients; headers and parts are as the message has them."""

    id: int
    to: Sequence[str]
    sender: str
    subject: str
    received_at: datetime
    raw: bytes

    @cached_property
    def message(self) -> EmailMessage:
        """The mail, taken apart."""
        return parsed(self.raw)

    @property
    def text(self) -> str:
        """The plain part, empty when there is none."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """The HTML part, empty when there is none."""
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body(preferencelist=(kind,))
        return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""

    def summary(self) -> dict[str, Any]:
        """A line of the list."""
        at = self.received_at.isoformat().replace("+00:00", "Z")
        return {"id": self.id, "to": ", ".join(self.to), "subject": self.subject, "received_at": at}

    def full(self) -> dict[str, Any]:
        """All of it."""
        headers = [[name, str(value)] for name, value in self.message.items()]
        raw = self.raw.decode("utf-8", "replace")
        return {**self.summary(), "from": self.sender, "headers": headers, "text": self.text, "html": self.html, "raw": raw}


class Mailbox:
    """Takes mail over SMTP on a loopback port and keeps it. `port` 0: any free one. `synchronous`: SQLite's."""

    def __init__(self, path: Path, clock: Clock, port: int = 0, *, synchronous: str = "FULL") -> None:
        self._path = path
        self._clock = clock
        self._synchronous = synchronous
        self.port = port
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Open the file and listen. Raises sqlite3.Error, and OSError when the port is in use."""
        self._open()
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._protocol, "127.0.0.1", self.port)
        except OSError:
            self._connection.close()
            raise
        self.port = self._server.sockets[0].getsockname()[1]

    def _open(self) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            connection.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = {self._synchronous}; {SCHEMA};")
            connection.execute("DELETE FROM letters WHERE id = 0")  # there is none: a file that may only be read is opened without a word
        except sqlite3.Error as error:
            connection.close()
            raise sqlite3.OperationalError(f"{error} ({self._path.name})") from error
        self._connection = connection

    async def stop(self) -> None:
        """Close the port and the file. A connection that somebody holds open is not waited for."""
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), 1)
            self._connection.close()

    def _protocol(self) -> SMTP:
        return SMTP(self, hostname="localhost", data_size_limit=LARGEST_MAIL, enable_SMTPUTF8=True, loop=asyncio.get_running_loop())

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        """A mail has come: on disk before it is said to be taken. When it cannot be kept, the sender is told to try again."""
        raw = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content or "").encode()
        subject = str(parsed(raw)["Subject"] or "")
        values = (self._clock.now().isoformat(), envelope.mail_from or "", json.dumps(envelope.rcpt_tos), subject, raw)
        try:
            self._connection.execute(ADD, values)
        except sqlite3.Error as error:
            log.error("a mail cannot be kept: %s", error)
            return "451 4.3.0 the mailbox cannot write, try again later"
        return "250 OK"

    def list(self, *, to: str = "", after: int = 0, before: int = LAST_ID, limit: int = PAGE) -> Sequence[Letter]:
        """What came, newest first: to one address, after or before the mail of an id, when asked for."""
        wanted = {"to": to, "after": after, "before": before, "limit": limit}
        return [self._letter(row) for row in self._connection.execute(LIST, wanted).fetchall()]

    def get(self, number: int) -> Letter | None:
        """One mail."""
        found = self.list(after=number - 1, before=number + 1)
        return found[0] if found else None

    @staticmethod
    def _letter(row: tuple[int, str, str, str, str, bytes]) -> Letter:
        number, received_at, sender, recipients, subject, raw = row
        return Letter(number, json.loads(recipients), sender, subject, datetime.fromisoformat(received_at).astimezone(UTC), raw)


def parsed(raw: bytes) -> EmailMessage:
    """A mail as it came over the wire, taken apart."""
    message = email.message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message
