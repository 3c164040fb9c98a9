"""The approval of one proposal: look at its trail, do what the news asks for, wait for the next fact.

It decides nothing and imports no rule: `advance` reads and judges, so a changed rule cannot break an approval in flight.
Activities commit what they find to the trail themselves, so durable history holds numbers and names of rules, never people.

The patterns of Durable Functions, by name: function chaining (`chained`), fan-out/fan-in (`fan_out`), human interaction with
a timeout (`next_fact_or_time`), and monitoring with growing pauses (`lasting`). Started again from nothing at any time, it
asks for the same work, and every activity looks first whether its deed is done.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df
from azure.durable_functions.models.Task import TaskBase, TimerTask

from domain import names

LONGEST_SLEEP = timedelta(days=5)
"""A longer timer cannot be cancelled (durable.md A4)."""

PAST_DUE = timedelta(seconds=1)
"""Timers fire up to a second early; a second later, what was waited for is due (durable.md A4)."""

RULE_ATTEMPTS = 3
MAIL_ATTEMPTS = 90
"""With pauses that grow to an hour: some three and a half days, then it is a finding for operators."""

Payload = dict[str, Any]
Tasks = Generator[TaskBase, Any, Any]
"""A generator that yields tasks and returns what it is for."""

bp = df.Blueprint()


@dataclass
class Outbox:
    """Mails still to be handed over; `attempts` made in vain so far, next try at `retry_at`."""

    letters: list[Payload] = field(default_factory=list)
    attempts: int = 0
    retry_at: datetime | None = None

    def due(self, now: datetime) -> bool:
        return bool(self.letters) and (self.retry_at is None or now >= self.retry_at)

    def add(self, letters: Sequence[Payload]) -> None:
        if letters:
            self.letters.extend(letters)
            self.retry_at = None

    def keep(self, refused: list[Payload], now: datetime) -> None:
        self.letters = refused
        self.attempts = self.attempts + 1 if refused else 0
        self.retry_at = now + growing_pause(self.attempts, timedelta(minutes=1), timedelta(hours=1)) if refused else None


@bp.orchestration_trigger(context_name="context", orchestration=names.APPROVAL)
def approval(context: df.DurableOrchestrationContext) -> Tasks:
    """Carry one proposal from its submission to its outcome. Input: `{"proposal": id}`. Answers the outcome."""
    given: Payload = context.get_input() or {}
    proposal = given["proposal"]
    seen, crashed, outbox, waiting = 0, list[Payload](), Outbox(), Waiting()
    while True:
        news = yield from lasting(context, names.ADVANCE, {"proposal": proposal, "seen": seen, "crashed": crashed})
        seen = news["seen"]
        outbox.add(news["notify"])
        learned = yield from deliver(context, outbox)  # fan-out/fan-in: people's mails
        crashed = []
        learned |= yield from checks(context, news, crashed)  # function chaining, then proprietary rules fanned out
        learned |= yield from rules(context, names.FOLLOW_UP, news["follow_up"], crashed)
        if learned or crashed:
            continue  # what activities found are facts by now: look at them before anything else
        if news["outcome"] and not outbox.letters:
            return news["outcome"]
        yield from next_fact_or_time(context, seen + 1, earliest(news["wake_at"], outbox.retry_at), waiting)  # human interaction


def checks(context: df.DurableOrchestrationContext, news: Payload, crashed: list[Payload]) -> Tasks:
    """Validate, assess, plan. Answers whether the trail has grown; what crashed for good is added to `crashed`."""
    learned, refused = yield from chained(context, names.VALIDATE, news["validate"], crashed)
    if refused or crashed:
        return learned
    learned |= yield from rules(context, names.ASSESS, news["assess"], crashed)
    if crashed:
        return learned
    return learned | (yield from rules(context, names.PLAN, news["plan"], crashed))


def chained(context: df.DurableOrchestrationContext, name: str, payloads: Sequence[Payload], crashed: list[Payload]) -> Tasks:
    """Function chaining: one call after the other, up to the first that refuses. Answers (learned, refused)."""
    learned = False
    for payload in payloads:
        answer = yield from patient(context, name, payload)
        if answer is None:
            crashed.append({"activity": name, **payload})
            return learned, False
        learned |= answer["learned"]
        if answer["refused"]:
            return learned, True
    return learned, False


def rules(context: df.DurableOrchestrationContext, name: str, payloads: Sequence[Payload], crashed: list[Payload]) -> Tasks:
    """Fan out `payloads`, try again what failed or died, and give up on it after a few attempts. Answers whether the trail grew."""
    learned, left = False, list(payloads)
    for attempt in range(1, RULE_ATTEMPTS + 1):
        if not left:
            break
        answers = yield from fan_out(context, name, [{**payload, "last": attempt == RULE_ATTEMPTS} for payload in left])
        learned |= any(answer["learned"] for answer in answers if answer)
        left = [payload for payload, answer in zip(left, answers, strict=True) if answer is None or answer["retry"]]
        if left and attempt < RULE_ATTEMPTS:
            yield from pause(context, growing_pause(attempt, timedelta(seconds=5), timedelta(minutes=1)))
    crashed.extend({"activity": name, **payload} for payload in left)
    return learned


def deliver(context: df.DurableOrchestrationContext, outbox: Outbox) -> Tasks:
    """Hand the mails over that are due; those not taken stay for later, so that a silent mail server holds no approval up."""
    if not outbox.due(context.current_utc_datetime):
        return False
    last = outbox.attempts >= MAIL_ATTEMPTS
    answers = yield from fan_out(context, names.NOTIFY, [{**letter, "last": last} for letter in outbox.letters])
    left = [letter for letter, answer in zip(outbox.letters, answers, strict=True) if answer is None or answer["retry"]]
    outbox.keep(left, context.current_utc_datetime)
    return any(answer["learned"] for answer in answers if answer)


@dataclass
class Waiting:
    """The wait for the next fact: made once, yielded again as long as only time passes (durable.md A1, A2)."""

    event: str = ""
    task: TaskBase | None = None
    in_vain: int = 0


def next_fact_or_time(context: df.DurableOrchestrationContext, number: int, wake_at: datetime | None, waiting: Waiting) -> Tasks:
    """Race the event that announces fact `number` against a fresh timer of this race's own.

    An event that came without its fact (raised by hand) is not waited for again: it would come back at once, for ever.
    From then on only time wakes, at growing intervals, until the fact is there.
    """
    event = names.fact_event(number)
    if event != waiting.event:
        waiting.event, waiting.task, waiting.in_vain = event, context.wait_for_external_event(event), 0
    elif waiting.task is None:
        waiting.in_vain += 1
    now = context.current_utc_datetime
    until = now + (LONGEST_SLEEP if waiting.task else growing_pause(waiting.in_vain, timedelta(minutes=1), timedelta(hours=1)))
    if wake_at is not None:
        until = max(now, min(until, wake_at)) + PAST_DUE
    timer: TimerTask = context.create_timer(until)  # type: ignore[assignment]  # the SDK promises less than it returns
    if waiting.task is None:
        yield timer
        return
    winner = yield context.task_any([waiting.task, timer])
    if winner != timer:
        timer.cancel()  # before anything else is yielded: it lets the extension go on (durable.md A2)
        waiting.task = None


def fan_out(context: df.DurableOrchestrationContext, name: str, payloads: Sequence[Payload]) -> Tasks:
    """Fan-out/fan-in: start every call, wait for all. One answer a payload; None where the call itself died.

    A `task_all` gives up at its first failure while the engine stands until all have ended (durable.md A5), so the others are
    then awaited one by one.
    """
    if not payloads:  # an empty task_all answers None, not []
        return []
    calls = [context.call_activity(name, payload) for payload in payloads]
    try:
        return (yield context.task_all(calls))
    except Exception:
        answers = []
        for call in calls:
            answers.append((yield from answer_of(call)))
        return answers


def answer_of(call: TaskBase) -> Tasks:
    """The answer of an activity, or None when it died. (Activities answer envelopes; what raises is a crash.)"""
    try:
        return (yield call)
    except Exception:
        return None


def patient(context: df.DurableOrchestrationContext, name: str, payload: Payload) -> Tasks:
    """One call, tried a few times. None when it died every time."""
    answer = None
    for attempt in range(1, RULE_ATTEMPTS + 1):
        answer = yield from answer_of(context.call_activity(name, {**payload, "last": attempt == RULE_ATTEMPTS}))
        if answer is not None and not answer["retry"]:
            return answer
        if attempt < RULE_ATTEMPTS:
            yield from pause(context, growing_pause(attempt, timedelta(seconds=5), timedelta(minutes=1)))
    return answer


def lasting(context: df.DurableOrchestrationContext, name: str, payload: Payload) -> Tasks:
    """A call that must succeed: tried with growing pauses for as long as an outage lasts."""
    attempt = 0
    while True:
        answer = yield from answer_of(context.call_activity(name, payload))
        if answer is not None:
            return answer
        attempt += 1
        yield from pause(context, growing_pause(attempt, timedelta(seconds=5), timedelta(minutes=10)))


def pause(context: df.DurableOrchestrationContext, length: timedelta) -> Tasks:
    """Sleep on a durable timer, at no cost."""
    yield context.create_timer(context.current_utc_datetime + length)


def growing_pause(attempt: int, first: timedelta, longest: timedelta) -> timedelta:
    """`first`, then twice as long each time, never above `longest`."""
    return min(first * 2 ** min(max(attempt - 1, 0), 20), longest)


def earliest(wake_at: str | None, other: datetime | None) -> datetime | None:
    """The earlier of an RFC 3339 instant and another, where either may be missing; aware UTC, as the SDK's timers demand."""
    instants = [datetime.fromisoformat(wake_at).astimezone(UTC)] if wake_at else []
    return min(instants + ([other] if other else []), default=None)
