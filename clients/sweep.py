"""The timer function that sets right what nobody looks at: proposals behind their trail or past due, and instances that are gone.

Two looks at each run, both bounded: first those that the records know to be behind; then a walk over all proposals, newest first,
that goes on where the last run of this process stopped, for instances that died while nothing was due.
"""

import asyncio
import logging
import os
from collections.abc import Sequence
from datetime import timedelta

import azure.durable_functions as df
import azure.functions as func

from clients import engine
from domain.review import ENDED
from services.records import Filters, RecordsUnavailable
from services.wiring import Services, services

bp = df.Blueprint()
log = logging.getLogger("greenlight.sweep")

SCHEDULE = os.environ.get("GREENLIGHT_SWEEP_SCHEDULE", "0 */2 * * * *")
"""NCRONTAB. Read at import, since it is part of the function's binding; a `%NAME%` there would fail where the setting is missing."""

AT_ONCE = 8
RECENT = timedelta(days=2)
"""A proposal that ended longer ago has had its mails, or is looked at when somebody reads it."""

_walk: dict[str, str | None] = {"cursor": None}


@bp.function_name("sweep")
@bp.timer_trigger(arg_name="timer", schedule=SCHEDULE, run_on_startup=False)
@bp.durable_client_input(client_name="client")
async def sweep(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
    """Heal a batch."""
    world = services()
    try:
        behind = await world.records.behind(world.clock.now() - engine.NEWS_IS_LATE, world.settings.sweep_batch)
        walked = await walk(world)
    except RecordsUnavailable as outage:
        log.warning("nothing was swept: the records are away: %s", outage)
        return
    found = list(dict.fromkeys([*behind, *walked]))
    await heal_all(client, world, found)
    level = logging.INFO if behind or timer.past_due else logging.DEBUG
    log.log(level, "swept: %d behind, %d looked at%s", len(behind), len(found), ", late by the clock" if timer.past_due else "")


async def walk(world: Services) -> Sequence[str]:
    """The next proposals of the walk that may still need their instance."""
    page = await world.records.listed(Filters(), world.settings.sweep_batch, _walk["cursor"], world.clock.now())
    _walk["cursor"] = page.cursor
    oldest = world.clock.now() - RECENT
    return [row.proposal for row in page.rows if row.status not in ENDED or row.changed_at > oldest]


async def heal_all(client: df.DurableOrchestrationClient, world: Services, proposals: Sequence[str]) -> None:
    """Heal each, a few at once; one that fails holds no other up."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(proposal: str) -> None:
        async with gate:
            try:
                stored = await world.records.read(proposal)
                if stored is not None:
                    await engine.heal(client, world, stored)
            except RecordsUnavailable as outage:
                log.warning("%s was not swept: %s", proposal, outage)

    await asyncio.gather(*map(one, proposals))
