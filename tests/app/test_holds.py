"""On hold nothing can be decided, so nobody is asked to; who was asked meanwhile is asked when it goes on."""

from tests.app.greenlight import Greenlight, policy, stage


async def test_nobody_is_asked_by_mail_for_what_they_cannot_decide_yet(greenlight: Greenlight) -> None:
    """A stage with too few people opens on hold: the one who is there hears of it when the other has been added."""
    greenlight.use(policy(stage("ann", rule="2 of 2")))
    proposal = await greenlight.submit()
    assert (await proposal.status())["on_hold"] is not None
    assert greenlight.mails_to("ann") == []

    assert (await greenlight.operate(proposal.id, "add", stage=0, to="ben", reason="two are needed")).status == 200
    await greenlight.host.settle()
    assert greenlight.mails_to("ben") == []

    assert (await greenlight.operate(proposal.id, "resume", reason="now there are two")).status == 200
    await greenlight.host.settle()
    assert [len(greenlight.mails_to(person)) for person in ("ann", "ben")] == [1, 1]
    for person in ("ann", "ben"):
        assert (await proposal.decide(person, "approve")).status == 200
    assert (await proposal.status())["status"] == "approved"


async def test_a_hold_moves_the_deadline_and_whoever_was_asked_before_hears_of_it(greenlight: Greenlight) -> None:
    """What was left is left still; nothing is reminded or expires meanwhile."""
    greenlight.use(policy(stage("ann", deadline="P5D", reminders=["P2D"])))
    proposal = await greenlight.submit()
    await greenlight.advance("P1D")
    assert (await greenlight.operate(proposal.id, "suspend", reason="the budget is frozen")).status == 200
    await greenlight.advance("P30D")
    assert len(greenlight.mails_to("ann")) == 1
    refused = await proposal.decide("ann", "approve")
    assert refused.status == 409

    assert (await greenlight.operate(proposal.id, "resume", reason="it is free again")).status == 200
    await greenlight.host.settle()
    assert greenlight.mails_to("ann")[0].text.startswith("There is more time")
    assert (await proposal.status())["stage"]["deadline"].startswith("2027-01-04")
    await greenlight.advance("PT25H")
    assert greenlight.mails_to("ann")[0].text.startswith("A reminder")


async def test_somebody_taken_out_of_the_directory_decides_nothing_though_their_domain_is_the_company_s(greenlight: Greenlight) -> None:
    """Being removed is as good as being marked (case 11)."""
    full = policy(stage("ann", fallback=["ben"]))
    greenlight.use(full)
    proposal = await greenlight.submit()
    link = greenlight.link("ann")
    entry = '[people.ann]\nname = "Ann"\nemail = "ann@example.com"\n'
    assert entry in full
    greenlight.use(full.replace(entry, "").replace('["ann"]', '["cem"]'))
    assert (await proposal.decide_at(link, "approve")).status == 410
    assert await proposal.waits_on() == ["Ben"]
