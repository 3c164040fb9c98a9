"""Pages, rendered from reviews built in code: what they show, in what order, how they fit and how they look to a machine."""

import gzip
import re
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from clients.differences import pieces
from clients.pages import Face, amount, render, rendered_markdown, style_sheet
from clients.reviewing import choices, comment_hint, notice_of, standing
from clients.views import STATUS_WORDS, view_of
from domain.commands import Actor, Decide
from domain.facts import Fact, Finding, Money
from domain.judge import Directory
from domain.people import Person
from domain.review import Review
from domain.status import status_document
from tests.unit.clients.reviews import ANN, BEN, CONTENT, NOW, SAM, a_stage, in_review, then

FACE = Face(ZoneInfo("Europe/Berlin"), NOW)


def review_page(
    review: Review, facts: tuple[Fact, ...], slot_id: str = "r1s1p1", before: dict[str, Any] | None = None, **context: Any
) -> str:
    """The reviewer's page as the client renders it."""
    slot = review.slot(slot_id)
    assert slot is not None
    refusal = standing(review, slot, NOW, Directory())
    asked = slot.action is None and refusal is None
    return render(
        "review.html",
        FACE,
        **{
            "view": view_of(review, status_document(review, facts, {}), CONTENT, before, slot),
            "heading": "Your decision is asked for",
            "you": slot.person.name,
            "notice": notice_of(review, slot, refusal),
            "choices": choices(review, slot, NOW, Directory()) if asked else (),
            "comment_hint": comment_hint(review, slot),
            "errors": {},
            "values": {},
            "ask": "operators@example.com",
            **context,
        },
    )


class Outline(HTMLParser):
    """Tags in order, with their attributes, and whether each was closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "input", "br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another tag"

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every such tag."""
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_page_says_first_what_is_asked_and_last_what_was() -> None:
    """What is asked and by when, the thing itself, findings, others, the form, history folded (experience.md P4)."""
    review, facts = in_review(findings=(Finding("acme.budget", "warning", "Above the yearly budget."),))
    page = review_page(review, facts)
    order = [
        "Your decision is asked for",
        "EUR 12,500.00",
        "Decide by",
        "Summary",
        "Findings",
        "Where it stands",
        "What do you decide?",
        "History",
    ]
    positions = [page.index(words) for words in order]
    assert positions == sorted(positions)
    assert "Sat 5 Dec 2026, 09:00 Berlin" in page
    assert "5 days left" in page


def test_a_page_is_small_and_is_made_of_two_requests() -> None:
    """14 KB with its sheet, no script, font or picture (P11)."""
    review, facts = in_review(findings=tuple(Finding("acme.rule", "warning", f"Finding {number}.") for number in range(20)))
    page = review_page(review, facts)
    size = len(gzip.compress(page.encode())) + len(gzip.compress(style_sheet()[1]))
    assert size <= 14 * 1024, size
    outline = Outline(page)
    assert not outline.open
    assert not [tag for tag, _ in outline.tags if tag in ("script", "img", "style", "iframe", "object")]
    assert [link["href"] for link in outline.all("link")] == [f"../static/{style_sheet()[0]}", "data:,"]
    assert "url(" not in style_sheet()[1].decode()


def test_the_question_is_read_with_its_answers() -> None:
    """Legend first in its fieldset, no choice made in advance, each hint tied to its radio (P3; cases, 67)."""
    page = review_page(*in_review())
    assert re.search(r"<fieldset[^>]*>\s*<legend>", page)
    outline = Outline(page)
    radios = [attributes for attributes in outline.all("input") if attributes.get("type") == "radio"]
    assert [radio["value"] for radio in radios] == ["approve", "reject", "request_changes", "abstain", "delegate"]
    assert not any("checked" in radio for radio in radios)
    ids = {attributes["id"] for _, attributes in outline.tags if attributes.get("id")}
    assert all(radio["aria-describedby"] in ids for radio in radios)
    labels = {attributes["for"] for attributes in outline.all("label")}
    fields = [a["id"] for tag in ("input", "textarea") for a in outline.all(tag) if a.get("type") != "hidden"]
    assert labels == set(fields)


