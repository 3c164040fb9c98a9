"""NCRONTAB, as timer functions use it."""

from datetime import UTC, datetime

import pytest

from standalone.schedule import ScheduleWrong, parsed

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


def test_a_day_that_never_comes_is_never_due() -> None:
    """The 31st of February would else be looked for without end."""
    assert parsed("0 0 0 31 2 *").after(WEDNESDAY) is None
