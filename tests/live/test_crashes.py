"""Crashes, on a host of their own: a worker killed in an episode, the host killed, the mail server gone, an app that does not load."""

import asyncio
from collections import Counter
from dataclasses import dataclass

import aiohttp
import pytest
import pytest_asyncio

from tests.live.conftest import Site
from tests.live.greenlight import Proposal, told_is_trail
from tests.live.mailbox import eventually
from tests.live.test_way import ANA, BEN, SUBMITTER

MANY = 20

pytestmark = pytest.mark.timeout(300)


async def test_a_worker_killed_in_an_episode_costs_the_instance_and_not_the_approval(crash_site: Site) -> None:
    """The real engine fails such an instance for good (durable.md A16): the next reader begins it anew from the trail."""
    host, greenlight = crash_site.host, crash_site.greenlight
    proposal = await greenlight.submit("solo")
    await proposal.letter(ANA, "/review/")
    before = host.workers()
    host.die_in_episode_of(proposal.id)
    answer = await proposal.decides(ANA, "approve")
    while answer.status >= 500:  # the worker that died may be the one that was answering: she presses again
        await asyncio.sleep(0.5)
        answer = await proposal.decides(ANA, "approve")
    assert answer.status == 200, answer

    await eventually(lambda: bool(host.workers()) and not set(host.workers()) & set(before), 30, "a new worker")
    if host.kind.fails_instances:
        for _ in range(100):
            instance = await greenlight.instance(proposal.id)
            if instance is not None and instance["runtimeStatus"] == "Failed":
                break
            await asyncio.sleep(0.1)
        else:
            raise AssertionError("the instance did not fail: this host is kinder than the real one")
    await read_until_told(crash_site, [proposal])
    await told_is_trail(proposal)
    assert len(greenlight.mailbox.to(ANA, proposal.title, "/review/")) == 1


@dataclass(frozen=True)
class Upheaval:
    """What was in review when everything died. `cut_off`: its mail to Ben had been taken, and the answer never arrived."""

    proposals: list[Proposal]
    cut_off: Proposal


@pytest_asyncio.fixture(scope="module")
async def upheaval(crash_site: Site) -> Upheaval:
    """Twenty proposals in review: in the middle of reminders the worker dies, then the host; the app does not load for a
    while; then the mail server is gone as all are decided, and at last comes back (cases, 76).
    """
    host, greenlight, mailbox = crash_site.host, crash_site.greenlight, crash_site.greenlight.mailbox
    proposals = await asyncio.gather(*(greenlight.submit("reminded") for _ in range(MANY)))
    gate = mailbox.hold(BEN)
    cut_off = await greenlight.submit("any")
    await asyncio.gather(*(proposal.letter(ANA, "/review/", patience=60) for proposal in (*proposals, cut_off)))
    await asyncio.to_thread(gate.reached.wait, 30)

    await eventually(lambda: any(len(mailbox.to(ANA, one.title, "/review/")) > 1 for one in proposals), 60, "the first reminder")
    host.kill_workers()
    await host.kill()
    gate.open.set()
    with host.app_broken():
        await host.fails_to_start(greenlight.http)
    await host.start(greenlight.http)

    mailbox.down()
    links = [mailbox.to(ANA, proposal.title, "/review/")[0].link() for proposal in proposals]
    answers = await asyncio.gather(*(one.decided_at(link, "approve") for one, link in zip(proposals, links, strict=True)))
    assert {answer.status for answer in answers} == {200}, answers
    mailbox.up()
    await read_until_told(crash_site, proposals)
    return Upheaval(proposals, cut_off)


async def test_each_proposal_outlives_worker_host_and_mail_server(upheaval: Upheaval) -> None:
    """Whatever dies in whichever order, each comes to one outcome, and what people were told is what stands."""
    for proposal in upheaval.proposals:
        assert (await proposal.status())["status"] == "approved"
        assert (await proposal.kinds()).count("concluded") == 1
        await told_is_trail(proposal)


async def test_no_mail_is_lost_and_none_is_new_the_second_time(crash_site: Site, upheaval: Upheaval) -> None:
    """A mail that was under way in a crash may come twice, with one Message-ID, so that the receiving side can drop the second."""
    for proposal in upheaval.proposals:
        letters = crash_site.greenlight.mailbox.to(SUBMITTER, proposal.title)
        assert len({letter.message_id for letter in letters}) == 2  # received, outcome
        copies = Counter(letter.message_id for letter in [*letters, *crash_site.greenlight.mailbox.to(ANA, proposal.title)])
        assert len(copies) <= 4, copies  # Ana: asked, and reminded unless the decision was faster
        assert max(copies.values()) <= 2, copies


async def test_a_mail_whose_answer_was_cut_off_is_sent_again_as_the_same_mail(crash_site: Site, upheaval: Upheaval) -> None:
    """The activity runs at least once: the host died between the mail server's taking of the mail and our mark of it."""
    proposal = upheaval.cut_off
    first = await proposal.letter(BEN, "/review/")
    second = await proposal.letter(BEN, "/review/", number=2, patience=120)
    assert second.message_id == first.message_id
    assert (await proposal.decided_at(second.link(), "approve")).status == 200
    await read_until_told(crash_site, [proposal])
    await told_is_trail(proposal)


async def read_until_told(crash_site: Site, proposals: list[Proposal], patience: float = 150) -> None:
    """Look at every proposal now and then, as their people would, until each submitter has the mail of the outcome."""
    mailbox = crash_site.greenlight.mailbox
    for _ in range(int(patience / 3)):
        waiting = [proposal for proposal in proposals if not mailbox.to(SUBMITTER, proposal.title, "approved")]
        if not waiting:
            return
        for proposal in waiting:
            try:
                await proposal.status()
            except aiohttp.ClientError:
                pass  # the host is being started
        await asyncio.sleep(3)
    raise AssertionError(f"{len(waiting)} of {len(proposals)} submitters were not told: {[proposal.id for proposal in waiting]}")
