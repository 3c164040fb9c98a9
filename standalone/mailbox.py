"""The mailbox: a real SMTP server that delivers to nobody, and keeps what came in a file, so that it survives a crash."""

import asyncio
import email
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from standalone.contracts import Clock

LARGEST_MAIL = 32 * 1024 * 1024
SCHEMA = """
CREATE TABLE IF NOT EXISTS mail (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at TEXT NOT NULL,
    sender      TEXT NOT NULL,
    recipients  TEXT NOT NULL,
    raw         BLOB NOT NULL
) STRICT
"""


@dataclass(frozen=True)
class Letter:
    """A mail that came. `to` is the envelope's recipients; headers and parts are as the message has them."""

    id: int
    to: Sequence[str]
    sender: str
    subject: str
    received_at: datetime
    message: EmailMessage
    raw: bytes

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
    """Takes mail over SMTP on a loopback port and keeps it. `port` 0: any free one."""

    def __init__(self, path: Path, clock: Clock, port: int = 0) -> None:
        self._path = path
        self._clock = clock
        self.port = port
        self._server: asyncio.Server | None = None
        self._arrived = asyncio.Event()

    async def start(self) -> None:
        """Listen. Raises OSError when the port is in use."""
        self._connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._connection.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {SCHEMA};")
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and the file."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._connection.close()

    def _protocol(self) -> SMTP:
        return SMTP(self, hostname="localhost", data_size_limit=LARGEST_MAIL, enable_SMTPUTF8=True, loop=asyncio.get_running_loop())

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        """A mail has come: on disk before it is said to be taken."""
        raw = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content or "").encode()
        values = (self._clock.now().isoformat(), envelope.mail_from or "", json.dumps(envelope.rcpt_tos), raw)
        self._connection.execute("INSERT INTO mail (received_at, sender, recipients, raw) VALUES (?, ?, ?, ?)", values)
        self._arrived.set()
        self._arrived = asyncio.Event()
        return "250 OK"

    async def arrival(self) -> None:
        """Wait for the next mail."""
        await self._arrived.wait()

    def list(self, limit: int = 500) -> Sequence[Letter]:
        """What came, newest first."""
        rows = self._connection.execute("SELECT id, received_at, sender, recipients, raw FROM mail ORDER BY id DESC LIMIT ?", (limit,))
        return [self._letter(row) for row in rows.fetchall()]

    def get(self, number: int) -> Letter | None:
        """One mail."""
        row = self._connection.execute("SELECT id, received_at, sender, recipients, raw FROM mail WHERE id = ?", (number,)).fetchone()
        return self._letter(row) if row else None

    @staticmethod
    def _letter(row: tuple[int, str, str, str, bytes]) -> Letter:
        number, received_at, sender, recipients, raw = row
        message = email.message_from_bytes(raw, policy=default)
        assert isinstance(message, EmailMessage)
        at = datetime.fromisoformat(received_at).astimezone(UTC)
        return Letter(number, json.loads(recipients), sender, str(message["Subject"] or ""), at, message, raw)
