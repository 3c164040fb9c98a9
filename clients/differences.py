"""What changed between two revisions: field by field, and word by word within a field."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

Piece = tuple[Literal["same", "ins", "del"], str]

_WORDS = re.compile(r"\s+|\w(?:[\w.,:/-]*\w)?|[^\w\s]")
MOST_WORDS = 4_000
"""Beyond this a field is shown as replaced: comparing costs the product of both lengths."""


@dataclass(frozen=True)
class Change:
    """One field that is not what it was."""

    label: str
    pieces: Sequence[Piece]


FIELDS: Mapping[str, str] = {
    "title": "Title",
    "summary": "Summary",
    "submitter": "Submitter",
    "department": "Department",
    "category": "Category",
    "budget": "Budget",
    "needed_by": "Needed by",
    "links": "Links",
    "details": "Details",
}


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The fields that differ, in the order of the page."""
    return [
        Change(label, pieces(text_of(name, before), text_of(name, after)))
        for name, label in FIELDS.items()
        if before.get(name) != after.get(name)
    ]


def text_of(name: str, content: Mapping[str, Any]) -> str:
    """A field as people read it; no mail address is shown."""
    value = content.get(name)
    match name, value:
        case _, None:
            return ""
        case "submitter", {"name": name_}:
            return str(name_)
        case "budget", {"amount": amount, "currency": currency}:
            return f"{currency} {Decimal(amount):,}"
        case _, list():
            return "\n".join(map(str, value))
        case _, dict():
            return "\n".join(f"{key}: {value[key]}" for key in sorted(value))
    return str(value)


def pieces(before: str, after: str) -> list[Piece]:
    """`after` against `before`: what stayed, what came, what went."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if len(old) + len(new) > MOST_WORDS:
        return [("del", before), ("ins", after)]
    made: list[Piece] = []
    for tag, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            made.append(("same", "".join(old[i:j])))
            continue
        if i < j:
            made.append(("del", "".join(old[i:j])))
        if k < m:
            made.append(("ins", "".join(new[k:m])))
    return made
