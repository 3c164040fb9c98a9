"""Letters: what a notice says, as text and as HTML. Wording stands in templates/; this gathers what they need.

One mail holds one link. Its subject is the same for all mails to one person about one proposal, so that they stay together.
"""

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markdown_it import MarkdownIt

from domain.agenda import Notice, NoticeKind
from domain.facts import Fact, HandedOn, Money
from domain.people import Person
from domain.review import Review, Slot
from domain.status import silence
from services.links import Links
from services.mail import Mail
from services.settings import Settings

LONGEST_SUBJECT = 50
"""Characters of the subject before the reference; mail clients on phones show about that much."""

LONGEST_SUMMARY = 600
ZERO_WIDTH_JOINER = "\u200d"
MARKDOWN = MarkdownIt("commonmark", {"html": False})
SOFT = {"softbreak": " ", "hardbreak": "\n"}


@dataclass(frozen=True)
class Summary:
    """What a mail quotes of a proposal's body."""

    text: str
    shortened: bool


class Letters:
    """Writes letters with the settings' addresses, links and zone."""

    def __init__(self, settings: Settings, links: Links) -> None:
        self._settings = settings
        self._links = links
        self._zone = ZoneInfo(settings.zone)
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).with_name("templates")),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def letter(self, notice: Notice, review: Review, facts: Sequence[Fact], content: dict[str, Any]) -> Mail:
        """The mail of a notice. `content` is the body of the revision. Raises KeyError for a slot that was never opened."""
        slot = review.slot(notice.slot) if notice.slot else None
        if notice.slot and slot is None:
            raise KeyError(notice.slot)
        to = slot.person if slot else review.submitter
        values = self._values(notice, review, slot, facts, content)
        name = template_name(notice.kind, slot)
        html = self._templates.get_template(f"{name}.html").render(values)
        text = self._templates.get_template(f"{name}.txt").render(values)
        return Mail(to, subject(review, slot), text, html, self._message_id(notice, review), self._thread(review, to))

    def _values(self, notice: Notice, review: Review, slot: Slot | None, facts: Sequence[Fact], content: dict[str, Any]) -> dict[str, Any]:
        state = review.open_stage()
        plan = review.plan.stages[slot.stage] if slot and review.plan and slot.stage < len(review.plan.stages) else None
        return {
            "kind": notice.kind,
            "review": review,
            "slot": slot,
            "plan": plan,
            "to": slot.person if slot else review.submitter,
            "reference": reference(review.proposal),
            "amount": money(review.budget),
            "deadline": self.told(state.deadline) if state else None,
            "revise_by": self.told(review.revision_deadline) if review.revision_deadline else None,
            "silence": silence_in(review) if state else "",
            "why": why_you(slot, facts, review) if slot else "",
            "summary": summary(plain(content.get("summary", ""))),
            "findings": [finding for finding in review.findings if finding.severity != "info"],
            "closing": self._closing(slot, review),
            "link": self._links.review_url(review.proposal, slot.id) if slot else self._links.submission_url(review.proposal),
            "answers_reach_us": self._settings.operators_mailbox is not None,
        }

    def told(self, instant: datetime) -> str:
        """An instant in the settings' zone, with its name: `Fri 5 Dec 2026, 17:00 CET`."""
        there = instant.astimezone(self._zone)
        return f"{there:%a} {there.day} {there:%b %Y, %H:%M %Z}"

    def _closing(self, slot: Slot | None, review: Review) -> str:
        """Why nothing more is needed of somebody, in one sentence."""
        if slot is None or slot.closed_at is None:
            return ""
        at = self.told(slot.closed_at)
        if slot.state == "handed_on":
            return f"It was handed on to somebody else on {at}."
        if slot.round < review.round or review.status == "changes_requested":
            return f"Changes were requested on {at}; the submitter will revise the proposal."
        return {
            "withdrawn": f"The submitter withdrew the proposal on {at}.",
            "cancelled": f"The proposal was cancelled on {at}.",
            "past_deadline": f"The deadline passed on {at}.",
        }.get(slot.closed_why, f"It was settled without you on {at}.")

    def _message_id(self, notice: Notice, review: Review) -> str:
        """Made of (proposal, slot, kind, fact) alone: a mail sent again is the same mail."""
        identity = f"{review.proposal}/{notice.slot or 'submitter'}/{notice.kind}/{notice.number}"
        return f"<{hashlib.sha256(identity.encode()).hexdigest()[:32]}@{self._domain}>"

    def _thread(self, review: Review, to: Person) -> str:
        """The root of the person's thread."""
        return f"<proposal.{review.proposal.removeprefix('prp-')}@{self._domain}>"

    @property
    def _domain(self) -> str:
        return str(self._settings.mail_from).rpartition("@")[2]


