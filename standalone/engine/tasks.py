"""What the extension awaits: a .NET task for each action, reduced to what an orchestration can tell of it: done or not.

The extension replays the action list that the SDK returned and awaits one action after the other, whatever Python has seen since.
These are those awaited things. A leaf is completed by a history event; a compound, a retry, an HTTP call by its parts. Completion is
passed on at once, in the thread of whoever completes, as on the extension's synchronous scheduler
(OutOfProcOrchestrationShim.cs and RetryInterceptor.cs are the originals).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

PAUSE_BETWEEN_POLLS = timedelta(milliseconds=30_000)  # after a 202 without Retry-After: host.json's default


class Awaited:
    """Something that is done once, well or not; whoever listens hears of it at once."""

    __slots__ = ("_listeners", "done", "failed", "result")

    def __init__(self) -> None:
        self.done = False
        self.failed = False
        self.result: Any = None
        self._listeners: list[Callable[[Awaited], None]] = []

    def then(self, listener: Callable[["Awaited"], None]) -> None:
        """Call `listener` when done; at once if it is."""
        if self.done:
            listener(self)
        else:
            self._listeners.append(listener)

    def finish(self, result: Any = None, *, failed: bool = False) -> None:
        """Complete it. A second completion is ignored, as a .NET task source's TrySetResult is."""
        if self.done:
            return
        self.done, self.failed, self.result = True, failed, result
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener(self)


def finished(result: Any = None, *, failed: bool = False) -> Awaited:
    """Something that was done before anybody looked."""
    made = Awaited()
    made.finish(result, failed=failed)
    return made


def when_any(children: Sequence[Awaited]) -> Awaited:
    """Done with the first child that is done, failed and cancelled ones included."""
    made = Awaited()
    for child in children:
        child.then(lambda _: made.finish())
    return made


def when_all(children: Sequence[Awaited]) -> Awaited:
    """Done when every child is, failed ones included: unlike Python, the extension does not fail fast."""
    made = Awaited()
    left = len(children)

    def one_less(child: Awaited) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            made.finish()

    if not children:
        made.finish()
    for child in children:
        child.then(one_less)
    return made


@dataclass(frozen=True)
class RetryOptions:
    """How often and how far apart; intervals in milliseconds. The SDK only ever sends the first two."""

    first_interval: float
    attempts: int
    backoff: float = 1.0
    longest_interval: float | None = None
    give_up_after: float | None = None

    @classmethod
    def of(cls, action: dict[str, Any]) -> "RetryOptions":
        """From an action's `retryOptions`."""
        given = action["retryOptions"]
        return cls(
            given["firstRetryIntervalInMilliseconds"], int(given["maxNumberOfAttempts"]), given.get("backoffCoefficient") or 1.0,
            given.get("maxRetryIntervalInMilliseconds"), given.get("retryTimeoutInMilliseconds"),
        )  # fmt: skip

    def pause(self, failures: int, first: datetime, now: datetime) -> timedelta | None:
        """How long to wait after so many failures; None when the time for retries is over."""
        if self.give_up_after is not None and now >= first + timedelta(milliseconds=self.give_up_after):
            return None
        wait = self.first_interval * self.backoff ** (failures - 1)
        if self.longest_interval is not None:
            wait = min(wait, self.longest_interval)
        return timedelta(milliseconds=wait) or None


class Retried(Awaited):
    """Attempts with a timer after each failure, after the last one too: n attempts make n timers.

    The last timer fires at once: it is only there for histories of older versions (RetryInterceptor.cs). With no attempt at all it is
    done, and Python, which hears of nothing, waits for ever.
    """

    __slots__ = ("_attempt", "_error", "_failures", "_first", "_now", "_options", "_timer")

    def __init__(
        self, options: RetryOptions, attempt: Callable[[], Awaited], timer: Callable[[datetime], Awaited], now: Callable[[], datetime]
    ) -> None:
        super().__init__()
        self._options, self._attempt, self._timer, self._now = options, attempt, timer, now
        self._first, self._failures, self._error = now(), 0, None
        if options.attempts > 0:
            attempt().then(self._attempted)
        else:
            self.finish()

    def _attempted(self, attempt: Awaited) -> None:
        if not attempt.failed:
            self.finish(attempt.result)
            return
        self._failures += 1
        self._error = attempt.result
        last = self._failures >= self._options.attempts
        pause = timedelta(0) if last else self._options.pause(self._failures, self._first, self._now())
        if pause is None:
            self.finish(self._error, failed=True)
        else:
            self._timer(self._now() + pause).then(self._paused)

    def _paused(self, _: Awaited) -> None:
        if self._failures >= self._options.attempts:
            self.finish(self._error, failed=True)
        else:
            self._attempt().then(self._attempted)


class HttpCall(Awaited):
    """call_http: a built-in activity. Where the action asks for it, which SDK 1.x by itself does not, it is called again while the answer
    is 202 and names a place to look (DurableOrchestrationContext.cs).
    """

    __slots__ = ("_now", "_request", "_send", "_timer")

    def __init__(
        self,
        request: Mapping[str, Any],
        send: Callable[[Mapping[str, Any]], Awaited],
        timer: Callable[[datetime], Awaited],
        now: Callable[[], datetime],
    ) -> None:
        super().__init__()
        self._request, self._send, self._timer, self._now = request, send, timer, now
        send(request).then(self._answered)

    def _answered(self, call: Awaited) -> None:
        if call.failed:
            self.finish(call.result, failed=True)
            return
        answer = json.loads(call.result) if isinstance(call.result, str) else {}
        headers = {name.lower(): value for name, value in (answer.get("headers") or {}).items()}
        if answer.get("statusCode") != 202 or self._request.get("asynchronousPatternEnabled") is not True or "location" not in headers:
            self.finish(call.result)
            return
        pause = timedelta(seconds=int(headers["retry-after"])) if "retry-after" in headers else PAUSE_BETWEEN_POLLS
        self._timer(self._now() + pause).then(lambda _: self._poll(headers["location"]))

    def _poll(self, location: str) -> None:
        kept = {name: value for name, value in (self._request.get("headers") or {}).items() if name.lower() != "x-functions-key"}
        request = {"method": "GET", "uri": location, "headers": kept, "tokenSource": self._request.get("tokenSource")}
        self._send(request).then(self._answered)
