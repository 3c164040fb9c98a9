"""The tests' own mail server: a real SMTP sink that keeps what it is given, and can refuse, put off, hold or be down.

It runs in a thread of its own.
"""

import asyncio
import email
import email.policy
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

PATIENCE = 30.0
"""Seconds that a letter may take: the real engine polls its queues, and it runs on small machines."""

LINK = re.compile(r"https?://\S+/(?:review|submission)/[A-Za-z0-9_.~=-]+")


@dataclass(frozen=True)
class Letter:
    """One mail as it came in. `to` is the envelope's recipient; `raw` is all that was sent."""

    to: str
    subject: str
    text: str
    html: str
    message_id: str
    raw: bytes
    received_at: float

    def link(self) -> str:
        """The one link of the letter. Raises ValueError when there is none, or more than one."""
        links = set(LINK.findall(self.text))
        if len(links) != 1:
            raise ValueError(f"{len(links)} links in {self.subject!r}: {self.text}")
        return links.pop()


@dataclass
class Gate:
    """A mail is kept, and its sender not answered until `open` is set; `reached` is set once the sender waits."""

    reached: threading.Event = field(default_factory=threading.Event)
    open: threading.Event = field(default_factory=threading.Event)


class Mailbox:
    """The sink. `refused` and `put_off` are recipients answered 550 and 451; `gates` hold a sender up."""

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self.host, self.port = host, port or free_port()
        self.letters: list[Letter] = []
        self.refused: set[str] = set()
        self.put_off: set[str] = set()
        self.gates: dict[str, Gate] = {}
        self.turned_away = 0
        self._controller: Controller | None = None

    def up(self) -> None:
        """Listen, on the same port as before."""
        self._controller = Controller(self, hostname=self.host, port=self.port)
        self._controller.start()

    def down(self) -> None:
        """Stop listening: a sender's connection is refused."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def hold(self, address: str) -> Gate:
        """Have the sender of the next mail to `address` wait for an answer until the gate is opened."""
        self.gates[address] = Gate()
        return self.gates[address]

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802 (aiosmtpd's name)
        """Take or turn away one recipient."""
        if address in self.refused:
            self.turned_away += 1
            return "550 5.1.1 No such mailbox"
        if address in self.put_off:
            self.turned_away += 1
            return "451 4.3.0 Try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        """Keep the mail, once for each recipient; before a gate, the sender waits for the answer."""
        content = envelope.original_content or b""
        self.letters += [letter(address, content) for address in envelope.rcpt_tos]
        for gate in [self.gates.pop(address) for address in envelope.rcpt_tos if address in self.gates]:
            gate.reached.set()
            await asyncio.get_running_loop().run_in_executor(None, gate.open.wait, PATIENCE)
        return "250 OK"

    def to(self, address: str, about: str = "", kind: str = "") -> list[Letter]:
        """What came to `address`, oldest first: letters that hold the words `about` and whose subject or text holds `kind`."""
        return [
            one for one in list(self.letters) if one.to == address and about in one.subject + one.text and kind in one.subject + one.text
        ]

    async def wait_for(self, address: str, about: str, kind: str = "", number: int = 1, patience: float = PATIENCE) -> Letter:
        """Letter `number` of those that `to` answers. Raises AssertionError when it does not come."""
        await eventually(
            lambda: len(self.to(address, about, kind)) >= number, patience, f"letter {number} to {address} about {about} {kind}"
        )
        return self.to(address, about, kind)[number - 1]


def letter(address: str, content: bytes) -> Letter:
    """The mail as the tests read it, parsed strictly enough that a broken header is an error."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return Letter(
        to=address,
        subject=str(message["Subject"]),
        text=part(message, "plain"),
        html=part(message, "html"),
        message_id=str(message["Message-ID"]),
        raw=content,
        received_at=time.time(),
    )


def part(message: EmailMessage, subtype: str) -> str:
    """The text or HTML part, empty when there is none."""
    body = message.get_body(preferencelist=(subtype,))
    content: Any = body.get_content() if body is not None else ""
    return str(content)


async def eventually(condition: Callable[[], bool], patience: float, what: str) -> None:
    """Look at `condition` ten times a second. Raises AssertionError naming `what` when it does not come true."""
    until = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < until, f"did not come within {patience:g} s: {what}"
        await asyncio.sleep(0.1)


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
