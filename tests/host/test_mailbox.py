"""The mailbox: SMTP that delivers to nobody, read by tests as JSON and by people as pages."""

import asyncio
import contextlib
import json
import smtplib
import sqlite3
from email.message import EmailMessage
from pathlib import Path

import aiohttp
import pytest

from standalone.clock import HostClock
from standalone.host import Host
from standalone.mailbox import Mailbox
from tests.host.edgehost import APP, BEGINNING, get


def a_mail(to: str = "ann@example.com", subject: str = "Hello", html: str = "") -> EmailMessage:
    """A mail with a text part, and an HTML one where given."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "app@example.com", to, subject
    message.set_content("a text\n")
    if html:
        message.add_alternative(html, subtype="html")
    return message


def keep(mailbox: Mailbox, *messages: EmailMessage) -> list[str]:
    """What the server says to each mail, sent over a connection that blocks: to be called in a thread."""
    answers = []
    with smtplib.SMTP("127.0.0.1", mailbox.port) as server:
        for message in messages:
            try:
                server.send_message(message)
                answers.append("taken")
            except smtplib.SMTPDataError as refusal:
                answers.append(str(refusal.smtp_code))
    return answers


async def test_mail_of_the_app_lies_in_the_mailbox(http: aiohttp.ClientSession) -> None:
    """As JSON for tests, as pages for people; the HTML part can do nothing but be read and followed."""
    async with http.post("/api/mail") as answer:
        assert await answer.text() == "sent"
    _, listed = await get(http, "/standalone/mail")
    summary = json.loads(listed)[0]
    assert (summary["to"], summary["subject"], summary["received_at"]) == ("b@example.com", "Grüße <b>", "2026-11-30T08:00:00Z")
    _, told = await get(http, f"/standalone/mail/{summary['id']}")
    letter = json.loads(told)
    assert letter["text"].splitlines()[0] == "text"
    assert {"from", "headers", "html", "raw"} <= set(letter)
    _, page = await get(http, "/standalone/mail", Accept="text/html")
    assert "Grüße &lt;b&gt;" in page
    async with http.get(f"/standalone/mail/{summary['id']}/html") as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "allow-scripts" not in policy
        assert '<base target="_top">' in await answer.text()
    assert (await get(http, "/standalone/mail/99"))[0] == 404


async def test_mails_are_chosen_by_recipient_and_by_what_was_seen_before(host: Host, http: aiohttp.ClientSession) -> None:
    """A test, or a script, asks for what came to one person since it looked last."""
    await asyncio.to_thread(
        keep, host.mailbox, a_mail("ann@example.com", "1"), a_mail("ben@example.com", "2"), a_mail("Ann@example.com", "3")
    )

    async def subjects(query: str) -> list[str]:
        return [each["subject"] for each in json.loads((await get(http, f"/standalone/mail?{query}"))[1])]

    assert await subjects("") == ["3", "2", "1"]
    assert await subjects("to=ANN@example.com") == ["3", "1"]
    assert await subjects("after=1") == ["3", "2"]
    assert await subjects("before=3&limit=1") == ["2"]
    assert await subjects("after=nonsense") == ["3", "2", "1"]


async def test_mails_survive_the_host(tmp_path: Path) -> None:
    """What was acknowledged is on the disk."""
    async with Host(APP, tmp_path, virtual=True, start=BEGINNING) as host:
        await asyncio.to_thread(keep, host.mailbox, a_mail())
    async with Host(APP, tmp_path, virtual=True) as host:
        assert [letter.subject for letter in host.mailbox.list()] == ["Hello"]


async def test_a_mail_that_cannot_be_kept_is_to_be_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk must not look like a wrong address: 4xx means later, 5xx never."""
    mailbox = Mailbox(tmp_path / "mail.sqlite", HostClock())
    await mailbox.start()
    try:
        with contextlib.closing(sqlite3.connect(tmp_path / "mail.sqlite", isolation_level=None)) as other:
            other.execute("CREATE TRIGGER full BEFORE INSERT ON letters BEGIN SELECT RAISE(FAIL, 'the disk is full'); END")
        assert await asyncio.to_thread(keep, mailbox, a_mail()) == ["451"]
        with contextlib.closing(sqlite3.connect(tmp_path / "mail.sqlite", isolation_level=None)) as other:
            other.execute("DROP TRIGGER full")
        assert await asyncio.to_thread(keep, mailbox, a_mail()) == ["taken"]
    finally:
        await mailbox.stop()


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<p>x</p>", '<base target="_top"><p>x</p>'),
        ("<html><body>x", '<html><base target="_top"><body>x'),
        (
            '<!DOCTYPE html>\n<html lang="de"><head class="a"><title>',
            '<!DOCTYPE html>\n<html lang="de"><head class="a"><base target="_top"><title>',
        ),
    ],
)
async def test_links_of_a_mail_open_in_the_whole_window(host: Host, http: aiohttp.ClientSession, html: str, shown: str) -> None:
    """Within the frame the app's pages would be refused, whether or not the mail has a head."""
    await asyncio.to_thread(keep, host.mailbox, a_mail(html=html))
    status, text = await get(http, "/standalone/mail/1/html")
    assert (status, text.strip()) == (200, shown)
