"""Retry policies of timer functions: what fails is run again after a pause, which a skip of the clock passes over."""

import asyncio
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from standalone.clock import HostClock
from standalone.configuration import Configuration, HostSettings
from standalone.contracts import ENDLESS, AppDoesNotLoad, FunctionFailed, FunctionInfo, Retry, RetryPolicy, TimerCall
from standalone.host import Host
from standalone.retries import EACH, pause_before
from standalone.testing import DurableHost
from standalone.timers import TimerFunctions
from tests.host.edgehost import BEGINNING, TimerWorkers, an_app, get, started

THREE_HOURS = RetryPolicy(2, timedelta(hours=3), timedelta(hours=3))

DIGEST = """
from datetime import datetime
told = []

@app.timer_trigger(arg_name="timer", schedule="0 0 9 * * *")
@app.retry({policy})
def digest(timer: func.TimerRequest, context: func.Context) -> None:
    retry = context.retry_context
    why = retry.rpc_exception.message.partition("Exception: ")[2].partition(chr(10))[0]
    told.append(f"{{datetime.now():%d %H:%M}} {{retry.retry_count}}/{{retry.max_retry_count}} {{why}}|{{context.invocation_id}}")
    if len(told) < {succeeds}:
        raise ConnectionError(f"no mail server at {{datetime.now():%H:%M}}")

@app.route(route="told", methods=["GET"])
def say(req: func.HttpRequest) -> str:
    return chr(10).join(told)

@app.route(route="context", methods=["GET"])
def of_others(req: func.HttpRequest, context: func.Context) -> str:
    retry = context.retry_context
    return f"{{retry.retry_count}} {{retry.max_retry_count}} {{retry.rpc_exception.message!r}}"
"""
EVERY_THREE_HOURS = 'strategy="fixed_delay", max_retry_count="2", delay_interval="03:00:00"'


class FailingWorkers(TimerWorkers):
    """`contracts.Workers` whose timer functions fail so many times before they succeed. `failed`: set with each failure."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls: list[TimerCall] = []
        self.failed = asyncio.Event()

    async def call_timer(self, function: str, call: TimerCall) -> None:
        self.calls.append(call)
        if len(self.calls) <= self.failures:
            self.failed.set()
            raise FunctionFailed(f"ValueError: {len(self.calls)}")

    @property
    def numbers(self) -> list[int]:
        """Which retry each call was."""
        return [call.retry.number for call in self.calls]


def hourly(tmp_path: Path, clock: HostClock, workers: FailingWorkers, policy: RetryPolicy) -> TimerFunctions:
    """A timer function that is due every hour."""
    functions = [FunctionInfo("sweep", "timer", {"schedule": "0 0 * * * *"}, retries=policy)]
    return TimerFunctions(functions, Configuration(HostSettings()), clock, workers, tmp_path / "timers.json", lambda: 0.5)


@pytest.mark.parametrize("workers", [0, 1])
async def test_a_run_that_fails_is_run_again_after_each_pause_until_it_succeeds(
    tmp_path: Path, workers: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Three tries with hours in between take no time in a skip, and each knows which it is, of which run, and why there was one more."""
    app = an_app(tmp_path / "app", DIGEST.format(policy=EVERY_THREE_HOURS, succeeds=3))
    host = Host(app, tmp_path / "state", virtual=True, start=BEGINNING, workers=workers)
    async with host, aiohttp.ClientSession(host.url) as http:
        await host.advance(timedelta(hours=23))
        tries = [line.split("|") for line in (await get(http, "/api/told"))[1].splitlines()]
        assert [told for told, _ in tries] == [
            "30 09:00 0/2 ",
            "30 12:00 1/2 ConnectionError: no mail server at 09:00",
            "30 15:00 2/2 ConnectionError: no mail server at 12:00",
        ]
        assert len({run for _, run in tries}) == 1
        assert "failed and runs again in 3:00:00, retry 2 of 2: ConnectionError: no mail server at 12:00" in caplog.text
        assert await get(http, "/api/context") == (200, "0 0 ''")
        await host.advance(timedelta(hours=3))
        assert "01 09:00 0/2" in (await get(http, "/api/told"))[1]


