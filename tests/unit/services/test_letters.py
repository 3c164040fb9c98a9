"""Letters: what each notice says, to whom, with which link."""

import re
import unicodedata
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from domain.agenda import Notice, NoticeKind, agenda
from domain.commands import Decide, Delegate, Extend, LetTimePass, Withdraw
from domain.people import Person
from services.letters import LONGEST_SUBJECT, Letters, reference, shortened, subject
from services.links import Links
from services.mail import Mail
from services.settings import Settings
from tests.unit.services.trails import ANN, BEN, DIA, MORNING, SAM, Trail, a_stage, in_review, received

SETTINGS = Settings(signing_keys=[SecretStr("k" * 32)], zone="Europe/Berlin", public_base_url="https://gl.example.com")
LINKS = Links(SETTINGS)
CONTENT = {"summary": "Panels on the south roof."}
URL = re.compile(r"https?://[^\s\"'<>]+")


def letters_of(trail: Trail, seen: int = 0, **changes: Any) -> list[tuple[Notice, Mail]]:
    """All mails that a trail asks for after fact `seen`."""
    made = Letters(SETTINGS.model_copy(update=changes), LINKS)
    review = trail.review
    return [(notice, made.letter(notice, review, trail.facts, CONTENT)) for notice in agenda(review, trail.facts, seen).notices]


def the_letter(trail: Trail, kind: NoticeKind, to: Person, seen: int = 0) -> Mail:
    """The one mail of a kind to a person."""
    (mail,) = [mail for notice, mail in letters_of(trail, seen) if notice.kind == kind and mail.to == to]
    return mail


def bodies(mail: Mail) -> list[str]:
    """Both parts as a person reads them."""
    return [mail.text, re.sub(r"\s+", " ", shown(mail.html))]


def shown(html: str) -> str:
    """What a page says, without its tags."""
    text: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            text.append(data)

    Reader().feed(html)
    return "".join(text)


def every_letter() -> dict[NoticeKind, Mail]:
    """One mail of each kind that there is."""
    found: dict[NoticeKind, Mail] = {}
    soon = timedelta(hours=1)

    def take(trail: Trail, seen: int = 0) -> None:
        found.update({notice.kind: mail for notice, mail in letters_of(trail, seen)})

    take(received())
    trail = in_review(a_stage(reminders=(timedelta(days=1),)))
    take(trail)
    seen = trail.review.number
    trail.bring(LetTimePass(), at=MORNING + timedelta(days=1, minutes=1))
    take(trail, seen)
    seen = trail.review.number
    trail.bring(Extend(MORNING + timedelta(days=9), "Holidays"), DIA, "operator")
    take(trail, seen)
    seen = trail.review.number
    trail.bring(Decide("r1s1p1", "request_changes", "Which roof?"), ANN, "reviewer", trail.review.last_at + soon)
    take(trail, seen)
    trail = in_review()
    trail.bring(Withdraw(), SAM, "submitter", MORNING + soon)
    take(trail)
    return found


def test_every_kind_of_notice_has_a_letter() -> None:
    """A notice without a letter would be a mail that never goes."""
    assert sorted(every_letter()) == sorted(get_args(NoticeKind))


@pytest.mark.parametrize("kind", get_args(NoticeKind))
def test_each_letter_is_whole_in_both_parts(kind: NoticeKind) -> None:
    """Whoever reads only the text misses nothing: thing, amount, reference, and the one link on a line of its own."""
    mail = every_letter()[kind]
    for body in bodies(mail):
        assert "Solar roof, Hall 3" in body
        assert "EUR 125,000.00" in body
        assert reference(received().proposal) in body
    links = {url for url in URL.findall(mail.text) if "/api/" in url}
    assert len(links) == (0 if kind == "closed" else 1)
    assert links == {url for url in URL.findall(mail.html) if "/api/" in url}
    assert links <= set(mail.text.splitlines())
    assert "{{" not in mail.text + mail.html
    assert len(mail.html) < 15_000


def test_a_request_says_who_asks_what_how_much_by_when_what_else_and_why() -> None:
    """The first lines of a request to decide answer everything, in the reader's zone with its name."""
    mail = the_letter(in_review(), "asked", ANN)
    for body in bodies(mail):
        assert "Sam Submitter" in body
        assert "facilities" in body
        assert "Please decide by Sat 5 Dec 2026, 09:00 CET." in body
        assert "If nobody decides by then, it expires." in body
        assert "The company's policy names you as a reviewer." in body
        assert "Panels on the south roof." in body
    assert LINKS.review_url(received().proposal, "r1s1p1") in mail.text


def test_somebody_who_was_handed_a_turn_reads_by_whom_and_why() -> None:
    """A request out of the blue is taken for spam."""
    trail = in_review()
    seen = trail.review.number
    trail.bring(Delegate("r1s1p1", DIA, "You know roofs."), ANN, "reviewer", MORNING + timedelta(hours=1))
    for body in bodies(the_letter(trail, "asked", DIA, seen)):
        assert "Ann Arden has handed the decision to you: “You know roofs.”" in body


