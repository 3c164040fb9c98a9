"""A client that costs little: it has the two cores together with the engine that is measured, and its part of them is nobody's figure.

HTTP/1.1 over connections that are kept, as much of it as the engines' answers need: a length or chunks.
"""

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit


class _Connection(asyncio.Protocol):
    """One request after the other."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None  # to the request that is under way
        self.received = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end or self.answer is None:
            return
        fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
        if b"transfer-encoding" in fields:
            whole = body.endswith(b"0\r\n\r\n")
        else:
            whole = len(body) >= int(fields.get(b"content-length", b"0"))
        if whole:
            self.received, answer, self.answer = b"", self.answer, None
            answer.set_result((int(head[9:12]), body))

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        if self.answer is not None:
            self.answer.set_exception(error or ConnectionResetError("the connection was closed"))


class Poster:
    """Posts JSON to one server. Raises OSError when that is not there, or goes away."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        assert parts.hostname
        assert parts.port
        self._host, self._port, self._path = parts.hostname, parts.port, parts.path
        self._head = f"Host: {parts.netloc}\r\nContent-Type: application/json\r\nContent-Length: "
        self._idle: list[_Connection] = []

    async def post(self, path: str, value: Any) -> tuple[int, bytes]:
        """The answer's status and body, the latter in chunks if it comes so."""
        connection = await self._connection()
        connection.answer = asyncio.get_running_loop().create_future()
        body = json.dumps(value).encode()
        assert connection.transport
        connection.transport.write(f"POST {self._path}/{path} HTTP/1.1\r\n{self._head}{len(body)}\r\n\r\n".encode() + body)
        answer = await connection.answer
        self._idle.append(connection)
        return answer

    async def _connection(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.transport is not None:
                return connection
        _, made = await asyncio.get_running_loop().create_connection(_Connection, self._host, self._port)
        return made

    def close(self) -> None:
        """Hang up."""
        for connection in self._idle:
            if connection.transport is not None:
                connection.transport.close()
        self._idle.clear()
