"""Facts as JSON, and the hash chain over them: each fact's hash covers the fact and the hash before it.

Only strings, integers, booleans, null, lists and objects are hashed, so the text is the same everywhere: instants and durations
are ISO 8601, amounts decimal strings.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, get_args

from pydantic import TypeAdapter

from domain.facts import Body, Fact
from domain.people import Person

ROOT = ""
"""What the first fact's hash is chained to."""

Encoded = dict[str, Any]


def kind_of(body: Body) -> str:
    """The name of a body's kind: `StageOpened` is `stage_opened`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(body).__name__).lower()


BODIES: dict[str, TypeAdapter[Any]] = {
    re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower(): TypeAdapter(kind) for kind in get_args(Body)
}
INSTANT = TypeAdapter(datetime)


def encode(fact: Fact) -> Encoded:
    """A fact as plain JSON."""
    kind = kind_of(fact.body)
    return {
        "number": fact.number,
        "at": fact.at.isoformat(),
        "author": {"name": fact.author.name, "email": fact.author.email},
        "role": fact.role,
        "kind": kind,
        "body": BODIES[kind].dump_python(fact.body, mode="json"),
    }


def decode(encoded: Encoded) -> Fact:
    """The inverse of `encode`; a newer version's fields are ignored. Raises KeyError (unknown kind), ValidationError (broken body)."""
    body = BODIES[encoded["kind"]].validate_python(encoded["body"], extra="ignore", strict=False)
    return Fact(encoded["number"], INSTANT.validate_python(encoded["at"]), Person(**encoded["author"]), encoded["role"], body)


def link(previous_hash: str, encoded: Encoded) -> str:
    """SHA-256, in hex, of a fact and the hash before it."""
    text = json.dumps([previous_hash, encoded], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def verify(encoded: Sequence[Encoded], hashes: Sequence[str]) -> int | None:
    """The number of the first fact whose hash does not fit, None when the whole chain holds."""
    previous = ROOT
    for position, fact in enumerate(encoded):
        if fact["number"] != position + 1 or position >= len(hashes) or hashes[position] != link(previous, fact):
            return position + 1
        previous = hashes[position]
    return None if len(hashes) == len(encoded) else len(encoded) + 1
