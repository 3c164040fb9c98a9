"""Mail over SMTP, by the standard library, off the event loop."""

import asyncio
import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from services.mail import Mail, MailRefused, MailUnavailable
from services.settings import Settings


class SmtpMailer:
    """`Mailer` to the server of the settings: one connection a mail, since mails come in small turns."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def send(self, mail: Mail) -> None:
        """See Mailer.send. A server that answers 5xx refuses for good; 4xx, silence and a closed door are worth another try."""
        message = self.compose(mail)
        await asyncio.to_thread(self._hand_over, message, mail.to.email)

    async def check(self) -> None:
        """Prove that the server answers. Raises MailUnavailable."""
        await asyncio.to_thread(self._greet)

    def compose(self, mail: Mail) -> EmailMessage:
        """The message as it goes over the wire: text first, then HTML. Raises MailRefused for an address that no header can hold."""
        settings = self._settings
        message = EmailMessage(policy=SMTP)
        try:
            message["From"] = Address(settings.mail_sender, addr_spec=settings.mail_from)
            message["To"] = Address(one_line(mail.to.name), addr_spec=one_line(mail.to.email))
        except (ValueError, IndexError) as error:
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

    def _hand_over(self, message: EmailMessage, recipient: str) -> None:
        try:
            with self._connected() as server:
                server.send_message(message, self._settings.mail_from, [recipient])
        except smtplib.SMTPRecipientsRefused as error:
            code, reply = error.recipients[recipient]
            raise refused(code, reply) from None
        except smtplib.SMTPResponseException as error:
            raise refused(error.smtp_code, error.smtp_error) from None
        except smtplib.SMTPNotSupportedError as error:
            raise MailRefused(str(error)) from None
        except (smtplib.SMTPException, OSError) as error:
            raise MailUnavailable(f"{type(error).__name__}: {error}") from None

    def _greet(self) -> None:
        try:
            with self._connected() as server:
                server.noop()
        except (smtplib.SMTPException, OSError) as error:
            raise MailUnavailable(f"{type(error).__name__}: {error}") from None

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=settings.mail_timeout.total_seconds())
        try:
            if settings.smtp_starttls:
                server.starttls(context=ssl.create_default_context())
            if settings.smtp_user and settings.smtp_password:
                server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        except BaseException:
            server.close()
            raise
        return server


def refused(code: int, reply: bytes | str) -> MailRefused | MailUnavailable:
    """What an SMTP reply means (RFC 5321 section 4.2.1): 5xx is final, all else may pass."""
    text = f"{code} {reply.decode(errors='replace') if isinstance(reply, bytes) else reply}"
    return MailRefused(text) if 500 <= code < 600 else MailUnavailable(text)


def one_line(text: str) -> str:
    """Text for a header: control characters die here, whatever let them come so far."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
