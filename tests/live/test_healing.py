"""What the engine lost is begun anew from the trail: by whoever reads the proposal next, or by the timer function."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from domain.commands import Actor, Decide
from domain.people import Person
from services.clock import SystemClock
from services.policies import PolicyFile
from services.records_sqlite import SqliteRecords
from services.trail import bring
from tests.live.conftest import Site
from tests.live.greenlight import Greenlight, Proposal, told_is_trail
from tests.live.mailbox import Letter
from tests.live.test_way import ANA, BEN, SUBMITTER


async def read(proposal: Proposal) -> None:
    """Somebody looks at the proposal."""
    await proposal.status()


async def sweep(proposal: Proposal) -> None:
    """The timer function runs; nobody looks."""
    await proposal.greenlight.sweep()


async def told_after(proposal: Proposal, heal: Callable[[Proposal], Awaitable[None]], patience: float = 45) -> None:
    """Have `heal` done every two seconds until the submitter is told."""
    for _ in range(int(patience / 2)):
        await heal(proposal)
        if proposal.greenlight.mailbox.to(SUBMITTER, proposal.title, "approved"):
            return
        await asyncio.sleep(2)
    raise AssertionError(f"{proposal.id}: the submitter was not told within {patience:g} s")


@pytest.mark.parametrize("heal", [read, sweep])
async def test_a_decision_whose_event_was_lost_is_acted_on(site: Site, heal: Callable[[Proposal], Awaitable[None]]) -> None:
    """The client may die between its commit and its event: what it committed stands, so it must come to its effect."""
    proposal = await site.greenlight.submit("solo")
    letter = await proposal.letter(ANA, "/review/")
    await committed_unannounced(site, proposal, letter)
    await told_after(proposal, heal)
    assert (await proposal.kinds()).count("decided") == 1


@pytest.mark.parametrize("heal", [read, sweep])
async def test_an_instance_that_was_terminated_is_begun_anew(greenlight: Greenlight, heal: Callable[[Proposal], Awaitable[None]]) -> None:
    """An operator of the engine may end anything; the approval goes on, and nobody is mailed twice."""
    proposal = await greenlight.submit("all")
    assert (await proposal.decides(ANA, "approve")).status == 200
    await ended(greenlight, proposal)
    await runs_again(proposal, heal)
    assert (await proposal.decides(BEN, "approve")).status == 200
    assert (await proposal.decides("cem@live.example", "approve")).status == 200
    await told_after(proposal, heal)
    await told_is_trail(proposal)
    for address in (ANA, BEN):
        assert len(greenlight.mailbox.to(address, proposal.title, "/review/")) == 1


@pytest.mark.parametrize("heal", [read, sweep])
async def test_an_instance_that_was_purged_is_begun_anew(greenlight: Greenlight, heal: Callable[[Proposal], Awaitable[None]]) -> None:
    """Nothing of the engine is needed to carry on: the trail suffices."""
    proposal = await greenlight.submit("solo")
    await proposal.letter(ANA, "/review/")
    await ended(greenlight, proposal)
    answer = await greenlight.call("DELETE", f"/runtime/webhooks/durabletask/instances/{proposal.id}")
    assert answer.status == 200, answer
    await runs_again(proposal, heal)
    assert (await proposal.decides(ANA, "approve")).status == 200
    await told_after(proposal, heal)
    await told_is_trail(proposal)
    assert len(greenlight.mailbox.to(ANA, proposal.title, "/review/")) == 1


async def runs_again(proposal: Proposal, heal: Callable[[Proposal], Awaitable[None]]) -> None:
    """Heal once; the instance runs then, though nobody has decided anything."""
    await heal(proposal)
    for _ in range(100):
        instance = await proposal.greenlight.instance(proposal.id)
        if instance is not None and instance["runtimeStatus"] in ("Pending", "Running"):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"the instance of {proposal.id} does not run")


async def committed_unannounced(site: Site, proposal: Proposal, letter: Letter) -> None:
    """Approve as the client does, up to its commit, and leave it there."""
    slot = letter.link().rpartition("/")[2].split(".")[1]
    records, directory = SqliteRecords(site.state / "greenlight.sqlite"), PolicyFile(site.host.folder / "policy.toml").current().directory()
    actor = Actor(Person("Ana Ito", ANA), "reviewer")
    brought = await bring(records, directory, SystemClock(), proposal.id, Decide(slot, "approve"), actor)
    assert brought.first_new is not None
    assert brought.judgement.refusal is None


async def ended(greenlight: Greenlight, proposal: Proposal) -> None:
    """Terminate the instance by hand, and see that it is."""
    answer = await greenlight.call("POST", f"/runtime/webhooks/durabletask/instances/{proposal.id}/terminate?reason=test")
    assert answer.status == 202, answer
    for _ in range(100):
        instance = await greenlight.instance(proposal.id)
        if instance is not None and instance["runtimeStatus"] == "Terminated":
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{proposal.id} was not terminated")
