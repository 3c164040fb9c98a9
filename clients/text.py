"""What text may be: one line, or prose. Names and titles end up in mail headers and lists, so they hold no control or direction."""

import re
import unicodedata

DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks, embeddings, overrides and isolates of Unicode's bidirectional algorithm (UAX 9), which can make a line read as another."""

_LINE_BREAKS = re.compile(r"\r\n|\r|\u2028|\u2029|\x85")
_BLANK_CATEGORIES = frozenset({"Cf", "Zs", "Zl", "Zp", "Cc"})


def line(value: str) -> str:
    """`value` as a single line, trimmed. Raises ValueError when it is blank, or holds a control or direction character."""
    for character in value:
        if unicodedata.category(character) in ("Cc", "Zl", "Zp"):
            raise ValueError(f"holds the control character U+{ord(character):04X}; it must be a single line")
        if character in DIRECTIONS:
            raise ValueError(f"holds the direction character U+{ord(character):04X}, which is not taken in a single line")
    trimmed = value.strip()
    if is_blank(trimmed):
        raise ValueError("must not be blank")
    return trimmed


def prose(value: str) -> str:
    """`value` with plain line ends. Raises ValueError when it holds a control character other than tab and line end."""
    text = _LINE_BREAKS.sub("\n", value)
    for character in text:
        if character not in "\n\t" and unicodedata.category(character) == "Cc":
            raise ValueError(f"holds the control character U+{ord(character):04X}")
    return text


def is_blank(value: str) -> bool:
    """Whether nobody would see anything of `value`."""
    return all(unicodedata.category(character) in _BLANK_CATEGORIES for character in value)
