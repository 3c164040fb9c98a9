"""Timer functions: at their times, by hand, after an outage, never beside themselves."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from standalone.clock import HostClock
from standalone.configuration import Configuration, HostSettings
from standalone.contracts import AppDoesNotLoad, FunctionInfo, TimerCall
from standalone.host import Host
from standalone.schedule import ScheduleWrong
from standalone.timers import TimerFunctions
from tests.host.edgehost import BEGINNING, TimerWorkers, an_app, get

TICKS = """
ticks = []

@app.timer_trigger(arg_name="timer", schedule="0 0 * * * *"{more})
def tick(timer: func.TimerRequest) -> None:
    ticks.append("late" if timer.past_due else "in time")

@app.route(route="ticks", methods=["GET"])
def told(req: func.HttpRequest) -> str:
    return ",".join(ticks)
"""


async def test_a_timer_function_runs_at_its_times_and_by_hand(host: Host, http: aiohttp.ClientSession) -> None:
    """Its schedule comes from a setting; a jump over many of its times runs it once."""
    await host.advance(timedelta(minutes=29))
    assert await get(http, "/api/ticks") == (200, "")
    await host.advance(timedelta(minutes=1))
    await host.advance(timedelta(hours=5))
    assert await get(http, "/api/ticks") == (200, "08:30,13:30")
    async with http.post("/admin/functions/tick?wait=true", json={"input": ""}) as answer:
        assert answer.status == 200
    async with http.post("/admin/functions/nobody", json={"input": ""}) as answer:
        assert answer.status == 404
    assert (await get(http, "/api/ticks"))[1].count(",") == 2


async def test_a_skip_runs_a_daily_function_every_day_and_a_frequent_one_four_times_a_day(tmp_path: Path) -> None:
    """Seven digests in a week, each at its hour, without two thousand sweeps."""
    code = """
from datetime import datetime
runs = []

@app.timer_trigger(arg_name="timer", schedule="0 0 6 * * *")
def digest(timer: func.TimerRequest) -> None:
    runs.append(f"{datetime.now():%d %H:%M}{' late' if timer.past_due else ''}")

@app.timer_trigger(arg_name="timer", schedule="0 */5 * * * *")
def sweep(timer: func.TimerRequest) -> None:
    runs.append("sweep")

@app.route(route="runs", methods=["GET"])
def told(req: func.HttpRequest) -> str:
    return ",".join(runs)
"""
    host = Host(an_app(tmp_path / "app", code), tmp_path / "state", virtual=True, start=BEGINNING)
    async with host, aiohttp.ClientSession(host.url) as http:
        await host.advance(timedelta(days=7))
        runs = (await get(http, "/api/runs"))[1].split(",")
    assert [run for run in runs if run != "sweep"] == [f"{day:02} 06:00" for day in range(1, 8)]
    assert 4 * 7 <= runs.count("sweep") <= 5 * 7 + 1


async def test_a_time_that_passed_while_the_host_was_down_is_made_up_for(tmp_path: Path) -> None:
    """A nightly run must not be lost because the machine was off that minute."""
    app = an_app(tmp_path / "app", TICKS.format(more=""))
    async with Host(app, tmp_path / "state", virtual=True, start=BEGINNING):
        pass
    (tmp_path / "state" / "clock.json").unlink()
    async with (
        Host(app, tmp_path / "state", virtual=True, start=BEGINNING + timedelta(hours=7, minutes=10)) as host,
        aiohttp.ClientSession(host.url) as http,
    ):
        await host.advance(timedelta(0))
        assert await get(http, "/api/ticks") == (200, "late")
        await host.advance(timedelta(hours=7))
        assert await get(http, "/api/ticks") == (200, "late,in time")


async def test_one_that_is_not_monitored_forgets_what_it_missed(tmp_path: Path) -> None:
    """As declared: use_monitor=False."""
    app = an_app(tmp_path / "app", TICKS.format(more=", use_monitor=False"))
    async with Host(app, tmp_path / "state", virtual=True, start=BEGINNING):
        pass
    (tmp_path / "state" / "clock.json").unlink()
    async with (
        Host(app, tmp_path / "state", virtual=True, start=BEGINNING + timedelta(hours=7, minutes=10)) as host,
        aiohttp.ClientSession(host.url) as http,
    ):
        await host.advance(timedelta(0))
        assert await get(http, "/api/ticks") == (200, "")


async def test_one_may_run_at_the_start(tmp_path: Path) -> None:
    """As declared: run_on_startup=True."""
    app = an_app(tmp_path / "app", TICKS.format(more=", run_on_startup=True"))
    async with Host(app, tmp_path / "state", virtual=True, start=BEGINNING) as host, aiohttp.ClientSession(host.url) as http:
        await host.advance(timedelta(0))
        assert await get(http, "/api/ticks") == (200, "in time")


class SlowWorkers(TimerWorkers):
    """`contracts.Workers` whose timer functions run until they are let go."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.let_go = asyncio.Event()

    async def call_timer(self, function: str, call: TimerCall) -> None:
        self.runs.append(function)
        await self.let_go.wait()


