"""The plan: from the policy as it stands when the checks are done, or a hold for an operator."""

from pathlib import Path

from tests.app.greenlight import Greenlight, policy, running, stage


async def test_without_a_usable_policy_it_goes_on_hold_and_is_planned_once_that_is_mended(tmp_path: Path) -> None:
    """Nothing is lost, and operators are told file and field."""
    (tmp_path / "policy.toml").write_text('[[policy]]\nname = "x"\nstages = []\n', encoding="utf-8")
    async with running(tmp_path) as greenlight:
        proposal = await greenlight.submit()
        await greenlight.advance("PT5M")
        held = (await proposal.status())["on_hold"]
        assert "policy" in held["reason"]
        assert "stages" in held["reason"]

        greenlight.use(policy(stage("ann")))
        answer = await greenlight.operate(proposal.id, "resume", reason="mended")
        assert answer.status == 200, answer.text
        await greenlight.host.settle()
        assert await proposal.waits_on() == ["Ann"]


async def test_a_policy_that_breaks_later_leaves_the_last_good_one_in_force(greenlight: Greenlight) -> None:
    """A typing error in a file must not stop the company."""
    await greenlight.submit()
    greenlight.use("this is no TOML")
    proposal = await greenlight.submit()
    assert await proposal.waits_on() == ["Ann"]


async def test_a_changed_policy_leaves_a_proposal_in_review_as_it_was_planned(greenlight: Greenlight) -> None:
    """The resolved plan is in the trail; the next proposal is planned anew."""
    first = await greenlight.submit()
    greenlight.use(policy(stage("ben"), stage("cem")))
    second = await greenlight.submit()
    assert [await first.waits_on(), await second.waits_on()] == [["Ann"], ["Ben"]]
    await first.decide("ann", "approve")
    assert (await first.status())["status"] == "approved"


async def test_nobody_is_asked_about_their_own_proposal_by_whatever_address(greenlight: Greenlight) -> None:
    """With nobody else to ask it waits for an operator, who may not be the submitter either (cases 15 and 16)."""
    greenlight.use(policy(stage("ann")))
    proposal = await greenlight.submit(submitter={"name": "Ann", "email": "ANN+roof@example.com"})
    status = await proposal.status()
    assert status["reviewers"] == []
    assert "too few people" in status["on_hold"]["reason"]
    assert any("does not review it" in finding["message"] for finding in status["findings"])

    added = await greenlight.operate(proposal.id, "add", stage=0, to="ben", reason="nobody else")
    assert added.status == 200, added.text
    assert (await greenlight.operate(proposal.id, "resume", reason="Ben decides")).status == 200
    await greenlight.host.settle()
    assert (await proposal.decide("ben", "approve")).status == 200
    assert (await proposal.status())["status"] == "approved"


async def test_who_has_a_role_is_asked_of_the_day_when_the_stage_opens(greenlight: Greenlight) -> None:
    """The new manager decides on what was filed under the old one (case 13)."""
    roles = '[roles]\nowner = ["{0}"]\n'
    stages = policy(stage("ann"), stage("role:owner"))
    greenlight.use(stages.replace("[[policy]]", roles.format("cem") + "[[policy]]", 1))
    proposal = await greenlight.submit()
    greenlight.use(stages.replace("[[policy]]", roles.format("dia") + "[[policy]]", 1))
    await proposal.decide("ann", "approve")
    assert await proposal.waits_on() == ["Dia"]


async def test_somebody_who_has_left_decides_nothing_and_the_fallback_is_asked(greenlight: Greenlight) -> None:
    """Elsewhere a deactivated administrator went on approving (case 11)."""
    stages = policy(stage("ann", fallback=["ben"]))
    greenlight.use(stages)
    proposal = await greenlight.submit()
    link = greenlight.link("ann")
    greenlight.use(stages.replace('email = "ann@example.com"', 'email = "ann@example.com"\nactive = false'))
    answer = await proposal.decide_at(link, "approve")
    assert answer.status == 410
    assert await proposal.waits_on() == ["Ben"]
    assert (await proposal.decide("ben", "approve")).status == 200
