"""Mail over SMTP, by the standard library, off the event loop."""

import asyncio
import smtplib
import ssl
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from functools import partial

from services.mail import Mail, MailRefused, MailUnavailable, in_ascii
from services.settings import Settings

SEVEN_BIT = SMTP.clone(cte_type="7bit")
"""Bodies are encoded, so that they pass servers without 8BITMIME (RFC 6152) unharmed."""

DIRECTION = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Bidirectional classes of Unicode (https://unicode.org/reports/tr9/) that make text read otherwise than it is written."""

CHECK_SECONDS = 5.0


class SmtpMailer:
    """`Mailer` to the server of the settings: one connection a mail, since mails come in small turns."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def send(self, mail: Mail) -> None:
        """See Mailer.send.

        Only a 5xx to this recipient or this text is for good. A server that refuses us (a wrong password, a sender it does not
        know, no TLS) is a setting to be put right: the mail is worth another try, as after 4xx, silence and a closed door.
        """
        message = self.compose(mail)
        await asyncio.to_thread(self._hand_over, message)

    async def check(self) -> None:
        """Prove within seconds that the server answers and lets us in. Raises MailUnavailable."""
        await asyncio.to_thread(self._greet)

    def compose(self, mail: Mail) -> EmailMessage:
        """The message as it goes over the wire: text first, then HTML. Raises MailRefused for an address that no header can hold."""
        settings = self._settings
        message = EmailMessage(policy=SEVEN_BIT)
        try:
            message["From"] = Address(settings.mail_sender, addr_spec=settings.mail_from)
            message["To"] = Address(one_line(mail.to.name), addr_spec=in_ascii(mail.to.email))
        except (ValueError, MessageError) as error:
            raise MailRefused(f"the address cannot be written into a header: {error}") from None
        message["Subject"] = one_line(mail.subject)
        message["Message-ID"] = mail.message_id
        # A root that is never itself sent: clients group by it, and no mail sorts before the first.
        message["In-Reply-To"] = mail.thread
        message["References"] = mail.thread
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "OOF, AutoReply"  # never All: that would suppress the bounces too
        if settings.operators_mailbox:
            message["Reply-To"] = settings.operators_mailbox
        for name, value in mail.headers.items():
            message[name] = one_line(value)
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")
        return message

    def _hand_over(self, message: EmailMessage) -> None:
        recipient = message["To"].addresses[0].addr_spec
        self._with_server(partial(handed_over, message, self._settings.mail_from, recipient), self._settings.mail_timeout.total_seconds())

    def _greet(self) -> None:
        self._with_server(lambda server: server.noop(), CHECK_SECONDS)

    def _with_server(self, deed: Callable[[smtplib.SMTP], object], seconds: float) -> None:
        """Do something with a connection. Raises MailUnavailable, and what `deed` itself makes of an answer."""
        server = None
        try:
            server = self._connected(seconds)
            deed(server)
        except (smtplib.SMTPException, OSError) as error:
            raise MailUnavailable(f"{type(error).__name__}: {error}") from None
        finally:
            if server is not None:
                take_leave(server)

    def _connected(self, seconds: float) -> smtplib.SMTP:
        settings = self._settings
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=seconds)
        try:
            if settings.smtp_starttls:
                server.starttls(context=ssl.create_default_context())
            if settings.smtp_user and settings.smtp_password:
                server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        except BaseException:
            server.close()
            raise
        return server


def handed_over(message: EmailMessage, sender: str, recipient: str, server: smtplib.SMTP) -> None:
    """Hand a message over. Raises MailRefused or MailUnavailable by the reply to the recipient or the text."""
    try:
        server.send_message(message, sender, [recipient])
    except smtplib.SMTPRecipientsRefused as error:
        raise refused(*next(iter(error.recipients.values()))) from None
    except smtplib.SMTPDataError as error:
        raise refused(error.smtp_code, error.smtp_error) from None


def take_leave(server: smtplib.SMTP) -> None:
    """Say goodbye. The mail stands accepted by now: a server that does not answer this must not make us send it again."""
    with suppress(smtplib.SMTPException, OSError):
        server.quit()
    server.close()


def refused(code: int, reply: bytes | str) -> MailRefused | MailUnavailable:
    """What an SMTP reply means (RFC 5321 section 4.2.1): 5xx is final, all else may pass."""
    text = f"{code} {reply.decode(errors='replace') if isinstance(reply, bytes) else reply}"
    return MailRefused(text) if 500 <= code < 600 else MailUnavailable(text)


def one_line(text: str) -> str:
    """Text for a header: whatever ends a line, controls or turns the reading direction dies here, whatever let it come so far."""
    return " ".join("".join(" " if barred(character) else character for character in text).split())


def barred(character: str) -> bool:
    """Controls, line and paragraph separators, halves of characters, and direction marks; joiners of letters and emoji may stay."""
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(character) in DIRECTION
