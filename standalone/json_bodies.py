"""JSON of requests and answers in the form that the extension reads and writes: compact UTF-8, and "NaN" for what is no number.

The extension reads with Newtonsoft's reader, which takes more than JSON (comments, single quotes, names without quotes); here that is
refused. What it refuses too, with 400 or 500, is told apart as it tells it.
"""

import json
from typing import Any

MOST_NESTED = 64
"""How deep arrays and objects may be in one another: Newtonsoft's MaxDepth."""
TOO_DEEP = f"The reader's MaxDepth of {MOST_NESTED} has been exceeded."


class JsonRefused(Exception):
    """What came is no JSON. `unfinished`: it ends where an object or array goes on, which the extension answers with 500."""

    def __init__(self, message: str, *, unfinished: bool = False) -> None:
        super().__init__(message)
        self.unfinished = unfinished


def decoded(body: bytes, charset: str | None) -> str:
    """A body as text. What its charset does not know becomes U+FFFD, and an unknown charset is UTF-8."""
    try:
        return body.decode(charset or "utf-8", "replace").removeprefix("\ufeff")
    except LookupError:
        return body.decode("utf-8", "replace").removeprefix("\ufeff")


def parsed(text: str) -> Any:
    """The value of JSON text. Raises JsonRefused."""
    try:
        value = json.loads(text, parse_constant=str)
    except json.JSONDecodeError as error:
        begun = text.lstrip()[:1] in ("{", "[") and error.pos >= len(text.rstrip())
        raise JsonRefused(str(error), unfinished=begun and "':'" not in error.msg) from None
    except ValueError as error:  # a number of more digits than Python reads
        raise JsonRefused(str(error)) from None
    except RecursionError:
        value = None
        nested = MOST_NESTED + 1
    else:
        nested = depth(value)
    if nested > MOST_NESTED:
        raise JsonRefused(TOO_DEEP)
    return value


def checked(text: str) -> str:
    """JSON text as it came, if it is some; what is no number becomes a string. Raises JsonRefused."""
    value = parsed(text)
    return written(value) if "NaN" in text or "Infinity" in text else text


def passed_on(text: str) -> str:
    """JSON text of the app's as the extension passes it on: `checked` where there may be something to see. Raises JsonRefused."""
    plain = "NaN" not in text and "Infinity" not in text and text.count("[") + text.count("{") <= MOST_NESTED
    return text if plain else checked(text)


def depth(value: Any) -> int:
    """How deep arrays and objects are in one another; not looked at much beyond what is allowed."""
    deep, level = 0, [value]
    while deep <= MOST_NESTED and (level := [each for each in level if isinstance(each, dict | list)]):
        deep += 1
        level = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]
    return deep


def written(value: Any) -> str:
    """A value as JSON text that any reader takes."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"))


def encoded(text: str) -> bytes:
    """Text as UTF-8, with U+FFFD for half of a surrogate pair."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    if isinstance(value, float) and json.dumps(value) in _NO_NUMBERS:
        return json.dumps(value)
    return value


_NO_NUMBERS = ("NaN", "Infinity", "-Infinity")