async def test_a_run_that_fails_as_often_as_it_may_is_given_up_until_its_next_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Two retries are three tries; the day after it begins anew."""
    app = an_app(tmp_path / "app", DIGEST.format(policy=EVERY_THREE_HOURS, succeeds=100))
    async with Host(app, tmp_path / "state", virtual=True, start=BEGINNING) as host, aiohttp.ClientSession(host.url) as http:
        await host.advance(timedelta(hours=23))
        assert (await get(http, "/api/told"))[1].count("\n") == 2
        assert "digest is not run again: its retries (2) are used up" in caplog.text
        await host.advance(timedelta(hours=3))
        assert "01 09:00 0/2" in (await get(http, "/api/told"))[1]


async def test_a_run_by_hand_has_its_retries_and_is_waited_for_with_them(tmp_path: Path) -> None:
    """As JobHost.CallAsync, which the admin API ends in: whoever waits gets the end of the last try."""
    none = 'strategy="fixed_delay", max_retry_count="2", delay_interval="00:00:00"'
    app = an_app(tmp_path / "app", DIGEST.format(policy=none, succeeds=5))
    async with Host(app, tmp_path / "state", virtual=True, start=BEGINNING) as host, aiohttp.ClientSession(host.url) as http:
        async with http.post("/admin/functions/digest?wait=true", json={"input": ""}) as answer:
            assert (answer.status, (await answer.json())["error"][:33]) == (500, "ConnectionError: no mail server a")
        assert (await get(http, "/api/told"))[1].count("\n") == 2
        async with http.post("/admin/functions/digest?wait=true", json={"input": ""}) as answer:
            assert answer.status == 200
        assert (await get(http, "/api/told"))[1].count("\n") == 4


async def test_the_schedule_waits_for_the_retries_and_then_runs_once(tmp_path: Path) -> None:
    """A function never runs beside itself; a pause is part of its run."""
    clock, workers = HostClock(virtual=True, start=BEGINNING), FailingWorkers(2)
    sweep = hourly(tmp_path, clock, workers, RetryPolicy(1, timedelta(minutes=150), timedelta(minutes=150)))
    dues = []
    for _ in range(3):
        due = sweep.next_due()
        assert due is not None
        dues.append(f"{due:%H:%M}")
        clock.move_to(due)
        await sweep.run_due()
    assert dues == ["09:00", "11:30", "12:00"]
    assert workers.numbers == [0, 1, 0, 0]  # the third at 11:30 too, for 10:00 and 11:00


async def test_a_pause_that_the_host_stops_in_is_given_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As on Azure, whose listener leaves the pause and keeps that the time was served (TimerListener.cs)."""
    clock, workers = HostClock(virtual=True, start=BEGINNING), FailingWorkers(1)
    sweep = hourly(tmp_path, clock, workers, THREE_HOURS)
    clock.move_to(BEGINNING + timedelta(hours=1))
    await sweep.run_due()
    await sweep.stop()
    assert "sweep is not run again: the host stops" in caplog.text
    await hourly(tmp_path, clock, workers, THREE_HOURS).run_due()
    assert workers.numbers == [0]


async def test_a_process_that_is_told_to_stop_does_not_wait_for_a_pause(tmp_path: Path) -> None:
    """It says that it gives the run up, and ends."""
    code = DIGEST.format(policy=EVERY_THREE_HOURS, succeeds=3).replace('"0 0 9 * * *"', '"0 0 9 * * *", run_on_startup=True')
    app = an_app(tmp_path / "app", code)
    async with started("--port", "0", "--state", str(tmp_path / "state"), app=app) as (process, _):
        assert process.stderr is not None
        while b"digest failed and runs again in 3:00:00" not in await asyncio.wait_for(process.stderr.readline(), 20):
            pass
        process.terminate()
        _, errors = await asyncio.wait_for(process.communicate(), 10)
        assert process.returncode == 0
    assert b"digest is not run again: the host stops" in errors


