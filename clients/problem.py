"""What is wrong with a request, as `application/problem+json` (RFC 9457) or as a page for people.

Whatever is wrong with a request is a 4xx that says what; a 5xx means that we failed and that nothing was half done.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MEDIA_TYPE = "application/problem+json"

TYPES: dict[str, tuple[int, str]] = {
    "malformed-body": (400, "The body cannot be read"),
    "malformed-header": (400, "A header cannot be read"),
    "malformed-query": (400, "A query parameter cannot be read"),
    "unauthenticated": (401, "Who are you?"),
    "forbidden": (403, "You may not do this"),
    "not-found": (404, "There is nothing here"),
    "not-acceptable": (406, "This cannot be had in that form"),
    "conflict": (409, "This does not fit what stands"),
    "on-hold": (409, "The proposal is on hold"),
    "idempotency-conflict": (409, "This Idempotency-Key was used with another body"),
    "gone": (410, "This is settled"),
    "precondition-failed": (412, "It has changed since you read it"),
    "too-large": (413, "The body is too large"),
    "unsupported-media-type": (415, "The body has the wrong type"),
    "invalid": (422, "A field does not fit"),
    "internal": (500, "Greenlight failed"),
    "unavailable": (503, "The records cannot be reached"),
    "policy-unusable": (503, "There is no usable policy"),
}
"""Every kind of problem: its code within `type`, its status and its title. docs/api.md lists them for callers."""


def pointer(path: Sequence[str | int]) -> str:
    """An RFC 6901 JSON pointer to `path`; the whole document is the empty text."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


@dataclass(frozen=True)
class FieldError:
    """One field that does not fit: where it is (RFC 6901) and what is wrong, in words that stand for themselves."""

    pointer: str
    message: str


@dataclass
class Problem(Exception):
    """A request that is not answered as asked. `kind` is a key of `TYPES`; `errors` name fields; `extra` are further members."""

    kind: str
    detail: str
    errors: tuple[FieldError, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(self.detail)

    @property
    def status(self) -> int:
        return TYPES[self.kind][0]

    @property
    def title(self) -> str:
        return TYPES[self.kind][1]

    def document(self) -> dict[str, Any]:
        """The problem as RFC 9457 has it."""
        document: dict[str, Any] = {
            "type": f"urn:greenlight:problem:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = [{"pointer": error.pointer, "message": error.message} for error in self.errors]
        return {**document, **self.extra}

    def body(self) -> bytes:
        """The document as bytes; lone surrogates, which a caller may have sent, come back as escapes."""
        return json.dumps(self.document(), ensure_ascii=False).encode("utf-8", "backslashreplace")


def invalid(errors: Sequence[FieldError]) -> Problem:
    """The problem of a body whose fields do not fit."""
    named = "; ".join(f"{error.pointer or 'The body'} {error.message.rstrip('.')}" for error in errors[:3])
    more = f"; and {len(errors) - 3} more" if len(errors) > 3 else ""
    return Problem("invalid", f"{named}{more}.", tuple(errors))