def template_name(kind: NoticeKind, slot: Slot | None) -> str:
    """Which template a notice has; the outcome is told differently to a reviewer."""
    return "outcome_reviewer" if kind == "outcome" and slot else kind


def subject(review: Review, slot: Slot | None) -> str:
    """`Approve: Solar roof, Hall 3 [GL-7K2QXM]`: the act, the thing, the reference; the same in the whole thread."""
    room = LONGEST_SUBJECT - len("Approve: ") if slot else LONGEST_SUBJECT
    title = shortened(review.title, room)
    return f"{'Approve: ' if slot else ''}{title} [{reference(review.proposal)}]"


def reference(proposal: str) -> str:
    """What people call a proposal on the telephone."""
    return f"GL-{proposal.removeprefix('prp-')[:6].upper()}"


def shortened(text: str, room: int) -> str:
    """Text cut between characters as people see them, never within an emoji or between a letter and its accent."""
    text = unicodedata.normalize("NFC", text)
    if len(text) <= room:
        return text
    end = room - 1
    while end > 0 and joined(text, end):
        end -= 1
    # One "character" longer than all the room is no letter of any script: it is cut as it comes.
    return text[: end or room - 1].rstrip() + "…"


def joined(text: str, at: int) -> bool:
    """Whether a cut before `text[at]` would part a visible character: accents, variation and skin tones, joined emoji, flags.

    The cases of Unicode's rules for grapheme clusters (https://unicode.org/reports/tr29/) that occur in titles.
    """
    before, after = text[at - 1], text[at]
    if unicodedata.category(after).startswith("M") or ZERO_WIDTH_JOINER in (before, after) or "\U0001f3fb" <= after <= "\U0001f3ff":
        return True
    if not (regional(before) and regional(after)):
        return False
    run = at
    while run > 0 and regional(text[run - 1]):
        run -= 1
    return (at - run) % 2 == 1


def regional(character: str) -> bool:
    """Whether this is half of a flag."""
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def plain(markdown: str) -> str:
    """Markdown as a letter shows it: its text, a dash before list items, without the marks."""
    lines: list[str] = []
    item = False
    for token in MARKDOWN.parse(markdown):
        if token.type == "list_item_open":
            item = True
        elif token.type in ("inline", "fence", "code_block"):
            text = "".join(SOFT.get(child.type, child.content) for child in token.children or []) or token.content
            lines.append(f"- {text}" if item else f"{text}\n")
            item = False
        elif token.type in ("bullet_list_close", "ordered_list_close") and lines:
            lines[-1] = lines[-1].rstrip("\n") + "\n"
    return "\n".join(lines).strip()


def summary(text: str) -> Summary:
    """The beginning of a summary, for a mail."""
    short = shortened(text, LONGEST_SUMMARY)
    return Summary(short, short != unicodedata.normalize("NFC", text))


def money(budget: Money) -> str:
    """`EUR 125,000.00`: the code first, no locale."""
    return f"{budget.currency} {budget.amount:,}"


def why_you(slot: Slot, facts: Sequence[Fact], review: Review) -> str:
    """Why this person is asked, in one sentence."""
    earlier = review.slot(slot.instead_of) if slot.instead_of else None
    handed = next((fact.body for fact in facts if isinstance(fact.body, HandedOn) and fact.body.to_slot == slot.id), None)
    reason = f": “{handed.reason}”" if handed and handed.reason else "."
    if earlier and slot.why == "delegated":
        return f"{earlier.person.name} has handed the decision to you{reason}"
    if slot.why == "reassigned":
        return f"An operator has handed the decision to you{reason}"
    return {
        "escalated": "Nobody decided in time, so you are asked to decide in their place; your decision alone settles it.",
        "fallback": "You are asked in place of somebody who could not be.",
        "added": "An operator has added you to this stage.",
    }.get(slot.why, "The company's policy names you as a reviewer.")


def silence_in(review: Review) -> str:
    """What happens if nobody decides, as the status says it; the deadline stands right before it."""
    _, _, outcome = silence(review).partition(" UTC ")
    return f"If nobody decides by then, {outcome}."
