"""The way of a proposal, from its POST to the mail with the outcome."""

import time

from tests.app.greenlight import Greenlight, policy, stage


async def test_a_proposal_is_approved_by_the_person_who_got_the_mail(greenlight: Greenlight) -> None:
    """The main job."""
    proposal = await greenlight.submit()
    assert (await proposal.status())["status"] == "in_review"
    assert await proposal.waits_on() == ["Ann"]

    answer = await proposal.decide("ann", "approve")

    assert answer.status == 200
    assert (await proposal.status())["decision"]["outcome"] == "approved"
    assert "Your proposal is approved" in greenlight.mails_to("sam")[0].text
    assert await proposal.engine() == "Completed"


async def test_when_nobody_answers_in_time_the_manager_is_asked_instead(greenlight: Greenlight) -> None:
    """Silence must not stop a proposal; nor may the manager be bothered a minute too early."""
    greenlight.use(policy(stage("ann", deadline="PT72H", on_expiry="escalate", escalate_to=["mia"])))
    proposal = await greenlight.submit()

    await greenlight.advance("PT71H59M")
    assert greenlight.mails_to("mia") == []

    await greenlight.advance("PT2M")
    assert await proposal.waits_on() == ["Ann", "Mia"]
    assert "Nobody decided in time" in greenlight.mails_to("mia")[0].text


async def test_two_stages_are_asked_one_after_the_other(greenlight: Greenlight) -> None:
    """The second stage's people hear nothing before the first has approved."""
    greenlight.use(policy(stage("ann"), stage("ben", "cem", "dia", rule="2 of 3")))
    proposal = await greenlight.submit()
    assert greenlight.mails_to("ben") == []

    await proposal.decide("ann", "approve")
    assert await proposal.waits_on() == ["Ben", "Cem", "Dia"]

    await proposal.decide("ben", "approve")
    await proposal.decide("cem", "approve")
    assert (await proposal.status())["status"] == "approved"
    assert "Nothing more is needed" in greenlight.mails_to("dia")[0].text


async def test_a_month_with_reminders_and_an_escalation_passes_in_a_moment(greenlight: Greenlight) -> None:
    """A test of thirty days must not take thirty days; the figure is printed, not asserted."""
    greenlight.use(policy(stage("ann", deadline="P20D", reminders=["P5D", "P10D", "P15D"], on_expiry="escalate", escalate_to=["mia"])))
    began = time.perf_counter()
    proposal = await greenlight.submit()
    await greenlight.advance("P30D")
    print(f"30 days: {time.perf_counter() - began:.3f} s")

    assert [letter.text.startswith("A reminder") for letter in greenlight.mails_to("ann")] == [True] * 4 + [False]
    assert await proposal.waits_on() == ["Ann", "Mia"]
    await greenlight.advance("P11D")
    assert (await proposal.status())["status"] == "rejected"


async def test_changes_are_requested_and_the_revision_is_approved(greenlight: Greenlight) -> None:
    """A revision opens new slots and closes the old."""
    proposal = await greenlight.submit()
    old = greenlight.link("ann")
    await proposal.decide("ann", "request_changes", "Which modules?")
    assert (await proposal.status())["status"] == "changes_requested"
    assert "Which modules?" in greenlight.mails_to("sam")[0].text

    from tests.app.greenlight import a_proposal

    answer = await greenlight.call("POST", f"/api/proposals/{proposal.id}/revisions", a_proposal(summary="Panels by Sonnendach."))
    assert answer.status == 202, answer.text
    await greenlight.host.settle()
    assert (await proposal.status())["round"] == 2

    assert (await proposal.decide_at(old, "request_changes", "again")).status == 200
    assert (await proposal.decide_at(old, "approve")).status == 409
    await proposal.decide("ann", "approve")
    assert (await proposal.status())["status"] == "approved"


async def test_a_withdrawn_proposal_closes_everybody_s_turn(greenlight: Greenlight) -> None:
    """Whoever was asked hears that nothing more is needed, and their link says why."""
    proposal = await greenlight.submit()
    link = greenlight.link("ann")
    answer = await greenlight.call("POST", f"/api/proposals/{proposal.id}/withdraw", {"reason": "too early"})
    await greenlight.host.settle()

    assert answer.status == 202
    assert (await proposal.status())["status"] == "withdrawn"
    assert "withdrew" in greenlight.mails_to("ann")[0].text
    assert (await proposal.decide_at(link, "approve")).status == 410


async def test_a_delegated_turn_belongs_to_the_other(greenlight: Greenlight) -> None:
    """The old link answers that it was handed on; the new one decides."""
    proposal = await greenlight.submit()
    link = greenlight.link("ann")
    assert (await proposal.decide("ann", "delegate", to="ben@example.com")).status == 200
    assert await proposal.waits_on() == ["Ben"]
    assert (await proposal.decide_at(link, "approve")).status == 410
    assert (await proposal.decide("ben", "approve")).status == 200
    assert (await proposal.status())["status"] == "approved"


async def test_the_company_s_rules_leave_findings_and_the_failing_one_stops_nothing(tmp_path: object) -> None:
    """A slow rule, a rule that fails, and a ceiling: all of them findings for the reviewer."""
    from pathlib import Path

    from tests.app.greenlight import running

    assert isinstance(tmp_path, Path)
    async with running(tmp_path, GREENLIGHT_PLUGINS="examples.acme_rules") as greenlight:
        proposal = await greenlight.submit(category="travel-abroad", budget={"amount": "120000.00", "currency": "EUR"})
        await greenlight.advance("PT5M")
        found = {finding["rule"]: finding for finding in (await proposal.status())["findings"]}
        assert found["examples.acme_rules.budget_ceilings"]["severity"] == "warning"
        assert "kg CO2e" in found["examples.acme_rules.carbon_score"]["message"]
        assert "KeyError" in found["examples.acme_rules.legacy_inventory"]["message"]
        assert (await proposal.status())["status"] == "in_review"

        refused = await greenlight.submit(details={"suppliers": ["NORDSTURM Handels-GmbH"]})
        assert (await refused.status())["status"] == "rejected"
        assert "sanctions list" in (await refused.status())["decision"]["reasons"][0]
