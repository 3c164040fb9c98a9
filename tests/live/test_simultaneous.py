"""Decisions that meet: sent at one instant, or while the engine is busy with something else. What is answered is what stands."""

import asyncio
from pathlib import Path

from tests.live.conftest import Site
from tests.live.greenlight import Answer, Greenlight, Proposal, told_is_trail
from tests.live.mailbox import eventually
from tests.live.test_way import ANA, BEN, CEM, SUBMITTER


async def at_once(proposal: Proposal, *decisions: tuple[str, str]) -> list[Answer]:
    """Send (link, action) all together: every request leaves when the last is ready."""
    barrier = asyncio.Barrier(len(decisions))

    async def one(link: str, action: str) -> Answer:
        async with barrier:
            return await proposal.decided_at(link, action, "Because.")

    return await asyncio.gather(*(one(*decision) for decision in decisions))


async def links(proposal: Proposal, *addresses: str) -> list[str]:
    """The links of these people's mails, once all have come."""
    return [(await proposal.letter(address, "/review/")).link() for address in addresses]


async def test_three_who_decide_at_one_instant_are_all_recorded(greenlight: Greenlight) -> None:
    """No vote may vanish and none count twice, which is what one event name for all would do (durable.md A1)."""
    proposals = [await greenlight.submit("all") for _ in range(3)]
    for proposal in proposals:
        people = await links(proposal, ANA, BEN, CEM)
        answers = await at_once(proposal, *((link, "approve") for link in people))
        assert [answer.status for answer in answers] == [200, 200, 200], answers
    for proposal in proposals:
        await proposal.until("approved")
        await told_is_trail(proposal)


async def test_two_different_decisions_of_one_link_are_one(greenlight: Greenlight) -> None:
    """Two tabs, or a scanner that presses buttons: the second is told what the first did."""
    proposal = await greenlight.submit("all")
    (link,) = await links(proposal, ANA)
    answers = await at_once(proposal, (link, "approve"), (link, "reject"))
    assert sorted(answer.status for answer in answers) == [200, 409], answers
    again = await proposal.decided_at(link, "approve" if answers[0].status == 200 else "reject", "Because.")
    assert again.status == 200, again
    await told_is_trail(proposal)


async def test_where_one_suffices_the_second_is_told_who_was_faster(greenlight: Greenlight) -> None:
    """Two answers "recorded" to a stage that one person settles would be a lie to one of them."""
    proposal = await greenlight.submit("any")
    first, second = await links(proposal, ANA, BEN)
    answers = await at_once(proposal, (first, "approve"), (second, "approve"))
    assert sorted(answer.status for answer in answers) == [200, 410], answers
    await proposal.until("approved")
    await told_is_trail(proposal)


async def test_decisions_while_a_mail_is_being_handed_over_are_kept(greenlight: Greenlight) -> None:
    """The engine stands in an activity: events that come now must not be lost (durable.md A1)."""
    gate = greenlight.mailbox.hold(CEM)
    proposal = await greenlight.submit("all")
    people = await links(proposal, ANA, BEN)
    await asyncio.to_thread(gate.reached.wait, 30)
    answers = await at_once(proposal, *((link, "approve") for link in people))
    assert [answer.status for answer in answers] == [200, 200], answers
    gate.open.set()
    assert (await proposal.decides(CEM, "approve")).status == 200
    await proposal.until("approved")
    await proposal.letter(SUBMITTER, "approved")
    await told_is_trail(proposal)


async def test_a_withdrawal_while_a_rule_runs_ends_the_proposal(site: Site, tmp_path: Path) -> None:
    """The rule reports to a proposal that is gone by then: its report changes nothing, and nobody is asked."""
    greenlight, gate = site.greenlight, tmp_path / "gate"
    gate.touch()
    proposal = await greenlight.submit("solo", details={"gate": str(gate)})
    await proposal.until("validating")
    await eventually(lambda: gate.read_text() == "reached", 30, "the rule runs")
    answer = await greenlight.call("POST", f"/api/proposals/{proposal.id}/withdraw", {}, **greenlight.headers)
    assert answer.status == 202, answer
    assert (await proposal.status())["status"] == "withdrawn"
    gate.unlink()
    await proposal.letter(SUBMITTER, "withdrawn")
    assert greenlight.mailbox.to(ANA, proposal.title) == []
    assert (await proposal.kinds()).count("concluded") == 1
