"""Records or mail away for an hour: the approval waits, and goes on by itself."""

import sys
from pathlib import Path

from tests.app.greenlight import Greenlight, a_proposal, policy, stage


def take_away(records: Path) -> None:
    """The store is gone, with something else in its place."""
    sys.modules["services.wiring"].services().records.close()
    records.rename(records.with_suffix(".away"))
    records.mkdir()


def give_back(records: Path) -> None:
    """It is there again."""
    records.rmdir()
    records.with_suffix(".away").rename(records)


async def test_records_down_for_an_hour_delay_an_approval_and_fail_nothing(greenlight: Greenlight) -> None:
    """Meanwhile every answer is 503, and nothing is half done."""
    greenlight.use(policy(stage("ann", deadline="P5D", reminders=["PT30M"])))
    proposal = await greenlight.submit()
    link = greenlight.link("ann")
    records = greenlight.host.state_dir / "greenlight.sqlite"

    take_away(records)
    assert (await greenlight.call("POST", link, {"action": "approve"})).status == 503
    assert (await greenlight.call("POST", "/api/proposals", a_proposal())).status == 503
    assert (await greenlight.call("GET", f"/api/proposals/{proposal.id}")).status == 503
    assert (await greenlight.call("GET", "/api/health")).status == 503
    await greenlight.advance("PT1H")
    assert await proposal.engine() == "Running"
    give_back(records)

    await greenlight.advance("PT15M")
    assert greenlight.mails_to("ann")[0].text.startswith("A reminder"), "what fell due meanwhile happened"
    assert (await greenlight.call("POST", link, {"action": "approve"})).status == 200
    await greenlight.host.settle()
    assert (await proposal.status())["status"] == "approved"


async def test_a_mail_server_that_is_down_holds_no_decision_up(greenlight: Greenlight) -> None:
    """Mails wait in the outbox and go out later, once each."""
    greenlight.use(policy(stage("ann"), stage("ben")))
    proposal = await greenlight.submit()
    link = greenlight.link("ann")
    await greenlight.host.mailbox.stop()

    assert (await proposal.decide_at(link, "approve")).status == 200
    assert await proposal.waits_on() == ["Ben"], "the next stage is open though its mail could not go"
    await greenlight.advance("PT3H")

    await greenlight.host.mailbox.start()
    assert greenlight.mails_to("ben") == []
    await greenlight.advance("PT2H")
    assert len(greenlight.mails_to("ben")) == 1
    await proposal.decide("ben", "approve")
    assert (await proposal.status())["status"] == "approved"
