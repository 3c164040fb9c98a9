"""Pages from templates: the one Jinja environment, the style sheet's name, and how pages tell times and amounts."""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import nh3
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from clients.currencies import MINOR_UNITS
from clients.problem import Problem
from domain.facts import Money

HERE = Path(__file__).parent

_TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "hr", "li", "ol", "p", "pre", "s", "strong", "table", "tbody",
    "td", "th", "thead", "tr", "ul",
}  # fmt: skip


@functools.cache
def environment() -> Environment:
    """The templates, escaped and strict."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.globals["style_sheet"] = style_sheet()[0]
    return made


@functools.cache
def style_sheet() -> tuple[str, bytes]:
    """The style sheet under a name that changes with it, so that it can be cached for a year."""
    content = (HERE / "static" / "greenlight.css").read_bytes()
    return f"greenlight.{hashlib.sha256(content).hexdigest()[:12]}.css", content


@functools.cache
def markdown() -> MarkdownIt:
    """Markdown without HTML and images (which would call out to other machines)."""
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")


def rendered_markdown(text: str) -> Markup:
    """A summary as HTML. Two walls: the parser takes no HTML, and the sanitizer lets only these tags through. Headings go below ours."""
    html = nh3.clean(
        markdown().render(text),
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noreferrer noopener",
    )
    for level in (4, 3, 2, 1):
        html = html.replace(f"<h{level}>", f"<h{level + 2}>").replace(f"</h{level}>", f"</h{level + 2}>")
    return Markup(html)  # noqa: S704  # cleaned just above


@dataclass(frozen=True)
class Face:
    """How a reader is told instants: in the company's zone, at the moment of looking."""

    zone: ZoneInfo
    now: datetime

    def moment(self, instant: datetime | str) -> Markup:
        """An instant in words, with the exact one for machines."""
        at = (datetime.fromisoformat(instant) if isinstance(instant, str) else instant).astimezone(self.zone)
        words = f"{at:%a} {at.day} {at:%b %Y, %H:%M}"
        place = "UTC" if self.zone.key in ("UTC", "Etc/UTC") else self.zone.key.rpartition("/")[2].replace("_", " ")
        return Markup('<time datetime="{}">{} {}</time>').format(at.isoformat(), words, place)

    def left(self, instant: datetime) -> str:
        """How long until an instant, in the largest unit that says enough; nothing once it has passed."""
        rest = instant - self.now
        if rest <= timedelta(0):
            return ""
        minutes = int(rest.total_seconds() // 60)
        for size, unit in ((1440, "day"), (60, "hour"), (1, "minute")):
            if minutes >= 2 * size or (size == 1 and minutes >= 1):
                count = minutes // size
                return f"{count} {unit}{'s' if count != 1 else ''} left"
        return "less than a minute left"

    def day(self, text: str) -> Markup:
        """A calendar date, the same in every zone."""
        return Markup('<time datetime="{}">{}</time>').format(text, f"{date.fromisoformat(text).day} {date.fromisoformat(text):%b %Y}")


def amount(budget: Money) -> str:
    """`EUR 125,000.00`: the code first, with the currency's decimals, no locale."""
    return f"{budget.currency} {budget.amount:,.{MINOR_UNITS.get(budget.currency, 2)}f}"


def render(template: str, face: Face, **context: Any) -> str:
    """A page as HTML."""
    tellers: dict[str, Callable[..., Any]] = {"moment": face.moment, "left": face.left, "day": face.day}
    return environment().get_template(template).render(**tellers, **context)


def render_problem(problem: Problem, ask: str | None = None) -> str:
    """A problem as a page for people."""
    sentences = [problem.detail, *(f"{error.pointer.lstrip('/')} {error.message}" for error in problem.errors)]
    return environment().get_template("problem.html").render(heading=problem.title, status=problem.status, sentences=sentences, ask=ask)
