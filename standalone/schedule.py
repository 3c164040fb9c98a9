"""When a timer function is due: NCRONTAB with five fields, or six with seconds first, in a time zone; or a time span between two runs.

https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions. What becomes of it when clocks are changed
is that of CronSchedule.cs in Azure/azure-webjobs-sdk-extensions: a time that clocks skip is due as if they had not been put forward yet; of
a time that comes twice, the first counts for a point in time, and both for what repeats within the hour or by the hour.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
RANGES = (("second", 0, 59), ("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("day of week", 0, 6))
WITHIN_A_DAY = 3  # fields
YEARS_AHEAD = 5
_PART = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?")
_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})")


class ScheduleWrong(Exception):
    """An expression that is no schedule, or a time zone that is none; the message says at what."""


class Schedule(Protocol):
    """What says when."""

    @property
    def text(self) -> str:
        """The expression."""

    def after(self, instant: datetime) -> datetime | None:
        """The first time after `instant`, both aware UTC; None when none comes within years."""


@dataclass(frozen=True)
class Period:
    """A run each `length`, counted from `start`."""

    text: str
    length: timedelta
    start: datetime

    def after(self, instant: datetime) -> datetime | None:
        """The first time after `instant`."""
        return self.start + self.length * max((instant - self.start) // self.length + 1, 1)


@dataclass(frozen=True)
class Crontab:
    """An expression's fields as sets of numbers: seconds, minutes, hours, days, months, days of the week (0 is Sunday)."""

    text: str
    fields: tuple[frozenset[int], ...]
    repeats: bool = False  # by a `*`, `-` or `/` in what says the time of day
    zone: tzinfo = UTC

    def after(self, instant: datetime) -> datetime | None:
        """The first time after `instant`."""
        now = instant.astimezone(self.zone)
        found = self._on_clocks(now.replace(tzinfo=None), fold=now.fold if self.repeats else 0)
        while found is not None and found.astimezone(UTC) <= instant:  # of a time that comes twice, the first has been
            found = self._on_clocks(found.replace(tzinfo=None), fold=0)
        if found is None:
            return None
        again = self._in_the_hour_that_comes_again(now, found) if self.repeats and found.utcoffset() != now.utcoffset() else None
        return min(each.astimezone(UTC) for each in (found, again) if each is not None)

    def _on_clocks(self, after: datetime, *, fold: int) -> datetime | None:
        """The next time that fits, as clocks on the wall show it."""
        seconds, minutes, hours, days, months, weekdays = self.fields
        at = after.replace(microsecond=0, fold=0) + timedelta(seconds=1)
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
                return at.replace(tzinfo=self.zone, fold=fold)
        return None

    def _in_the_hour_that_comes_again(self, now: datetime, found: datetime) -> datetime | None:
        """Where clocks are put back between the two, the first time that fits after that."""
        before, after = int(now.timestamp()), int(found.timestamp())
        while after - before > 1:
            middle = (before + after) // 2
            unchanged = datetime.fromtimestamp(middle, self.zone).utcoffset() == now.utcoffset()
            before, after = (middle, after) if unchanged else (before, middle)
        change = datetime.fromtimestamp(after, self.zone)
        return self._on_clocks(change.replace(tzinfo=None) - timedelta(seconds=1), fold=1) if change.fold else None


def parsed(text: str, *, zone: tzinfo = UTC, start: datetime | None = None) -> Schedule:
    """The schedule of an expression; a time span begins at `start`. Raises ScheduleWrong."""
    if found := _SPAN.fullmatch(text.strip()):
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if not length:
            raise ScheduleWrong(f"{text!r} leaves no time between two runs")
        return Period(text, length, start or datetime.now(UTC))
    words = text.split()
    if len(words) == len(RANGES) - 1:
        words = ["0", *words]
    if len(words) != len(RANGES):
        raise ScheduleWrong(f"{text!r} has {len(words)} fields; NCRONTAB has five, or six with seconds first")
    fields = tuple(_field(word, *limits) for word, limits in zip(words, RANGES, strict=True))
    return Crontab(text, fields, any(set(word) & set("*-/") for word in words[:WITHIN_A_DAY]), zone)


def time_zone(name: str) -> ZoneInfo:
    """The zone of that name in the tz database. Raises ScheduleWrong."""
    try:
        return ZoneInfo(name.removeprefix(":"))
    except (KeyError, ValueError, OSError):
        raise ScheduleWrong(f"{name!r} is no time zone of the tz database, such as Europe/Berlin; names of Windows are not known") from None


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