def timers(tmp_path: Path, clock: HostClock, workers: SlowWorkers, **trigger: Any) -> TimerFunctions:
    """Two timer functions, every five minutes."""
    given: Mapping[str, Any] = {"schedule": "0 */5 * * * *", **trigger}
    functions = [FunctionInfo(name, "timer", given) for name in ("a", "b")]
    return TimerFunctions(functions, Configuration(HostSettings()), clock, workers, tmp_path / "timers.json", lambda: 0.5)


async def test_a_timer_function_never_runs_beside_itself(tmp_path: Path) -> None:
    """A sweep that takes longer than its interval must not pile up."""
    clock, workers = HostClock(virtual=True, start=BEGINNING), SlowWorkers()
    run = timers(tmp_path, clock, workers)
    clock.move_to(BEGINNING + timedelta(minutes=5))
    first = asyncio.create_task(run.run_due())
    await asyncio.sleep(0)
    clock.move_to(BEGINNING + timedelta(minutes=15))
    second = asyncio.create_task(run.run_due())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert workers.runs == ["a", "b"]
    workers.let_go.set()
    await asyncio.gather(first, second)
    await run.run_due()
    assert workers.runs == ["a", "b", "a", "b"]


async def test_a_run_that_the_host_died_in_is_made_up_for_and_one_that_came_to_its_end_is_not(tmp_path: Path) -> None:
    """A nightly run must not be lost because the machine went off in the middle of it: what it does, it may do twice."""
    clock, died, next_one = HostClock(virtual=True, start=BEGINNING), SlowWorkers(), SlowWorkers()
    run = timers(tmp_path, clock, died)
    clock.move_to(BEGINNING + timedelta(minutes=5))
    cut_short = asyncio.create_task(run.run_due())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert died.runs == ["a", "b"]

    clock.move_to(BEGINNING + timedelta(minutes=6))
    next_one.let_go.set()
    await timers(tmp_path, clock, next_one).run_due()
    assert next_one.runs == ["a", "b"]
    await timers(tmp_path, clock, next_one).run_due()
    assert next_one.runs == ["a", "b"]
    await run.stop()
    await asyncio.gather(cut_short, return_exceptions=True)


def test_a_schedule_that_is_not_understood_names_the_function(tmp_path: Path) -> None:
    """A setting that is missing is the usual reason, so the name in percent signs is told."""
    with pytest.raises(ScheduleWrong, match="timer function a is not understood: '%NIGHTLY%'"):
        timers(tmp_path, HostClock(virtual=True, start=BEGINNING), SlowWorkers(), schedule="%NIGHTLY%")


async def test_a_timer_function_runs_though_its_next_time_cannot_be_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A disk that was full for a minute must not end the nightly run for good."""
    clock, workers = HostClock(virtual=True, start=BEGINNING), SlowWorkers()
    workers.let_go.set()
    run = timers(tmp_path, clock, workers)
    (tmp_path / "timers.json").unlink(missing_ok=True)
    (tmp_path / "timers.json").mkdir()  # in the way of the file
    for minutes in (5, 10):
        clock.move_to(BEGINNING + timedelta(minutes=minutes))
        await run.run_due()
    assert workers.runs == ["a", "b", "a", "b"]
    assert "cannot be kept" in caplog.text


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("setting", ["WEBSITE_TIME_ZONE", "TZ"])
async def test_schedules_and_the_app_s_clock_are_in_the_zone_of_the_settings(tmp_path: Path, setting: str, workers: int) -> None:
    """As on Azure on Linux: the digest at nine comes at nine, and says that it is nine."""
    code = """
