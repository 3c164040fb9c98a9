"""What submitting systems are promised: one proposal for one request, whatever is sent again; their own proposals, and nobody else's."""

import asyncio
import re

from tests.app.greenlight import Greenlight, Proposal, a_proposal, policy, stage


async def test_a_proposal_is_answered_with_where_to_follow_it(greenlight: Greenlight) -> None:
    """202, a Location, the submitter's link: here and in the mail, nowhere else."""
    answer = await greenlight.call("POST", "/api/proposals", a_proposal())
    assert answer.status == 202
    assert set(answer.json) == {"id", "status", "links"}
    assert re.fullmatch(r"prp-[a-z2-7]{26}", answer.json["id"])
    assert answer.json["status"] == "received"
    assert answer.headers["Location"] == answer.json["links"]["self"]
    assert answer.headers["Retry-After"] == "2"


async def test_the_same_key_and_body_is_the_same_proposal(greenlight: Greenlight) -> None:
    """A caller whose connection broke sends again, maybe while the first is still under way."""
    answers = await asyncio.gather(*(greenlight.call("POST", "/api/proposals", a_proposal(), Idempotency_Key="k-1") for _ in range(8)))
    assert {answer.status for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    await greenlight.host.settle()
    assert len(greenlight.mails_to("ann")) == 1

    await Proposal(greenlight, answers[0].json["id"]).decide("ann", "approve")
    later = await greenlight.call("POST", "/api/proposals", a_proposal(), Idempotency_Key='"k-1"')
    assert later.text == answers[0].text


async def test_a_proposal_that_has_ended_is_not_begun_anew_by_a_request_sent_again(greenlight: Greenlight) -> None:
    """Starting an instance that has ended would replace it with its history (durable.md A11)."""
    answer = await greenlight.call("POST", "/api/proposals", a_proposal(), Idempotency_Key="k-1")
    await greenlight.host.settle()
    proposal = Proposal(greenlight, answer.json["id"])
    await proposal.decide("ann", "approve")
    before = await proposal.rounds()
    assert before
    await greenlight.advance("PT1H")
    assert (await greenlight.call("POST", "/api/proposals", a_proposal(), Idempotency_Key="k-1")).status == 202
    await greenlight.host.settle()
    assert await proposal.rounds() == before
    assert await proposal.engine() == "Completed"


async def test_the_same_key_with_another_body_is_refused_and_changes_nothing(greenlight: Greenlight) -> None:
    """One key names one request: answering the second as if it were the first would lose it in silence."""
    first = await greenlight.call("POST", "/api/proposals", a_proposal(), Idempotency_Key="k-1")
    other = await greenlight.call("POST", "/api/proposals", a_proposal(title="Another"), Idempotency_Key="k-1")
    assert other.status == 409
    assert other.json["type"].endswith("idempotency-conflict")
    assert (await Proposal(greenlight, first.json["id"]).status())["title"] == "Solar roof, Hall 3"


async def test_blanks_and_order_of_keys_are_not_another_body(greenlight: Greenlight) -> None:
    """What was parsed is compared, not the bytes."""
    first = await greenlight.call("POST", "/api/proposals", a_proposal(), Idempotency_Key="k-1")
    again = await greenlight.call("POST", "/api/proposals", dict(reversed(a_proposal().items())), Idempotency_Key="k-1")
    assert again.status == 202
    assert again.json["id"] == first.json["id"]


async def test_an_unreadable_key_is_refused(greenlight: Greenlight) -> None:
    """A key that is cut or changed on the way would name another proposal."""
    answer = await greenlight.call("POST", "/api/proposals", a_proposal(), Idempotency_Key="x" * 256)
    assert answer.status == 400


async def test_without_a_key_every_post_is_a_proposal_of_its_own(greenlight: Greenlight) -> None:
    """Two equal proposals may both be meant."""
    first, second = [await greenlight.call("POST", "/api/proposals", a_proposal()) for _ in range(2)]
    assert first.json["id"] != second.json["id"]


async def test_another_systems_proposal_looks_like_none(greenlight: Greenlight) -> None:
    """Whether it exists is nobody else's business."""
    answer = await greenlight.call("POST", "/api/proposals", a_proposal(), x_functions_key="one-system")
    path = f"/api/proposals/{answer.json['id']}"
    assert (await greenlight.call("GET", path, x_functions_key="one-system")).status == 200
    theirs = await greenlight.call("GET", path, x_functions_key="another-system")
    none = await greenlight.call("GET", "/api/proposals/prp-aaaaaaaaaaaaaaaaaaaaaaaaaa", x_functions_key="another-system")
    assert (theirs.status, theirs.text) == (none.status, none.text) == (404, none.text)
    assert (await greenlight.call("POST", f"{path}/withdraw", {}, x_functions_key="another-system")).status == 404


async def test_what_has_not_changed_is_not_sent_again(greenlight: Greenlight) -> None:
    """A system that polls costs a header."""
    proposal = await greenlight.submit()
    path = f"/api/proposals/{proposal.id}"
    first = await greenlight.call("GET", path)
    assert first.headers["Retry-After"] == "300"
    same = await greenlight.call("GET", path, If_None_Match=first.headers["ETag"])
    assert (same.status, same.text) == (304, "")
    await proposal.decide("ann", "approve")
    changed = await greenlight.call("GET", path, If_None_Match=first.headers["ETag"])
    assert changed.status == 200
    assert "Retry-After" not in changed.headers


async def test_the_page_of_a_proposal_is_had_by_accept_and_holds_no_address(greenlight: Greenlight) -> None:
    """The same address serves programs and people."""
    proposal = await greenlight.submit()
    page = await greenlight.call("GET", f"/api/proposals/{proposal.id}", Accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "@example.com" not in page.text
    assert "<form" not in page.text
    head = await greenlight.call("HEAD", f"/api/proposals/{proposal.id}")
    assert (head.status, head.text) == (200, "")


async def test_a_dry_run_tells_who_would_decide_and_stores_nothing(greenlight: Greenlight) -> None:
    """Who would have to approve, by when, and why."""
    greenlight.use(policy(stage("ann"), stage("ben", "cem", "dia", rule="2 of 3", deadline="P2D")))
    answer = await greenlight.call("POST", "/api/proposals?dry_run=true", a_proposal(budget={"amount": "0", "currency": "EUR"}))
    assert answer.status == 200, answer.text
    assert answer.json["policy"] == "standard"
    assert [(each["reviewers"], each["rule"], each["decided_by"]) for each in answer.json["stages"]] == [
        (["Ann"], "all", "2026-12-05T08:00:00Z"),
        (["Ben", "Cem", "Dia"], "2 of 3", "2026-12-07T08:00:00Z"),
    ]
    assert "budget is zero" in answer.json["findings"][0]["message"]
    assert "@" not in answer.text
    assert list(greenlight.host.mailbox.list()) == []


async def test_a_withdrawal_is_recorded_once_and_told_again(greenlight: Greenlight) -> None:
    """Twice is harmless; after another end it says which."""
    proposal = await greenlight.submit()
    path = f"/api/proposals/{proposal.id}/withdraw"
    for _ in range(2):
        answer = await greenlight.call("POST", path, {"reason": "We buy instead."})
        assert (answer.status, answer.json["status"]) == (202, "withdrawn")
    other = await greenlight.submit(title="Another")
    await other.decide("ann", "approve")
    late = await greenlight.call("POST", f"/api/proposals/{other.id}/withdraw")
    assert late.status == 409
    assert "approved" in late.json["detail"]


async def test_a_revision_is_taken_only_when_changes_were_requested(greenlight: Greenlight) -> None:
    """What is being read must not change under the reader's eyes."""
    proposal = await greenlight.submit()
    path = f"/api/proposals/{proposal.id}/revisions"
    early = await greenlight.call("POST", path, a_proposal(summary="Better."))
    assert early.status == 409
    await proposal.decide("ann", "request_changes")
    wrong = await greenlight.call("POST", path, a_proposal(summary=""))
    assert (wrong.status, wrong.json["errors"][0]["pointer"]) == (422, "/summary")
    for _ in range(2):
        answer = await greenlight.call("POST", path, a_proposal(summary="Better."))
        assert answer.status == 202, answer.text
        assert answer.json["round"] == 2


async def test_a_policy_that_cannot_be_used_is_our_fault_and_said_so(greenlight: Greenlight) -> None:
    """A dry run needs a policy; a 5xx means that nothing was half done."""
    (greenlight.host.state_dir.parent / "policy.toml").unlink()
    answer = await greenlight.call("POST", "/api/proposals?dry_run=1", a_proposal())
    assert answer.status == 503
    assert answer.json["type"].endswith("policy-unusable")
