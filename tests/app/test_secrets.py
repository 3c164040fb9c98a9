"""What must never get out: management URLs, keys, tokens in logs, addresses through the submitter's routes."""

import re

import pytest

from tests.app.greenlight import OPERATOR, Greenlight, a_proposal, policy, stage

SECRET = re.compile(r"runtime/webhooks|[?&]code=|taskHub=|durabletask/|[?&]sig=|greenlight-development-key")
TOKEN = re.compile(r"prp-[a-z2-7]{26}\.[A-Za-z0-9_.-]{20,}|/api/(review|submission)/prp-")


async def test_no_answer_mail_or_log_holds_a_management_url_a_key_or_another_s_token(
    greenlight: Greenlight, caplog: pytest.LogCaptureFixture
) -> None:
    """Every route of the way, its errors included, and all that was logged on it."""
    caplog.set_level("INFO")
    greenlight.use(policy(stage("ann", "ben", reminders=["P1D"])))
    created = await greenlight.call("POST", "/api/proposals", a_proposal())
    await greenlight.host.settle()
    proposal = created.json["id"]
    link = greenlight.link("ann")
    answers = [
        created,
        await greenlight.call("GET", f"/api/proposals/{proposal}"),
        await greenlight.call("GET", f"/api/proposals/{proposal}", Accept="text/html"),
        await greenlight.call("GET", link, Accept="text/html"),
        await greenlight.call("POST", link, {"action": "reject", "comment": ""}),
        await greenlight.call("POST", link, {"action": "approve"}),
        await greenlight.call("POST", link[:-3] + "AAA", {"action": "approve"}),
        await greenlight.call("GET", greenlight.link("sam"), Accept="text/html"),
        await greenlight.call("GET", "/api/operations/proposals", **OPERATOR),
        await greenlight.call("GET", f"/api/operations/proposals/{proposal}", **OPERATOR),
        await greenlight.call("GET", f"/api/operations/proposals/{proposal}/audit", **OPERATOR),
        await greenlight.call("GET", "/api/health"),
        await greenlight.call("GET", "/api/openapi.json"),
    ]
    await greenlight.advance("P2D")
    for answer in answers:
        assert not SECRET.search(answer.text), answer.text
        assert not SECRET.search(str(answer.headers))
    operators = [answer.text for answer in answers[8:11]]
    assert not any(TOKEN.search(text) for text in operators), "an operator sees no link that decides in a reviewer's name"
    for letter in greenlight.host.mailbox.list():
        assert not SECRET.search(letter.raw.decode())
        assert len(set(TOKEN.findall(letter.text))) <= 1
    assert not TOKEN.search(caplog.text)
    assert not SECRET.search(caplog.text)


async def test_no_mail_address_leaves_through_the_submitter_s_routes(greenlight: Greenlight) -> None:
    """Reviewers are names there."""
    proposal = await greenlight.submit()
    document = await greenlight.call("GET", f"/api/proposals/{proposal.id}")
    assert "@" not in document.text
    page = await greenlight.call("GET", greenlight.link("sam"), Accept="text/html")
    assert "ann@example.com" not in page.text


async def test_durable_history_holds_no_person_and_no_text(greenlight: Greenlight) -> None:
    """It is replayed, logged, and kept by the engine: people and texts live in the records."""
    proposal = await greenlight.submit()
    await proposal.decide("ann", "approve", "a comment of Ann's")
    found = await greenlight.host.engine.get(proposal.id, history=True, history_outputs=True)
    assert found is not None
    told = f"{found.history_json}{found.input_json}{found.output_json}{found.custom_status_json}"
    for secret in ("example.com", "Solar", "Ann", "Sam", "comment of"):
        assert secret not in told
