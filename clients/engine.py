"""The gateway to the durable client: starts, announces and heals the instance of a proposal.

What was committed stands, whatever the engine does: so every failure of the engine is logged and swallowed here, and only here,
and the next reader of the proposal or the sweep sets it right. An event is raised only for a fact that stands in the trail.

The SDK raises bare `Exception`s whose text alone tells them apart (durable-reference 1.1 row 10, 1.5); they end in this file. Its own
time limit is 240 s, so every call gets one of ours.
"""

import asyncio
import logging
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

import azure.durable_functions as df

from domain import names
from domain.commands import SYSTEM_ACTOR, LetTimePass
from domain.judge import next_due
from domain.review import ENDED
from services.records import RecordsUnavailable, Stored
from services.trail import UnknownProposal, bring
from services.wiring import Services

log = logging.getLogger("greenlight.engine")

Answer = TypeVar("Answer")

PATIENCE = 5.0
"""Seconds that one call to the engine may take: a person waits behind it."""

LOOKS_AT_THE_END = 10
BETWEEN_LOOKS = 0.3
"""How often, and how many seconds apart, an instance is looked at that is to end."""

NEWS_IS_LATE = timedelta(seconds=10)
"""A fact older than this, and not looked at yet, was announced in vain."""

TIME_IS_LATE = timedelta(seconds=5)
"""What is due for longer than this, and has not come about, waits for an alarm that did not ring."""

State = Literal["missing", "running", "suspended", "completed", "dead", "unknown"]
"""What an instance is: `dead` is failed, terminated or canceled; `unknown`: the engine did not say."""

_STATES: dict[str, State] = {
    "Pending": "running",
    "Running": "running",
    "ContinuedAsNew": "running",
    "Suspended": "suspended",
    "Completed": "completed",
    "Failed": "dead",
    "Terminated": "dead",
    "Canceled": "dead",
}


class EngineFault(Exception):
    """The engine refused, failed or did not answer in time. `gone`: there is no such instance, or it has ended."""

    def __init__(self, reason: str, gone: bool = False) -> None:
        super().__init__(reason)
        self.gone = gone


async def asked(call: Coroutine[Any, Any, Answer]) -> Answer:
    """The answer of a call to the engine. Raises EngineFault."""
    try:
        return await asyncio.wait_for(call, PATIENCE)
    except TimeoutError:
        raise EngineFault(f"no answer within {PATIENCE:g} s") from None
    except Exception as error:  # the SDK raises nothing more telling
        text = str(error)
        raise EngineFault(text, gone=text.startswith("No instance with ID") or " is gone: " in text) from error


async def begin(client: df.DurableOrchestrationClient, proposal: str) -> None:
    """Start the proposal's instance. Too often is harmless: one that runs refuses, one that has ended is begun anew from the trail."""
    try:
        await asked(client.start_new(names.APPROVAL, proposal, {"proposal": proposal}))
    except EngineFault as fault:
        log.warning("the instance of %s was not started: %s", proposal, fault)


async def announce(client: df.DurableOrchestrationClient, stored: Stored, first_new: int | None) -> None:
    """Tell the proposal's instance that fact `first_new` stands; begin it anew when it is gone. None: nothing is new."""
    if first_new is None:
        return
    if not 1 <= first_new <= stored.review.number:
        raise ValueError(f"fact {first_new} does not stand in a trail of {stored.review.number}")
    proposal = stored.review.proposal
    try:
        await asked(client.raise_event(proposal, names.fact_event(first_new), first_new))
    except EngineFault as fault:
        log.warning("fact %d of %s was not announced: %s", first_new, proposal, fault)
        if fault.gone:
            await begin(client, proposal)


async def state(client: df.DurableOrchestrationClient, proposal: str) -> State:
    """What the proposal's instance is."""
    try:
        status = await asked(client.get_status(proposal))
    except EngineFault as fault:
        log.warning("the state of %s is not known: %s", proposal, fault)
        return "unknown"
    if not status or status.runtime_status is None:
        return "missing"
    return _STATES.get(status.runtime_status.name, "unknown")


async def heal(client: df.DurableOrchestrationClient, world: Services, stored: Stored) -> Stored:
    """Set right whatever became of a proposal's instance, and let time pass that is due. Answers the proposal as it stands then.

    One question to the engine when all is well. An instance that is missing, dead, or completed too early is begun from the
    trail; one suspended by hand goes on; news that it has not looked at is announced again; one that is far behind is
    terminated, so that the next look begins it anew. Of a proposal that has ended, only work left undone matters.
    """
    now = world.clock.now()
    stored = await caught_up(client, world, stored, now)
    review = stored.review
    unseen = stored.seen < review.number
    match await state(client, review.proposal):
        case "missing" | "dead":
            await begin(client, review.proposal)
        case "completed" if unseen or review.status not in ENDED:
            await begin(client, review.proposal)
        case "suspended":
            await resumed(client, review.proposal)
            await announced_again(client, stored, now)
        case "running" if unseen and behind_for(stored, now) > world.settings.engine_far_behind:
            await terminated(client, review.proposal)
        case "running" if unseen:
            await announced_again(client, stored, now)
    return stored


async def caught_up(client: df.DurableOrchestrationClient, world: Services, stored: Stored, now: datetime) -> Stored:
    """The proposal after everything that time alone has brought about; when records are away, as it was read."""
    due = next_due(stored.review)
    if due is None or due > now - TIME_IS_LATE:
        return stored
    try:
        brought = await bring(world.records, world.directory, world.clock, stored.review.proposal, LetTimePass(), SYSTEM_ACTOR)
    except (RecordsUnavailable, UnknownProposal) as failure:
        log.warning("time did not pass for %s: %s", stored.review.proposal, failure)
        return stored
    await announce(client, brought.stored, brought.first_new)
    return brought.stored


async def announced_again(client: df.DurableOrchestrationClient, stored: Stored, now: datetime) -> None:
    """Raise the event that the instance waits for, when its fact has stood for a while."""
    if stored.seen < stored.review.number and now - stored.review.last_at >= NEWS_IS_LATE:
        await announce(client, stored, stored.seen + 1)


def behind_for(stored: Stored, now: datetime) -> timedelta:
    """How long the oldest fact has waited that the instance has not looked at, or since its last look, whichever is shorter."""
    waited = now - stored.facts[stored.seen].at
    return min(waited, now - stored.seen_at) if stored.seen_at else waited


async def resumed(client: df.DurableOrchestrationClient, proposal: str) -> None:
    """Let an instance go on that somebody suspended by hand: a hold is a fact of the trail, never a state of the engine."""
    try:
        await asked(client.resume(proposal, "a hold belongs to the trail"))
    except EngineFault as fault:
        log.warning("the instance of %s was not resumed: %s", proposal, fault)


async def terminated(client: df.DurableOrchestrationClient, proposal: str) -> None:
    """End an instance that stands still, so that it can be begun anew."""
    log.warning("the instance of %s is far behind its trail and is begun anew", proposal)
    try:
        await asked(client.terminate(proposal, "far behind its trail"))
    except EngineFault as fault:
        log.warning("the instance of %s was not terminated: %s", proposal, fault)


async def begin_anew(client: df.DurableOrchestrationClient, proposal: str) -> None:
    """End the proposal's instance, whatever it does, and begin another from the trail.

    Terminating takes the engine a moment, in which it refuses a start. When it takes longer, the next look begins the instance.
    """
    await terminated(client, proposal)
    for _ in range(LOOKS_AT_THE_END):
        if await state(client, proposal) != "running":
            break
        await asyncio.sleep(BETWEEN_LOOKS)
    await begin(client, proposal)
