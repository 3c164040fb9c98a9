"""NCRONTAB, as timer functions use it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from standalone.schedule import ScheduleWrong, parsed, time_zone

WEDNESDAY = datetime(2026, 11, 25, 8, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "following"),
    [
        ("0 */5 * * * *", datetime(2026, 11, 25, 8, 35, tzinfo=UTC)),
        ("*/5 * * * *", datetime(2026, 11, 25, 8, 35, tzinfo=UTC)),
        ("30 * * * * *", datetime(2026, 11, 25, 8, 30, 30, tzinfo=UTC)),
        ("0 0 9 * * MON-FRI", datetime(2026, 11, 25, 9, 0, tzinfo=UTC)),
        ("0 0 8 * * 1", datetime(2026, 11, 30, 8, 0, tzinfo=UTC)),
        ("0 0 0 29 FEB *", datetime(2028, 2, 29, tzinfo=UTC)),
        ("0 0,30 10-12 * * *", datetime(2026, 11, 25, 10, 0, tzinfo=UTC)),
        ("0 0 12 * * 7", datetime(2026, 11, 29, 12, 0, tzinfo=UTC)),
    ],
)
def test_the_next_time_is_the_first_that_fits(text: str, following: datetime) -> None:
    """Five fields or six, names of months and days, lists, ranges and steps."""
    assert parsed(text).after(WEDNESDAY) == following


@pytest.mark.parametrize("text", ["* * *", "61 * * * * *", "0 0 25 * * *", "a * * * *", "*/0 * * * *", "5-1 * * * *"])
def test_what_is_no_schedule_says_which_field(text: str) -> None:
    """At the start, not in the night."""
    with pytest.raises(ScheduleWrong):
        parsed(text)


CALIFORNIA = ZoneInfo("America/Los_Angeles")


@pytest.mark.parametrize(
    ("text", "start", "following"),
    [
        ("0 0 9 * * *", "2018-11-03 10:00", ["04 09:00-0800", "05 09:00-0800"]),
        ("0 0 9 * * *", "2018-03-10 10:00", ["11 09:00-0700", "12 09:00-0700"]),
        ("0 30 1 * * *", "2018-11-03 10:00", ["04 01:30-0700", "05 01:30-0800"]),
        ("0 */30 * * * *", "2018-11-04 00:30", ["04 01:00-0700", "04 01:30-0700", "04 01:00-0800", "04 01:30-0800", "04 02:00-0800"]),
        ("0 15 * * * *", "2018-11-04 01:15", ["04 01:15-0800", "04 02:15-0800"]),
        ("* * * * * *", "2018-11-04 01:59:59", ["04 01:00-0800"]),
        ("0 30 2 * * *", "2018-03-10 10:00", ["11 03:30-0700", "12 02:30-0700"]),
        ("0 */30 * * * *", "2018-03-11 01:00", ["11 01:30-0800", "11 03:00-0700", "11 03:30-0700"]),
    ],
)
def test_when_clocks_are_changed_a_point_in_time_comes_once_and_what_repeats_goes_on(text: str, start: str, following: list[str]) -> None:
    """As the examples in CronSchedule.cs: nothing is left out, and a nightly run is not made twice."""
    at, found = datetime.fromisoformat(start).replace(tzinfo=CALIFORNIA).astimezone(UTC), []
    for _ in following:
        at = parsed(text, zone=CALIFORNIA).after(at) or at
        found.append(at.astimezone(CALIFORNIA).strftime("%d %H:%M%z"))
    assert found == following


def test_a_time_that_comes_twice_and_has_been_is_not_due_the_second_time() -> None:
    """A host that is started in between must not run the night's work again."""
    between = datetime(2018, 11, 4, 1, 10, fold=1, tzinfo=CALIFORNIA).astimezone(UTC)
    assert parsed("0 30 1 * * *", zone=CALIFORNIA).after(between) == datetime(2018, 11, 5, 9, 30, tzinfo=UTC)


def test_a_time_span_is_the_time_between_two_runs() -> None:
    """Counted from the start, whatever hour it is; the one that is no time at all is refused."""
    every = parsed("1.00:30:00", start=WEDNESDAY)
    assert every.after(WEDNESDAY) == datetime(2026, 11, 26, 9, 0, 15, tzinfo=UTC)
    assert every.after(datetime(2026, 11, 26, 9, 0, 15, tzinfo=UTC)) == datetime(2026, 11, 27, 9, 30, 15, tzinfo=UTC)
    with pytest.raises(ScheduleWrong, match="no time between"):
        parsed("00:00:00")


@pytest.mark.parametrize("name", ["Eastern Standard Time", "Europe", "../etc/passwd", "nowhere"])
def test_a_time_zone_is_one_of_the_tz_database(name: str) -> None:
    """What Windows calls it works on Windows plans only: a schedule at the wrong hour would be found out late."""
    assert time_zone(":America/Los_Angeles") == CALIFORNIA
    with pytest.raises(ScheduleWrong, match="is no time zone of the tz database"):
        time_zone(name)


def test_a_day_that_never_comes_is_never_due() -> None:
    """The 31st of February would else be looked for without end."""
    assert parsed("0 0 0 31 2 *").after(WEDNESDAY) is None