async def test_a_pause_that_the_host_dies_in_is_made_up_for_from_the_first_try(tmp_path: Path) -> None:
    """How often a run was tried is not kept, there neither; that it came to no end is."""
    clock, workers = HostClock(virtual=True, start=BEGINNING), FailingWorkers(1)
    died = hourly(tmp_path, clock, workers, THREE_HOURS)
    clock.move_to(BEGINNING + timedelta(hours=1))
    await died.run_due()
    await hourly(tmp_path, clock, workers, THREE_HOURS).run_due()
    assert workers.calls[1].retry == Retry(0, 2)


async def test_whoever_waits_for_a_run_by_hand_waits_through_its_pauses_on_a_real_clock(tmp_path: Path) -> None:
    """An hour is an hour, unless the clock is skipped; and what is short goes by itself."""
    clock, workers = HostClock(), FailingWorkers(2)
    policy = RetryPolicy(ENDLESS, timedelta(milliseconds=1), timedelta(hours=1))
    sweep = hourly(tmp_path, clock, workers, policy)
    background = asyncio.create_task(sweep.keep_running())
    by_hand = asyncio.create_task(sweep.call("Sweep"))
    await asyncio.wait_for(by_hand, 30)
    assert workers.numbers == [0, 1, 2]
    assert {call.invocation_id for call in workers.calls} == {""}

    workers.failures, policy = 4, THREE_HOURS
    slow = hourly(tmp_path, clock, workers, policy)
    workers.failed.clear()
    also = asyncio.create_task(slow.keep_running())
    by_hand = asyncio.create_task(slow.call("sweep"))
    await workers.failed.wait()
    clock.move_to(clock.now() + timedelta(hours=4))
    await asyncio.wait_for(by_hand, 30)
    background.cancel()
    also.cancel()


async def test_nothing_runs_again_for_whoever_has_gone(tmp_path: Path) -> None:
    """A request that is cut off takes its pause with it, and its time out of what is due."""
    clock, workers = HostClock(virtual=True, start=BEGINNING), FailingWorkers(1)
    sweep = hourly(tmp_path, clock, workers, RetryPolicy(1, timedelta(minutes=1), timedelta(minutes=1)))
    by_hand = asyncio.create_task(sweep.call("sweep"))
    await workers.failed.wait()
    await asyncio.sleep(0)
    assert sweep.next_due() == BEGINNING + timedelta(minutes=1)
    by_hand.cancel()
    await asyncio.gather(by_hand, return_exceptions=True)
    assert sweep.next_due() == BEGINNING + timedelta(hours=1)


@pytest.mark.parametrize(("seconds", "tries"), [(0, 1 + EACH), (10, 1)])
async def test_a_policy_without_end_does_not_hold_up_a_skip(tmp_path: Path, seconds: int, tries: int) -> None:
    """A quarter of a million retries in thirty days would be minutes of work, and none of them at one instant would be for ever."""
    delay = f'strategy="fixed_delay", max_retry_count="-1", delay_interval="00:00:{seconds:02}"'
    app = an_app(tmp_path / "app", DIGEST.format(policy=delay, succeeds=1000))
    async with Host(app, tmp_path / "state", virtual=True, start=BEGINNING) as host, aiohttp.ClientSession(host.url) as http:
        await host.advance(timedelta(hours=1))
        assert (await get(http, "/api/told"))[1].count("/-1") == tries
        await host.advance(timedelta(days=30))
        assert EACH + 4 * 30 <= (await get(http, "/api/told"))[1].count("/-1") <= EACH + 4 * 30 + 5


