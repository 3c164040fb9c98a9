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


class Channel(asyncio.Protocol):
    """One end. `receive` gets each message, `closed` is called once when the other end is gone, or when the two can no longer talk.

    A protocol and no pair of streams: a message is heard in the turn of the loop in which it came, without a task to be woken for it.
    """

    def __init__(self, receive: Callable[[Any], None], closed: Callable[[], None]) -> None:
        self._receive, self._closed = receive, closed
        self._outbox: list[Any] = []
        self._inbox = bytearray()
        self._transport: asyncio.Transport | None = None
        self._open = True
        self._loop = asyncio.get_running_loop()

    async def connect(self, end: socket) -> None:
        """Talk over `end`; what was said before is sent now."""
        self._transport, _ = await self._loop.create_connection(lambda: self, sock=end)
        if self._outbox:
            self._loop.call_soon(self._flush)

    def send(self, message: Any) -> None:
        """Say something, with all else that this turn of the loop says. Lost when the other end is gone."""
        if not self._open:
            return
        self._outbox.append(message)
        if len(self._outbox) == 1 and self._transport is not None:
            self._loop.call_soon(self._flush)

    def send_first(self, message: Any) -> None:
        """Say something before all that has been said while nobody was there."""
        self._outbox.insert(0, message)

    def _flush(self) -> None:
        if not self._outbox or self._transport is None or not self._open:
            return
        messages, self._outbox = self._outbox, []
        try:
            body = pickle.dumps(messages, protocol=5)
            self._transport.write(_HEAD.pack(len(body)) + body)
        except Exception:  # too large for a frame or for the memory: the other end must not wait for what it will not get
            log.exception("A message could not be sent: this end hangs up.")
            self._hang_up()

    def data_received(self, data: bytes) -> None:
        """Take in bytes, and hear the frames that are whole."""
        inbox = self._inbox
        inbox += data
        begins = 0
        try:
            while self._open and len(inbox) - begins >= _HEAD.size:
                body = begins + _HEAD.size
                ends = body + _HEAD.unpack_from(inbox, begins)[0]
                if len(inbox) < ends:
                    break
                begins = ends
                for message in pickle.loads(bytes(inbox[body:ends])):  # noqa: S301
                    self._receive(message)
        except Exception:
            log.exception("A message could not be taken: this end hangs up.")
            self._hang_up()
        del inbox[:begins]

    def connection_lost(self, error: Exception | None) -> None:
        """The other end is gone."""
        if self._open:
            self._hang_up()

    def _hang_up(self) -> None:
        self._open = False
        if self._transport is not None:
            self._transport.close()
        self._closed()

    async def close(self) -> None:
        """Hang up; `closed` is not called."""
        self._flush()
        self._open = False
        if self._transport is not None:
            self._transport.close()
