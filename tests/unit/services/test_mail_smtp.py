"""Mail over a real SMTP connection: what goes over the wire, and what each answer of the server means."""

import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from domain.people import Person
from services.mail import Mail, MailRefused, MailUnavailable
from services.mail_smtp import SmtpMailer
from services.settings import Settings
from tests.unit.services.sink import Sink, listening
from tests.unit.services.trails import ANN

LINK = "http://localhost:7071/api/review/" + "x" * 81


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A mail server."""
    with listening() as sink:
        yield sink


def mailer(port: int, **changes: Any) -> SmtpMailer:
    """A mailer to that port."""
    return SmtpMailer(Settings(development=True, smtp_host="127.0.0.1", smtp_port=port, mail_from="gl@example.com", **changes))


def a_mail(**changes: Any) -> Mail:
    """A mail, with changes."""
    values: dict[str, Any] = {
        "to": ANN,
        "subject": "Approve: Solar roof [GL-7K2QXM]",
        "text": f"Grüße\n\n{LINK}\n",
        "html": f'<a href="{LINK}">Grüße</a>',
        "message_id": "<0123456789abcdef0123456789abcdef@example.com>",
        "thread": "<proposal.abcdefghijklmnopqrstuvwxyz@example.com>",
    }
    return Mail(**{**values, **changes})


async def test_headers_keep_threads_together_and_machines_quiet(sink: Sink) -> None:
    """RFC 3834 for responders, both thread headers for Gmail, and answers to people who read them."""
    await mailer(sink.port, operators_mailbox="help@example.com").send(a_mail())
    message = sink.message()
    assert message["Message-ID"] == "<0123456789abcdef0123456789abcdef@example.com>"
    assert message["In-Reply-To"] == message["References"] == "<proposal.abcdefghijklmnopqrstuvwxyz@example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "OOF, AutoReply"
    assert message["Reply-To"] == "help@example.com"
    assert str(message["From"]) == "Greenlight <gl@example.com>"


async def test_text_comes_first_and_both_parts_are_whole(sink: Sink) -> None:
    """What stands last is preferred by clients; the link is one line in the text, whatever the encoding did to it."""
    await mailer(sink.port).send(a_mail())
    text, html = sink.message().iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert LINK in text.get_content().splitlines()
    assert "Grüße" in html.get_content()
    content = sink.envelopes[0].content
    assert isinstance(content, bytes)
    assert content.isascii()


@pytest.mark.parametrize(
    "name",
    [
        "Müller, Jürgen",
        'Ann "The Roof" O\'Neil',
        "山田 太郎",
        "Zoë (Ops) <zoe@example.net>",
        "ann@example.net",
        "a;b",
        "x" * 200,
        "Ünal Öz",
    ],
)
async def test_any_name_makes_one_address(sink: Sink, name: str) -> None:
    """Commas, quotes and addresses in a display name must send nobody else a mail."""
    await mailer(sink.port).send(a_mail(to=Person(name, "ann@example.com")))
    assert sink.envelopes[0].rcpt_tos == ["ann@example.com"]
    (address,) = sink.message()["To"].addresses
    assert (address.display_name, address.addr_spec) == (name, "ann@example.com")


@pytest.mark.parametrize("evil", ["\r\nBcc: eve@example.net", "\nX: y", "\u2028Bcc: eve@example.net", "\x00", "\x85Bcc: eve@example.net"])
async def test_no_text_can_add_a_header(sink: Sink, evil: str) -> None:
    """Control characters end here, whatever let them come so far."""
    await mailer(sink.port).send(a_mail(subject=f"Roof{evil}", to=Person(f"Ann{evil}", "ann@example.com")))
    message = sink.message()
    assert sink.envelopes[0].rcpt_tos == ["ann@example.com"]
    assert message["Bcc"] is None
    assert message["X"] is None


async def test_an_address_that_is_none_is_refused_without_asking_the_server(sink: Sink) -> None:
    """It will not get better: the turn goes to somebody who can be reached."""
    with pytest.raises(MailRefused, match="address"):
        await mailer(sink.port).send(a_mail(to=Person("Ann", "ann@@example")))
    assert sink.envelopes == []


async def test_a_domain_beyond_ascii_is_written_in_ascii(sink: Sink) -> None:
    """IDNA 2008: `faß.de` is not `fass.de`, and belongs to somebody else."""
    await mailer(sink.port).send(a_mail(to=Person("Jürgen", "j@faß.de")))
    assert sink.envelopes[0].rcpt_tos == ["j@xn--fa-hia.de"]


async def test_a_mailbox_beyond_ascii_is_refused_for_good(sink: Sink) -> None:
    """Few servers take them (RFC 6531): the turn goes to somebody who can be reached, and the finding says why."""
    with pytest.raises(MailRefused, match="SMTPUTF8"):
        await mailer(sink.port).send(a_mail(to=Person("Jürgen", "jürgen@example.com")))


@pytest.mark.parametrize(
    "subject",
    ["設計案の承認をお願いいたします" * 4, "Утверждение проекта, крыша цеха номер три [GL-7K2QXM]", "🚀👩🏽‍🚀 Dächer [GL-7K2QXM]"],
)
async def test_a_subject_arrives_as_it_was(sink: Sink, subject: str) -> None:
    """Folded and encoded on its way, whatever its script."""
    await mailer(sink.port).send(a_mail(subject=subject))
    assert sink.message()["Subject"] == subject


@pytest.mark.parametrize("stage", ["rcpt", "data"])
async def test_a_5xx_is_for_good_and_a_4xx_is_not(sink: Sink, stage: str) -> None:
    """RFC 5321 section 4.2.1."""
    setattr(sink, stage, "550 no such mailbox")
    with pytest.raises(MailRefused, match="550 no such mailbox"):
        await mailer(sink.port).send(a_mail())
    setattr(sink, stage, "451 greylisted")
    with pytest.raises(MailUnavailable, match="451 greylisted"):
        await mailer(sink.port).send(a_mail())
    setattr(sink, stage, "")
    await mailer(sink.port).send(a_mail())
    assert len(sink.envelopes) == 1


@pytest.mark.parametrize("wrong", [{"smtp_user": "gl", "smtp_password": SecretStr("no")}, {"smtp_starttls": True}])
async def test_a_wrong_setting_loses_no_mail(sink: Sink, wrong: dict[str, Any]) -> None:
    """A password that is wrong for an hour delays mails; it must not make people "unreachable"."""
    with pytest.raises(MailUnavailable):
        await mailer(sink.port, **wrong).send(a_mail())
    with pytest.raises(MailUnavailable):
        await mailer(sink.port, **wrong).check()
    assert sink.envelopes == []


async def test_a_closed_door_is_unavailable() -> None:
    """A server that is down is back tomorrow."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(MailUnavailable, match="ConnectionRefusedError"):
            await mailer(closed.getsockname()[1]).send(a_mail())


async def test_a_silent_server_is_unavailable_within_the_time_limit() -> None:
    """One that takes the connection and says nothing holds nobody up."""
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(MailUnavailable, match="time"):
        await mailer(silent.getsockname()[1], mail_timeout=timedelta(seconds=0.1)).send(a_mail())


async def test_a_server_that_dies_after_taking_the_mail_has_taken_it() -> None:
    """The answer to the text is what counts: a goodbye that gets no answer must not send the mail twice."""
    server = socket.create_server(("127.0.0.1", 0))
    answers = [b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"]

    def serve() -> None:
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(answers[0])
            for answer in answers[1:]:
                lines.readline()
                connection.sendall(answer)
            while lines.readline() != b".\r\n":
                continue
            connection.sendall(b"250 taken\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    await mailer(server.getsockname()[1]).send(a_mail())
    thread.join(5)
    server.close()


async def test_a_check_proves_that_the_server_answers(sink: Sink) -> None:
    """Health asks without sending anything."""
    await mailer(sink.port).check()
    assert sink.envelopes == []