def test_pauses_are_fixed_or_double_with_a_fifth_of_jitter_up_to_the_longest() -> None:
    """As FixedDelayStrategy.cs and RandomizedExponentialBackoffStrategy.cs reckon them."""

    def pauses(policy: RetryPolicy, jitter: float, *retries: int) -> list[float]:
        return [pause_before(retry, policy, jitter).total_seconds() for retry in retries]

    growing = RetryPolicy(9, timedelta(seconds=10), timedelta(seconds=100))
    assert pauses(growing, 0.5, 1, 2, 3, 4, 5, 6) == [10, 20, 30, 50, 90, 100]
    assert pauses(growing, 0, 1, 2, 3, 4, 5, 6) == [10, 18, 26, 42, 74, 100]
    assert pauses(growing, 1, 1, 2, 3, 4, 5, 6) == [10, 22, 34, 58, 100, 100]
    assert pauses(growing, 0.5, 10_000) == [100]
    assert pauses(THREE_HOURS, 0.9, 1, 2, 3) == [10_800] * 3
    assert pauses(RetryPolicy(ENDLESS, timedelta(0), timedelta(0)), 0.5, 1, 2, 3) == [0, 0, 0]


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ('strategy="fixedDelay", max_retry_count="3", delay_interval="00:00:10"', "'fixedDelay', which is neither fixed_delay nor"),
        ('strategy="fixed_delay", max_retry_count="three", delay_interval="00:00:10"', "max_retry_count of 'three', which is no number"),
        ('strategy="fixed_delay", max_retry_count="-2", delay_interval="00:00:10"', "max_retry_count of -2: it goes from -1"),
        ('strategy="fixed_delay", max_retry_count="3"', "has no delay_interval"),
        ('strategy="fixed_delay", max_retry_count="3", delay_interval="-00:00:10"', "delay_interval of '-00:00:10', which is no time"),
        ('strategy="fixed_delay", max_retry_count="3", delay_interval="24:00:00"', "which is no time of less than a day"),
        ('strategy="exponential_backoff", max_retry_count="3", minimum_interval="00:00:10"', "has no maximum_interval"),
        (
            'strategy="exponential_backoff", max_retry_count="3", minimum_interval="00:10:00", maximum_interval="00:00:10"',
            "minimum_interval of 0:10:00, which is more than its maximum_interval, 0:00:10",
        ),
    ],
)
async def test_a_policy_that_azure_refuses_ends_the_start_with_its_place(tmp_path: Path, policy: str, reason: str) -> None:
    """There the worker finds no function at all, or the host leaves this one out; both are looked for a long time."""
    app = an_app(tmp_path / "app", DIGEST.format(policy=policy, succeeds=1))
    with pytest.raises(AppDoesNotLoad) as refused:
        async with Host(app, tmp_path / "state"):
            raise AssertionError("never reached")
    assert "The function digest cannot be run: its retry policy has" in str(refused.value)
    assert reason in str(refused.value)
    assert "function_app.py, line 10" in str(refused.value)


def test_a_test_that_runs_a_timer_function_gets_as_far_as_its_pause(tmp_path: Path) -> None:
    """Time is the test's to let pass: it is told of the failure, and the retry comes with the hours."""
    app = an_app(tmp_path / "app", DIGEST.format(policy=EVERY_THREE_HOURS, succeeds=2))
    with DurableHost(app, tmp_path / "state", start=BEGINNING.replace(hour=10)) as durable_host:
        with pytest.raises(FunctionFailed, match="no mail server at 10:00"):
            durable_host.run_timer("Digest")
        durable_host.advance(hours=2, minutes=59)
        assert durable_host.get("/api/told").text.count("/2") == 1
        durable_host.advance(minutes=1)
        assert "13:00 1/2" in durable_host.get("/api/told").text
        durable_host.run_timer("digest")
