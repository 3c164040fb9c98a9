"""Reading what callers send: JSON that holds no surprise, or a form. Nothing here knows of proposals.

JSON is refused, with a reason, where parsers are known to disagree or where it could hurt what comes behind: invalid UTF-8,
NaN and Infinity, numbers without end, repeated keys, nesting without end, NUL, lone surrogates (RFC 8259 sections 4, 6, 8.2), and
the keys by which the Durable SDK's loose codec would build classes (durable.md A9).
"""

import json
import math
import re
import unicodedata
from collections.abc import Iterator
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl

import azure.functions as func

from clients.problem import FieldError, Problem, invalid, pointer

LARGEST = 256 * 1024
"""Bytes of a body."""

DEEPEST = 32
LONGEST_NUMBER = 40
MOST_FORM_FIELDS = 100
RESERVED_KEYS = frozenset({"__class__", "__module__", "__data__"})

_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.DOTALL)


def media_type(req: func.HttpRequest) -> tuple[str, str]:
    """The body's media type and charset, in lower case, without their quotes."""
    header = Message()
    header["content-type"] = req.headers.get("Content-Type") or "application/octet-stream"
    return header.get_content_type(), str(header.get_param("charset", "utf-8")).casefold()


def is_form(req: func.HttpRequest) -> bool:
    """Whether the body comes from a page's form."""
    return media_type(req)[0] == "application/x-www-form-urlencoded"


def json_object(req: func.HttpRequest) -> dict[str, Any]:
    """The body as a JSON object. Raises Problem 400, 413, 415 or 422."""
    kind, charset = media_type(req)
    if kind != "application/json" and not kind.endswith("+json"):
        raise Problem("unsupported-media-type", f"Send application/json, not {kind}.", headers={"Accept-Post": "application/json"})
    if charset not in ("utf-8", "utf8"):
        raise Problem("unsupported-media-type", f"JSON is UTF-8 (RFC 8259), not {charset}.", headers={"Accept-Post": "application/json"})
    value = parsed(text_of(req))
    if not isinstance(value, dict):
        raise Problem("malformed-body", f"The body must be a JSON object, not {json_type(value)}.")
    if errors := [FieldError(pointer(path), message) for path, message in surprises(value, ())]:
        raise invalid(errors)
    return value


def text_of(req: func.HttpRequest) -> str:
    """The body as text, within the size limit. Raises Problem 400 or 413."""
    body = req.get_body()
    if len(body) > LARGEST:
        raise Problem("too-large", f"The body has {len(body):,} bytes; at most {LARGEST:,} (256 KiB) are taken.")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problem("malformed-body", f"The body is not UTF-8: byte {error.start} does not belong there.") from None


def parsed(text: str) -> Any:
    """The JSON value that `text` is. Raises Problem 400."""
    if not text.strip():
        raise Problem("malformed-body", "The body is empty; a JSON object is expected.")
    refuse_depth(text)
    try:
        return json.loads(text, object_pairs_hook=without_repeats, parse_constant=no_constant, parse_int=whole, parse_float=fraction)
    except json.JSONDecodeError as error:
        raise Problem("malformed-body", f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None


def refuse_depth(text: str) -> None:
    """Refuse nesting before the parser recurses into it. Raises Problem 400."""
    depth = 0
    for token in _TOKENS.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
                if depth > DEEPEST:
                    raise Problem("malformed-body", f"The body is nested more than {DEEPEST} levels deep.")
            case "]" | "}":
                depth -= 1


def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys occur once each. Raises Problem 400."""
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise Problem("malformed-body", f"The key {json.dumps(key[:80])} occurs twice in one object.")
        made[key] = value
    return made


def no_constant(name: str) -> None:
    """Refuse what JSON does not have. Raises Problem 400."""
    raise Problem("malformed-body", f"{name} is not a JSON number.")


def whole(digits: str) -> int:
    """An integer of sane length. Raises Problem 400."""
    if len(digits) > LONGEST_NUMBER:
        raise Problem("malformed-body", f"A number has {len(digits)} digits; at most {LONGEST_NUMBER} are taken. Send it as text.")
    return int(digits)


def fraction(digits: str) -> float:
    """A finite number. Raises Problem 400."""
    value = float(digits)
    if len(digits) > LONGEST_NUMBER or not math.isfinite(value):
        raise Problem("malformed-body", f"The number {digits[:LONGEST_NUMBER]} is too large or too long. Send it as text.")
    return value


def surprises(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where a parsed value holds what no text or key of ours may hold, and why."""
    if isinstance(value, str):
        if fault := text_fault(value):
            yield path, fault
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in RESERVED_KEYS:
                yield (*path, key), "is a reserved key and not taken anywhere."
            elif fault := text_fault(key):
                yield path, f"has a key that {fault}"
            else:
                yield from surprises(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from surprises(item, (*path, index))


def text_fault(text: str) -> str | None:
    """Why `text` cannot be kept as it is; None when it can."""
    if "\x00" in text:
        return "holds a NUL character."
    if any(unicodedata.category(character) == "Cs" for character in text):
        return "holds half of a surrogate pair, which is no character."
    return None


def json_type(value: Any) -> str:
    """What a JSON value is called."""
    names = {str: "a text", bool: "a boolean", int: "a number", float: "a number", list: "an array", type(None): "null", dict: "an object"}
    return names[type(value)]


def form_fields(req: func.HttpRequest) -> dict[str, str]:
    """The fields of a page's form, each once, with plain line ends. Raises Problem 400, 413 or 422."""
    try:
        pairs = parse_qsl(text_of(req), keep_blank_values=True, strict_parsing=False, errors="strict", max_num_fields=MOST_FORM_FIELDS)
    except UnicodeDecodeError:
        raise Problem("malformed-body", "The form is not UTF-8.") from None
    except ValueError:
        raise Problem("malformed-body", f"The form has more than {MOST_FORM_FIELDS} fields.") from None
    fields: dict[str, str] = {}
    for key, value in pairs:
        if key in fields:
            raise Problem("malformed-body", f"The field {key[:80]!r} occurs twice.")
        if fault := text_fault(value):
            raise invalid([FieldError(pointer((key,)), fault)])
        fields[key] = value.replace("\r\n", "\n").replace("\r", "\n")
    return fields
