"""A real SMTP server for tests: it keeps what it is given, and answers as it is told."""

import email
import email.policy
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Sink:
    """What came in, and what is answered to RCPT and DATA instead of taking a mail. `port` is where it listens."""

    port: int = 0
    rcpt: str = ""
    data: str = ""
    envelopes: list[Envelope] = field(default_factory=list)

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802 (aiosmtpd's name)
        """Take a recipient, or answer what was set."""
        envelope.rcpt_tos.append(address)
        return self.rcpt or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        """Keep a mail, or answer what was set."""
        if not self.data:
            self.envelopes.append(envelope)
        return self.data or "250 OK"

    def message(self) -> EmailMessage:
        """The only mail that came, read strictly: a header that is not well-formed is an error."""
        (envelope,) = self.envelopes
        assert isinstance(envelope.content, bytes)
        return email.message_from_bytes(envelope.content, policy=email.policy.strict)


@contextmanager
def listening() -> Iterator[Sink]:
    """A sink on a free port of the loopback, in a thread of its own."""
    sink = Sink()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        sink.port = probe.getsockname()[1]
    controller = Controller(sink, hostname="127.0.0.1", port=sink.port)
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()
