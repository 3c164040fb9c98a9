"""Mail behind one verb. Implementations: `mail_smtp.py`; a letter's wording is made in `letters.py`."""

from dataclasses import dataclass, field
from typing import Protocol

from email_validator import validate_email

from domain.people import Person


class MailRefused(Exception):
    """The server refused this mail or this address for good. `reply` is what it said."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


class MailUnavailable(Exception):
    """The server cannot be reached, is slow, or asks to try again later."""


@dataclass(frozen=True)
class Mail:
    """One mail to one person, with both parts. `message_id` is `<local@domain>`, the same whenever this mail is sent again."""

    to: Person
    subject: str
    text: str
    html: str
    message_id: str
    thread: str
    headers: dict[str, str] = field(default_factory=dict)


def in_ascii(address: str) -> str:
    """An address as every mail server takes it, its domain in ASCII (IDNA 2008). Raises ValueError where that cannot be."""
    known = validate_email(address, check_deliverability=False)
    if known.ascii_email is None:
        raise ValueError("letters beyond ASCII before the @ need SMTPUTF8, which is not used")
    return known.ascii_email


class Mailer(Protocol):
    """Hands mail over."""

    async def send(self, mail: Mail) -> None:
        """Hand `mail` over. Raises MailRefused (for good) or MailUnavailable (try again); anything else is our bug."""
