"""Messages over a socket pair: frames of several messages, one write for all that a turn of the event loop has to say.

A frame is four bytes of length and a pickled list. Pickle is safe here: both ends are this program, on a socket that nobody else has.
"""

import asyncio
import logging
import pickle
import struct
from collections.abc import Callable
from socket import socket
from typing import Any

log = logging.getLogger("standalone.workers")

_HEAD = struct.Struct("<I")
_READ_AHEAD = 1 << 20


class Channel:
    """One end. `receive` gets each message, `closed` is called once when the other end is gone."""

    def __init__(self, receive: Callable[[Any], None], closed: Callable[[], None]) -> None:
        self._receive, self._closed = receive, closed
        self._outbox: list[Any] = []
        self._writer: asyncio.StreamWriter | None = None
        self._open = True
        self._loop = asyncio.get_running_loop()

    async def connect(self, end: socket) -> None:
        """Talk over `end`; what was said before is sent now."""
        reader, self._writer = await asyncio.open_connection(sock=end, limit=_READ_AHEAD)
        self._reading = self._loop.create_task(self._read(reader))
        if self._outbox:
            self._loop.call_soon(self._flush)

    def send(self, message: Any) -> None:
        """Say something, with all else that this turn of the loop says. Lost when the other end is gone."""
        if not self._open:
            return
        self._outbox.append(message)
        if len(self._outbox) == 1 and self._writer is not None:
            self._loop.call_soon(self._flush)

    def send_first(self, message: Any) -> None:
        """Say something before all that has been said while nobody was there."""
        self._outbox.insert(0, message)

    def _flush(self) -> None:
        if not self._outbox or self._writer is None or not self._open:
            return
        body = pickle.dumps(self._outbox, protocol=5)
        self._outbox = []
        self._writer.write(_HEAD.pack(len(body)) + body)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                (length,) = _HEAD.unpack(await reader.readexactly(_HEAD.size))
                for message in pickle.loads(await reader.readexactly(length)):  # noqa: S301
                    self._receive(message)
        except (asyncio.IncompleteReadError, ConnectionError):
            self._hang_up()
        except Exception:
            log.exception("A message could not be taken: this end hangs up.")
            self._hang_up()

    def _hang_up(self) -> None:
        self._open = False
        if self._writer is not None:
            self._writer.close()
        self._closed()

    async def close(self) -> None:
        """Hang up; `closed` is not called."""
        self._flush()
        self._open = False
        if self._writer is not None:
            self._reading.cancel()
            self._writer.close()
