"""Crashes, on a host of their own: a worker killed in an episode, the host killed, the mail server gone, an app that does not load."""

import asyncio
from collections import Counter

import aiohttp
import pytest

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
    assert (await proposal.decides(ANA, "approve")).status == 200

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


async def test_twenty_proposals_in_review_outlive_worker_host_and_mail_server(crash_site: Site) -> None:
    """Whatever dies in whichever order, each ends once, each answer stands, and no mail is lost (cases, 76)."""
    host, greenlight, mailbox = crash_site.host, crash_site.greenlight, crash_site.greenlight.mailbox
    proposals = await asyncio.gather(*(greenlight.submit("reminded") for _ in range(MANY)))
    gate = mailbox.hold(BEN)
    unanswered = await greenlight.submit("any")
    await asyncio.gather(*(proposal.letter(ANA, "/review/", patience=60) for proposal in proposals))
    await asyncio.to_thread(gate.reached.wait, 30)

    await eventually(lambda: any(len(mailbox.to(ANA, one.title, "/review/")) > 1 for one in proposals), 60, "the first reminder")
    host.kill_workers()
    await host.kill()
    gate.open.set()
    with host.app_broken():
        await host.fails_to_start(greenlight.http)
    mailbox.down()
    await host.start(greenlight.http)

    answers = await asyncio.gather(*(proposal.decides(ANA, "approve") for proposal in [*proposals, unanswered]))
    assert {answer.status for answer in answers} == {200}, answers
    mailbox.up()
    await read_until_told(crash_site, [*proposals, unanswered])
    for proposal in [*proposals, unanswered]:
        await told_is_trail(proposal)
        assert (await proposal.kinds()).count("concluded") == 1
        assert_each_mail_once(crash_site, proposal)


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


def assert_each_mail_once(crash_site: Site, proposal: Proposal) -> None:
    """A mail that was under way in a crash may come twice, with one Message-ID, so that the receiving side can drop the second."""
    for address, most in ((ANA, 2), (SUBMITTER, 2), (BEN, 2)):  # asked, reminder or closed · received, outcome
        copies = Counter(letter.message_id for letter in crash_site.greenlight.mailbox.to(address, proposal.title))
        assert len(copies) <= most, (address, copies)
        assert all(count <= 2 for count in copies.values()), (address, copies)
