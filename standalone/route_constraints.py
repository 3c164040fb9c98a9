"""The constraints of route parameters: which values they let through, as ASP.NET's do.

https://learn.microsoft.com/aspnet/core/fundamentals/routing#route-constraints. Numbers and dates are read as .NET reads them in the
invariant culture: blanks around them count for nothing, a decimal has no exponent, a double may have one.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

_INTEGER = re.compile(r"\s*([+-]?\d+)\s*", re.ASCII)
_DECIMAL = re.compile(r"\s*(?:[+-]?\s*(?:\d[\d,]*\.?\d*|\.\d+)|(?:\d[\d,]*\.?\d*|\.\d+)[+-])\s*", re.ASCII)
_DOUBLE = re.compile(r"\s*[+-]?(?:(?:\d[\d,]*\.?\d*|\.\d+)(?:e[+-]?\d+)?|nan|infinity|∞)\s*", re.ASCII | re.IGNORECASE)
_GUID = re.compile(
    r"\s*(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}|\([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\))\s*",
    re.IGNORECASE,
)
_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%m-%d-%Y")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M%p", " %I:%M %p", " %I:%M:%S %p")
_WHOLE = {32: 2**31, 64: 2**63}


def _integer(value: str, bits: int) -> bool:
    found = _INTEGER.fullmatch(value)
    return found is not None and -_WHOLE[bits] <= int(found[1]) < _WHOLE[bits]


def _datetime(value: str) -> bool:
    try:
        datetime.fromisoformat(value.strip())
    except ValueError:
        return any(_is_of_form(value.strip(), date + time) for date in _DATES for time in _TIMES)
    return True


def _is_of_form(value: str, form: str) -> bool:
    try:
        datetime.strptime(value, form)  # noqa: DTZ007 - whether it is a date is all that is asked
    except ValueError:
        return False
    return True


def _is_file_name(value: str) -> bool:
    """Has the last segment a dot with something behind it?"""
    return bool(re.search(r"\.[^./][^/]*$", value))


def _has_length(value: str, argument: str) -> bool:
    low, _, high = argument.partition(",")
    return int(low) <= len(value) <= int(high or low)


def _within(value: str, low: int, high: int) -> bool:
    return _integer(value, 64) and low <= int(value) <= high


CONSTRAINTS: Mapping[str, Callable[[str, str], bool]] = {
    "int": lambda value, _: _integer(value, 32),
    "long": lambda value, _: _integer(value, 64),
    "guid": lambda value, _: bool(_GUID.fullmatch(value)),
    "bool": lambda value, _: value.strip().lower() in ("true", "false"),
    "datetime": lambda value, _: _datetime(value),
    "decimal": lambda value, _: bool(_DECIMAL.fullmatch(value)),
    "double": lambda value, _: bool(_DOUBLE.fullmatch(value)),
    "float": lambda value, _: bool(_DOUBLE.fullmatch(value)),
    "alpha": lambda value, _: bool(re.fullmatch(r"[A-Za-z]*", value)),
    "required": lambda value, _: bool(value),
    "length": _has_length,
    "minlength": lambda value, argument: len(value) >= int(argument),
    "maxlength": lambda value, argument: len(value) <= int(argument),
    "min": lambda value, argument: _within(value, int(argument), _WHOLE[64]),
    "max": lambda value, argument: _within(value, -_WHOLE[64], int(argument)),
    "range": lambda value, argument: _within(value, *(int(end) for end in argument.split(",", 1))),
    "regex": lambda value, argument: bool(re.search(argument, value, re.IGNORECASE)),
    "file": lambda value, _: _is_file_name(value),
    "nonfile": lambda value, _: not _is_file_name(value),
}
"""By name, in lower case: whether a value passes, given the argument in parentheses."""

BARE = {"int", "long", "guid", "bool", "datetime", "decimal", "double", "float", "alpha", "required", "file", "nonfile"}
"""Those without an argument."""


class ConstraintWrong(ValueError):
    """There is no such constraint, or its argument is nothing for it."""


def constraint(text: str) -> tuple[str, str]:
    """Name and argument of `int`, `range(1,9)`, `regex(^a+$)`. Raises ConstraintWrong: at the start, not at the first request."""
    name, opened, argument = text.partition("(")
    if name.lower() not in CONSTRAINTS:
        raise ConstraintWrong(f"the constraint {name!r} is not known")
    if opened and not argument.endswith(")"):
        raise ConstraintWrong(f"the constraint {text!r} is not closed")
    argument = argument[:-1] if opened else ""
    if bool(argument) == (name.lower() in BARE):
        raise ConstraintWrong(f"the constraint {name} takes {'no' if argument else 'an'} argument")
    try:
        CONSTRAINTS[name.lower()]("1", argument)
    except (ValueError, TypeError, re.error):
        raise ConstraintWrong(f"{argument!r} is nothing for the constraint {name}") from None
    return name.lower(), argument