def test_every_part_of_the_page_that_is_referred_to_is_there_once() -> None:
    """An id that occurs twice, or a label without a field, silences a screen reader."""
    page = review_page(*in_review(), errors={"comment": "Say why.", "action": "Choose.", "to": "Whom?"}, values={"comment": "x"})
    outline = Outline(page)
    ids = [str(attributes["id"]) for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in outline.tags:
        for name in ("aria-labelledby", "aria-describedby", "for"):
            assert set((attributes.get(name) or "").split()) <= set(ids), attributes
        if (attributes.get("href") or "").startswith("#"):
            assert str(attributes["href"])[1:] in ids
    assert len(outline.all("h1")) == 1
    assert outline.all("html") == [{"lang": "en"}]


def test_a_choice_that_the_policy_does_not_give_is_left_out() -> None:
    """Every allowed choice is there at every count (cases, 69)."""
    page = review_page(*in_review(a_stage(ANN, BEN, may_delegate=False)))
    assert 'value="delegate"' not in page
    assert 'name="to"' not in page


@pytest.mark.parametrize("others", [0, 1, 29])
def test_the_others_are_shown_whatever_their_number(others: int) -> None:
    """From nobody to the most that a stage may have."""
    people = tuple(Person(f"Person {number}", f"p{number}@example.com") for number in range(others))
    page = review_page(*in_review(a_stage(ANN, *people, needed=None)))
    assert page.count('class="state state-open"') == others + 1


def test_no_address_of_anybody_is_on_a_page() -> None:
    """Names suffice; only the operators' mailbox is there to write to."""
    page = review_page(*in_review())
    assert set(re.findall(r"[\w.]+@[\w.]+\w", page)) == {"operators@example.com"}


def test_what_others_wrote_is_text_and_keeps_its_direction_to_itself() -> None:
    """Markup from a title, a comment, a finding: shown, never run."""
    evil = "<script>alert(1)</script>"
    review, facts = in_review(
        title=evil, department=evil, submitter=Person(evil, "sam@example.com"), findings=(Finding("r", "info", evil),)
    )
    page = review_page(review, facts, values={"comment": "</textarea>" + evil, "to": '"' + evil}, errors={"comment": evil})
    assert "<script" not in page
    assert f"<h1><bdi>{evil.replace('<', '&lt;').replace('>', '&gt;')}</bdi></h1>" in page


def test_a_confirmation_says_what_when_and_what_follows() -> None:
    """What was recorded, when, the reference, what happens next (P8)."""
    review, facts = then(*in_review(a_stage(ANN, BEN, needed=2)), Decide("r1s1p1", "approve", "Fine."), Actor(ANN, "reviewer"))
    page = review_page(review, facts)
    for words in ("You approved this", "Mon 30 Nov 2026, 09:00 Berlin", "It waits for 1 more approval.", "Fine.", "Reference: GL-AAAAAA"):
        assert words in page
    assert "<form" not in page


@pytest.mark.parametrize("status", STATUS_WORDS)
def test_every_status_has_a_tag_with_words(status: str) -> None:
    """Never by colour alone (P9)."""
    assert STATUS_WORDS[status].strip()


def test_a_summary_is_markdown_without_a_way_out() -> None:
    """No HTML, no picture that calls another machine, no link that runs."""
    html = str(
        rendered_markdown(
            '# Roof\n\n**bold** <b onclick="x">b</b> ![p](https://example.net/p.png) [j](javascript:x) [d](data:text/html,x) [ok](https://e.org)\n\n'
            "| a | b |\n|---|---|\n| 1 | 2 |\n\n<script>alert(1)</script>"
        )
    )
    assert "<h3>Roof</h3>" in html
    assert "<strong>bold</strong>" in html
    assert "<table>" in html
    assert not re.search(r"<script|<img|<b |href=\"(javascript|data):", html)
    assert 'href="https://e.org" rel="nofollow noreferrer noopener"' in html


def test_headings_of_a_summary_stay_below_those_of_the_page() -> None:
    """One h1, and no heading that pretends to be ours."""
    assert str(rendered_markdown("# a\n\n## b\n\n### c")).count("<h3>") == 1
    assert "<h5>c</h5>" in str(rendered_markdown("### c"))


@pytest.mark.parametrize(
    ("digits", "currency", "words"),
    [
        ("12500", "EUR", "EUR 12,500.00"),
        ("0", "EUR", "EUR 0.00"),
        ("1234567", "JPY", "JPY 1,234,567"),
        ("1.5", "KWD", "KWD 1.500"),
        ("999999999999999.99", "USD", "USD 999,999,999,999,999.99"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency_and_loses_none(digits: str, currency: str, words: str) -> None:
    """The code first; exact, since it is a decimal all the way."""
    assert amount(Money(Decimal(digits), currency)) == words


def test_what_changed_is_told_word_by_word() -> None:
    """A reader of the second round reads what is new."""
    assert pieces("the south roof", "the north roof") == [("same", "the "), ("del", "south"), ("ins", "north"), ("same", " roof")]
    assert pieces("", "new") == [("ins", "new")]
    long = "word " * 5_000
    assert [kind for kind, _ in pieces(long, long + "x")] == ["del", "ins"]


def test_what_is_left_is_told_in_the_unit_that_says_enough() -> None:
    """Nobody plans by 7,123 minutes."""
    told = {minutes: FACE.left(NOW + timedelta(minutes=minutes)) for minutes in (0, 1, 59, 119, 120, 2879, 2880, 7200)}
    assert told == {
        0: "", 1: "1 minute left", 59: "59 minutes left", 119: "119 minutes left", 120: "2 hours left", 2879: "47 hours left",
        2880: "2 days left", 7200: "5 days left",
    }  # fmt: skip


def test_a_reviewer_who_is_hidden_from_the_others_is_on_no_page_of_theirs() -> None:
    """Where the policy says so, no name anywhere."""
    review, facts = in_review(a_stage(ANN, BEN, needed=2, show_others=False))
    review, facts = then(review, facts, Decide("r1s1p2", "approve", "Ben says yes."), Actor(BEN, "reviewer"))
    page = review_page(review, facts)
    assert "Ben" not in page
    assert SAM.name in page