from datetime import datetime

@app.timer_trigger(arg_name="timer", schedule="0 0 9 * * *")
def digest(timer: func.TimerRequest) -> None: ...

@app.route(route="now", methods=["GET"])
def now(req: func.HttpRequest) -> str:
    return f"{datetime.now():%H:%M}"
"""
    app = an_app(tmp_path / "app", code, values={setting: "America/New_York"})
    async with (
        Host(app, tmp_path / "state", virtual=True, start=BEGINNING, workers=workers) as host,
        aiohttp.ClientSession(host.url) as http,
    ):
        assert host.timers.next_due() == BEGINNING.replace(hour=14)
        await host.advance(timedelta(hours=6))
        assert await get(http, "/api/now") == (200, "09:00")


async def test_a_zone_that_is_none_is_refused_where_something_depends_on_it(tmp_path: Path) -> None:
    """An app without schedules may carry the setting of its Windows plan."""
    wrong = {"WEBSITE_TIME_ZONE": "Eastern Standard Time"}
    timer = '@app.timer_trigger(arg_name="timer", schedule="0 0 9 * * *")\ndef digest(timer: func.TimerRequest) -> None: ...\n'
    with pytest.raises(AppDoesNotLoad, match="WEBSITE_TIME_ZONE: 'Eastern Standard Time' is no time zone"):
        async with Host(an_app(tmp_path / "timer", timer, values=wrong), tmp_path / "one"):
            raise AssertionError("never reached")
    async with Host(an_app(tmp_path / "none", "", values=wrong), tmp_path / "two"):
        pass


async def test_a_timer_function_may_have_a_time_span_for_a_schedule(tmp_path: Path) -> None:
    """As the Functions host takes it, outside of the Consumption plan."""
    code = TICKS.format(more="").replace("0 0 * * * *", "08:00:00")
    host = Host(an_app(tmp_path / "app", code), tmp_path / "state", virtual=True, start=BEGINNING)
    async with host, aiohttp.ClientSession(host.url) as http:
        await host.advance(timedelta(days=1))
        assert await get(http, "/api/ticks") == (200, "in time,in time,in time")


async def test_a_timer_function_is_told_when_it_last_ran_and_for_which_time_it_runs(tmp_path: Path) -> None:
    """As TimerListener.cs tells it: the status of before the run, over a restart too; none of it without a monitor."""
    code = """
told = []

@app.timer_trigger(arg_name="timer", schedule="0 0 9 * * *")
def digest(timer: func.TimerRequest) -> None:
    told.append(f"{timer.schedule_status['Last']} {timer.schedule_status['Next']} {timer.past_due}")

@app.timer_trigger(arg_name="timer", schedule="0 0 9 * * *", use_monitor=False)
def bare(timer: func.TimerRequest) -> None:
    told.append(f"{timer.schedule_status}")

@app.route(route="told", methods=["GET"])
def said(req: func.HttpRequest) -> str:
    return chr(10).join(told)
"""
    app = an_app(tmp_path / "app", code, values={"TZ": "Europe/Berlin"})
    async with Host(app, tmp_path / "state", virtual=True, start=BEGINNING) as host, aiohttp.ClientSession(host.url) as http:
        await host.advance(timedelta(days=1))
        assert sorted((await get(http, "/api/told"))[1].splitlines()) == [
            "0001-01-01T00:00:00+00:00 2026-12-01T09:00:00+01:00 False", "{}",
        ]  # fmt: skip
    async with Host(app, tmp_path / "state", virtual=True) as host, aiohttp.ClientSession(host.url) as http:
        async with http.post("/admin/functions/DIGEST?wait=true", json={"input": ""}) as answer:
            assert answer.status == 200
        assert await get(http, "/api/told") == (200, "2026-12-01T09:00:00+01:00 2026-12-02T09:00:00+01:00 False")
