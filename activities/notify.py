"""Tell one person one thing by mail."""

import logging
from typing import Any

import azure.durable_functions as df

from activities.envelope import Call, Envelope
from activities.rules import report
from domain import names
from domain.agenda import Notice, NoticeKind, still_wanted
from domain.facts import MailFailed
from services.mail import MailRefused, MailUnavailable
from services.wiring import Services, services

bp = df.Blueprint()
log = logging.getLogger("greenlight.notify")


class NotifyCall(Call):
    """Which notice: `slot` names a reviewer, None the submitter; `number` is the fact that asked for it."""

    kind: NoticeKind
    slot: str | None
    number: int


@bp.activity_trigger(input_name="payload", activity=names.NOTIFY)
async def notify(payload: dict) -> dict:  # type: ignore[type-arg]  # the worker reads this annotation: bare types only
    """Send the notice, unless it was sent or is wanted no more, and leave a mark.

    Runs at least once: killed between sending and marking, it sends again with the same Message-ID, so that the receiving side
    can drop the second copy. A server that refuses for good is a fact and a finding for operators; one that does not answer is
    worth another try, until the last.
    """
    call = NotifyCall.model_validate(payload)
    notice = Notice(call.kind, call.slot, call.number)
    world = services()
    mark = f"{notice.slot or 'submitter'}/{notice.kind}/{notice.number}"
    stored = await world.records.read(call.proposal)
    if stored is None or not still_wanted(stored.review, notice) or await world.records.was_sent(call.proposal, mark):
        return Envelope().plain()
    mail = await world.letter(stored, notice)
    if mail is None:
        return Envelope().plain()
    try:
        await world.mailer.send(mail)
    except MailRefused as refusal:
        return await gave_up(world, call, refusal.reply)
    except MailUnavailable as outage:
        log.warning("mail %s of %s not handed over: %s", mark, call.proposal, outage)
        return (
            await gave_up(world, call, f"not handed over until the last attempt: {outage}") if call.last else Envelope(retry=True).plain()
        )
    await world.records.mark_sent(call.proposal, mark, world.clock.now())
    return Envelope().plain()


async def gave_up(world: Services, call: NotifyCall, detail: str) -> dict[str, Any]:
    """Commit that this mail will never arrive: the rules decide who is asked instead."""
    await report(world, call.proposal, MailFailed(call.slot, call.kind, detail))
    return Envelope(learned=True).plain()
