"""Whatever becomes of an event or an instance, the approval goes on: its trail is what is true."""

from datetime import timedelta

import pytest

from domain.names import APPROVAL, fact_event
from tests.app.greenlight import OPERATOR, Greenlight, policy, stage


async def swept(greenlight: Greenlight) -> None:
    """The timer function, by hand, when enough time has passed for it to look."""
    greenlight.host.clock.move_to(greenlight.now() + timedelta(seconds=30))
    await greenlight.host.timers.run("sweep")
    await greenlight.host.settle()


async def lost_event(greenlight: Greenlight, link: str) -> None:
    """Somebody decides, and the process dies between the commit and the event: here the engine refuses the event."""
    engine = greenlight.host.engine
    real, engine.raise_event = engine.raise_event, refuse  # type: ignore[method-assign]
    try:
        answer = await greenlight.call("POST", link, {"action": "approve"})
        assert answer.status == 200, "what stands is told, whatever the engine does"
    finally:
        engine.raise_event = real  # type: ignore[method-assign]


async def refuse(instance_id: str, event: str, input_json: str) -> None:
    """An engine that is away."""
    raise ConnectionError("the engine is away")


async def test_a_lost_event_is_healed_by_the_next_reader(greenlight: Greenlight) -> None:
    """A reader is enough: nobody has to know."""
    proposal = await greenlight.submit()
    await lost_event(greenlight, greenlight.link("ann"))
    assert await proposal.engine() == "Running"

    greenlight.host.clock.move_to(greenlight.now() + timedelta(seconds=30))
    await proposal.status()
    await greenlight.host.settle()

    assert await proposal.engine() == "Completed"
    assert "approved" in greenlight.mails_to("sam")[0].text


async def test_a_lost_event_is_healed_by_the_sweep_without_any_reader(greenlight: Greenlight) -> None:
    """And raising it again when nothing was lost is harmless."""
    proposal = await greenlight.submit()
    await lost_event(greenlight, greenlight.link("ann"))
    await swept(greenlight)
    await swept(greenlight)
    assert await proposal.engine() == "Completed"
    assert len([mail for mail in greenlight.mails_to("sam") if "is approved" in mail.text]) == 1


@pytest.mark.parametrize("by", ["reader", "sweep"])
@pytest.mark.parametrize("fate", ["terminated", "purged", "suspended", "failed"])
async def test_an_instance_that_is_gone_is_begun_again_from_the_trail(greenlight: Greenlight, fate: str, by: str) -> None:
    """Failed, terminated, purged, suspended by hand: it ends once, and nobody gets a mail twice (case 76)."""
    proposal = await greenlight.submit()
    engine = greenlight.host.engine
    if fate == "suspended":
        await engine.suspend(proposal.id, "by hand")
    elif fate == "failed":
        await engine.terminate(proposal.id, "make room")
        await greenlight.host.settle()
        await engine.purge(proposal.id)
        await engine.start_instance(APPROVAL, '"not what it expects"', proposal.id)
    else:
        await engine.terminate(proposal.id, "by hand")
    await greenlight.host.settle()
    if fate == "purged":
        await engine.purge(proposal.id)
    link = greenlight.link("ann")
    assert (await greenlight.call("POST", link, {"action": "approve"})).status == 200
    await greenlight.host.settle()

    for _ in range(2):
        greenlight.host.clock.move_to(greenlight.now() + timedelta(seconds=30))
        await (swept(greenlight) if by == "sweep" else proposal.status())
        await greenlight.host.settle()

    assert await proposal.engine() == "Completed"
    assert [len(greenlight.mails_to("ann")), len(greenlight.mails_to("sam"))] == [1, 2], "asked; received and outcome"
    assert [kind for kind, _ in await proposal.told()].count("concluded") == 1


async def test_starting_an_instance_once_too_often_is_harmless(greenlight: Greenlight) -> None:
    """It asks for all of it again, and every activity finds its deed done."""
    proposal = await greenlight.submit()
    await proposal.decide("ann", "approve")
    mails = len(greenlight.host.mailbox.list())
    await greenlight.host.engine.start_instance(APPROVAL, f'"{{\\"proposal\\": \\"{proposal.id}\\"}}"', proposal.id)
    await greenlight.host.settle()
    assert await proposal.engine() == "Completed"
    assert len(greenlight.host.mailbox.list()) == mails


async def test_an_event_raised_by_hand_without_its_fact_makes_no_round_after_round(greenlight: Greenlight) -> None:
    """It would come back at once, for ever (durable.md A1); the real decision still settles it."""
    proposal = await greenlight.submit()
    number = len(await proposal.trail()) + 1
    await greenlight.host.engine.raise_event(proposal.id, fact_event(number), "1")
    await greenlight.host.settle()
    looks = (await proposal.rounds()).count("advance")
    await greenlight.advance("PT6H")
    assert (await proposal.rounds()).count("advance") - looks <= 12
    await proposal.decide("ann", "approve")
    await greenlight.advance("PT2H")
    assert (await proposal.status())["status"] == "approved"
    assert await proposal.engine() == "Completed"


async def test_a_quiet_proposal_costs_no_empty_rounds(greenlight: Greenlight) -> None:
    """One look for what came of the checks, one each for a reminder and the deadline."""
    greenlight.use(policy(stage("ann", deadline="P4D", reminders=["P2D"])))
    proposal = await greenlight.submit()
    await greenlight.advance("P10D")
    assert (await proposal.status())["status"] == "expired"
    assert (await proposal.rounds()).count("advance") == 4


async def test_the_operators_detail_tells_the_engine_s_state(greenlight: Greenlight) -> None:
    """Without any management URL."""
    proposal = await greenlight.submit()
    answer = await greenlight.call("GET", f"/api/operations/proposals/{proposal.id}", **OPERATOR)
    assert answer.status == 200
    assert "running" in answer.text.casefold()
    assert "webhooks" not in answer.text
