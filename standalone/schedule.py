"""NCRONTAB: when a timer function is due. Five fields, or six with seconds first; UTC.

https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
RANGES = (("second", 0, 59), ("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("day of week", 0, 6))
YEARS_AHEAD = 5
_PART = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?")


class ScheduleWrong(Exception):
    """An expression that is no NCRONTAB; the message says which field."""


@dataclass(frozen=True)
class Schedule:
    """An expression's fields as sets of numbers: seconds, minutes, hours, days, months, days of the week (0 is Sunday)."""

    text: str
    fields: tuple[frozenset[int], ...]

    def after(self, instant: datetime) -> datetime | None:
        """The first time after `instant`, aware UTC; None when none comes within years."""
        seconds, minutes, hours, days, months, weekdays = self.fields
        at = instant.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        last = at + timedelta(days=366 * YEARS_AHEAD)
        while at < last:
            if at.month not in months or at.day not in days or (at.weekday() + 1) % 7 not in weekdays:
                at = at.replace(hour=0, minute=0, second=0) + timedelta(days=1)
            elif at.hour not in hours:
                at = at.replace(minute=0, second=0) + timedelta(hours=1)
            elif at.minute not in minutes:
                at = at.replace(second=0) + timedelta(minutes=1)
            elif at.second not in seconds:
                at += timedelta(seconds=1)
            else:
                return at
        return None


def parsed(text: str) -> Schedule:
    """The schedule of an expression. Raises ScheduleWrong."""
    words = text.split()
    if len(words) == 5:
        words = ["0", *words]
    if len(words) != 6:
        raise ScheduleWrong(f"{text!r} has {len(words)} fields; NCRONTAB has five, or six with seconds first")
    return Schedule(text, tuple(_field(word, *limits) for word, limits in zip(words, RANGES, strict=True)))


def _field(word: str, name: str, low: int, high: int) -> frozenset[int]:
    numbers: set[int] = set()
    for part in word.split(","):
        found = _PART.fullmatch(part)
        if not found:
            raise ScheduleWrong(f"{part!r} is no {name}")
        first, last, step = found.groups()
        begin = low if first == "*" else _number(first, name, low, high)
        end = high if first == "*" or (step and not last) else begin
        if last:
            end = _number(last, name, low, high)
        if end < begin or step == "0":
            raise ScheduleWrong(f"{part!r} is no {name}")
        numbers |= set(range(begin, end + 1, int(step or 1)))
    return frozenset(numbers)


def _number(word: str, name: str, low: int, high: int) -> int:
    names = MONTHS if name == "month" else DAYS if name == "day of week" else ()
    if word.upper()[:3] in names:
        return names.index(word.upper()[:3]) + low
    if name == "day of week" and word == "7":
        return 0
    if not word.isdigit() or not low <= int(word) <= high:
        raise ScheduleWrong(f"{word!r} is no {name} from {low} to {high}")
    return int(word)