def test_an_escalation_says_that_one_decision_settles_it() -> None:
    """Whoever is asked last must know that nobody comes after."""
    trail = in_review(a_stage(on_expiry="escalate", escalate_to=(DIA,)))
    seen = trail.review.number
    trail.bring(LetTimePass(), at=MORNING + timedelta(days=5, minutes=1))
    for body in bodies(the_letter(trail, "asked", DIA, seen)):
        assert "your decision alone settles it" in body


def test_the_receipt_holds_the_submitter_s_own_link() -> None:
    """It is the only place, beside the answer to the request, where they get it."""
    mail = the_letter(received(), "received", SAM)
    assert LINKS.submission_url(received().proposal) in mail.text


def test_the_outcome_gives_its_reasons_and_reaches_those_who_had_approved() -> None:
    """A rejection is told to the earlier deciders too, who would else never hear of it."""
    trail = in_review()
    trail.bring(Decide("r1s1p1", "approve"), ANN, "reviewer", MORNING + timedelta(hours=1))
    seen = trail.review.number
    trail.bring(Decide("r1s1p2", "reject", "The roof is rented."), BEN, "reviewer", MORNING + timedelta(hours=2))
    assert trail.review.status == "rejected"
    for body in bodies(the_letter(trail, "outcome", SAM, seen)):
        assert "Your proposal is rejected." in body
    for body in bodies(the_letter(trail, "outcome", ANN, seen)):
        assert "You had approved it" in body


def test_requested_changes_are_quoted_with_the_time_for_an_answer() -> None:
    """The submitter reads what is wanted without opening anything."""
    for body in bodies(every_letter()["changes_requested"]):
        assert "Which roof?" in body
        assert re.search(r"revise the proposal by \w{3} \d+ Dec 2026, \d\d:\d\d CET", body)


def test_markup_in_texts_is_text() -> None:
    """A title is no place to put a link into our mails."""
    trail = in_review(title="<a href='https://evil.example'>Click</a> & win")
    mail = the_letter(trail, "asked", ANN)
    assert "<a href='https://evil" not in mail.html
    assert "<a href='https://evil.example'>Click</a> & win" in shown(mail.html)
    assert "Click</a> & win" in mail.text


def test_a_mail_made_again_is_the_same_mail() -> None:
    """The server that got it twice can tell; two kinds or two people never share an id."""
    trail = in_review()
    assert letters_of(trail) == letters_of(trail)
    made = [mail.message_id for _, mail in letters_of(trail)]
    assert len(made) == 3
    assert len(set(made)) == 3


def test_mails_of_one_person_stay_together() -> None:
    """One thread, one subject."""
    first = in_review(a_stage(reminders=(timedelta(days=1),)))
    asked = the_letter(first, "asked", ANN)
    seen = first.review.number
    first.bring(LetTimePass(), at=MORNING + timedelta(days=1, minutes=1))
    reminder = the_letter(first, "reminder", ANN, seen)
    assert (asked.subject, asked.thread) == (reminder.subject, reminder.thread)
    assert asked.message_id != reminder.message_id


def test_a_slot_that_never_was_is_an_error() -> None:
    """A mail to nobody is our bug, and must show."""
    trail = in_review()
    with pytest.raises(KeyError):
        Letters(SETTINGS, LINKS).letter(Notice("asked", "r9s9p9", 1), trail.review, trail.facts, CONTENT)


@pytest.mark.parametrize(
    "title",
    ["Утверждение проекта " * 10, "Roof " + "👩🏽‍🚀" * 12, "🇩🇪🇫🇷🇮🇹🇵🇱" * 15, "e\u0301" * 150, "क्षेत्र" * 30, "x" + "\u0301" * 199],
)
def test_a_long_title_is_cut_between_characters_and_the_reference_stays(title: str) -> None:
    """Half an emoji is a black diamond; a subject without its reference cannot be spoken of on the telephone."""
    review = replace(received().review, title=title)
    made = subject(review, None)
    head, _, tail = made.rpartition(" ")
    assert tail == f"[{reference(review.proposal)}]"
    assert len(head) <= LONGEST_SUBJECT
    kept = head.removesuffix("…")
    assert unicodedata.normalize("NFC", title).startswith(kept)
    assert kept
    assert not kept.endswith("\u200d")
    assert sum("\U0001f1e6" <= character <= "\U0001f1ff" for character in kept) % 2 == 0


@given(st.text(max_size=120), st.integers(2, 60))
def test_no_cut_is_too_long_and_no_short_text_is_cut(text: str, room: int) -> None:
    """Whatever people write."""
    text = unicodedata.normalize("NFC", text)
    cut = shortened(text, room)
    assert len(cut) <= room
    assert len(text) > room or cut == text
