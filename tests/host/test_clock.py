"""The host's time: real, real and ahead, or standing; and the wall clock of a process that shows it."""

import asyncio
import json
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from standalone.clock import HostClock
from standalone.small_files import overwrite
from tests.host.edgehost import BEGINNING


def test_time_never_goes_back() -> None:
    """What has happened stays in the past."""
    clock = HostClock(virtual=True, start=BEGINNING)
    clock.move_to(BEGINNING - timedelta(hours=1))
    assert clock.now() == BEGINNING


def test_a_real_clock_goes_on_from_where_it_was_skipped_to() -> None:
    """Skipping three days is being three days ahead, not standing there."""
    clock = HostClock()
    clock.move_to(datetime.now(UTC) + timedelta(days=3))
    before = clock.now()
    assert timedelta(days=2, hours=23, minutes=59) < clock.offset <= timedelta(days=3)
    time.sleep(0.001)
    assert clock.now() > before


def test_a_standing_clock_brings_nothing_about_by_itself() -> None:
    """None: no sleep would ever be long enough."""
    standing, going = HostClock(virtual=True, start=BEGINNING), HostClock()
    assert standing.seconds_until(BEGINNING) == 0
    assert standing.seconds_until(BEGINNING + timedelta(seconds=1)) is None
    assert going.seconds_until(going.now() + timedelta(hours=1)) == pytest.approx(3600, abs=1)


def test_whoever_listens_hears_of_every_move() -> None:
    """Sleeps are cut short by it."""
    clock, heard = HostClock(virtual=True, start=BEGINNING), []
    clock.on_move(lambda: heard.append(clock.now()))
    clock.move_to(BEGINNING + timedelta(days=1))
    assert heard == [BEGINNING + timedelta(days=1)]


@pytest.mark.parametrize("virtual", [True, False])
async def test_the_wall_clock_tells_the_host_s_time_and_the_event_loop_s_stays_real(virtual: bool) -> None:
    """A time-out of a second must last a second, whatever is skipped."""
    clock = HostClock(virtual=virtual, start=BEGINNING if virtual else None)
    real = datetime.now(UTC)
    began, loop_began = time.monotonic(), asyncio.get_running_loop().time()
    with clock.patch():
        clock.move_to(clock.now() + timedelta(days=400))
        assert abs(datetime.now(UTC) - clock.now()) < timedelta(seconds=1)
        assert abs(time.time() - clock.now().timestamp()) < 1
        assert date.today() == datetime.now().date()  # noqa: DTZ005, DTZ011  # whatever an app reads
        assert time.gmtime()[:3] == clock.now().timetuple()[:3]
        await asyncio.sleep(0.01)
        assert 0.01 <= asyncio.get_running_loop().time() - loop_began < 60
        assert 0.01 <= time.monotonic() - began < 60
    assert timedelta(0) <= datetime.now(UTC) - real < timedelta(minutes=1), "outside it is as before"


def test_a_small_file_holds_what_was_written_last_and_nothing_of_before(tmp_path: Path) -> None:
    """The time and the timer functions' plan are written over each other, at each stop of a skip."""
    for value in ({"now": "late in the evening"}, {"now": "é"}, {"now": "in the morning"}):
        overwrite(tmp_path / "clock.json", json.dumps(value, ensure_ascii=False))
        assert json.loads((tmp_path / "clock.json").read_text(encoding="utf-8")) == value
