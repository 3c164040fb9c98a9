"""Runs of timer functions that fail and are run again, by the retry policy of the function.

As in FunctionExecutorExtensions.cs of azure-webjobs-sdk: retries belong to the run that failed, so the schedule waits for them; they are
counted in memory, and a host that stops in a pause gives the run up. A pause is an instant on the host's clock, where a skip stops.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from standalone.contracts import Clock, FunctionFailed, Retry, RetryPolicy, TimerCall

log = logging.getLogger("standalone.timers")

SPREAD = 0.2
"""By how much of itself what is added to a pause is longer or shorter (RandomizedExponentialBackoffStrategy.cs)."""

MOST_DOUBLINGS = 60
NEVER = datetime.min.replace(tzinfo=UTC)

EACH = 100
"""So many retries of a run come each at its time in a skip. Those behind them need not: a policy may be without end."""

SHORTEST = timedelta(seconds=1)
"""The least pause before those: with none, a run would never end on a clock that stands."""


@dataclass(eq=False)
class Run:
    """A run of a timer function, from its first try to its end."""

    function: str
    call: TimerCall
    policy: RetryPolicy | None
    over: asyncio.Future[None]  # done once no other try follows
    scheduled: bool = False
    failure: FunctionFailed | None = None  # of the last try
    failed: datetime = NEVER
    resumes: datetime = NEVER


def pause_before(retry: int, policy: RetryPolicy, jitter: float) -> timedelta:
    """The pause before a retry, counted from 1. `jitter`: from 0 to 1, at random."""
    if retry == 1:
        return policy.shortest
    shortest, longest = policy.shortest.total_seconds(), policy.longest.total_seconds()
    added = shortest * 2.0 ** min(retry - 2, MOST_DOUBLINGS) * (1 - SPREAD + 2 * SPREAD * jitter)
    return timedelta(seconds=min(shortest + added, longest))


class Retries:
    """The runs that pause before they are tried again. `random` answers a number from 0 to 1, each time another."""

    def __init__(self, clock: Clock, random: Callable[[], float]) -> None:
        self._clock, self._random = clock, random
        self._pausing: list[Run] = []

    def pause(self, run: Run, failure: FunctionFailed) -> bool:
        """Have a run whose try has failed pause before the next; False where there is no next."""
        run.failure, run.failed = failure, self._clock.now()
        policy, retry = run.policy, run.call.retry.number + 1
        if policy is None or run.over.done():
            return False
        if retry - 1 == policy.most:
            log.error("the timer function %s is not run again: its retries (%d) are used up", run.function, policy.most)
            return False
        pause = pause_before(retry, policy, self._random())
        run.resumes = run.failed + (max(pause, SHORTEST) if retry > EACH else pause)
        run.call = replace(run.call, retry=Retry(retry, policy.most, _told(failure)))
        self._pausing.append(run)
        of = f" of {policy.most}" if policy.most > 0 else ""
        log.warning(
            "the timer function %s failed and runs again in %s, retry %d%s: %s\n%s",
            run.function, pause, retry, of, failure.message, failure.stack,
        )  # fmt: skip
        return True

    def due(self) -> Sequence[Run]:
        """Those whose pause is over by now, which pause no more."""
        now = self._clock.now()
        due = [run for run in self._pausing if run.resumes <= now]
        self._pausing = [run for run in self._pausing if run.resumes > now]
        return due

    def next_due(self) -> datetime | None:
        """When the first pause is over."""
        return min((run.resumes for run in self._pausing), default=None)

    def next_stop(self, apart: timedelta) -> datetime | None:
        """Where a skip has to stop next for one of them; behind `EACH` retries, no sooner than `apart` from the last."""
        stops = (run.resumes if run.call.retry.number <= EACH else max(run.resumes, run.failed + apart) for run in self._pausing)
        return min(stops, default=None)

    def forget(self, run: Run) -> None:
        """Whoever waited for it has gone."""
        self._pausing = [each for each in self._pausing if each is not run]

    def give_up(self) -> Sequence[Run]:
        """Those that pause, which are not run again: the host stops."""
        given_up, self._pausing = self._pausing, []
        for run in given_up:
            log.warning("the timer function %s is not run again: the host stops", run.function)
        return given_up


def _told(failure: FunctionFailed) -> str:
    """What the host has of a try that failed in the worker; around it there it puts the names of its own exceptions."""
    return f"Result: Failure\nException: {failure.message}\nStack: {failure.stack}"
