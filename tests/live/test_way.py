"""The way of a proposal on a running Functions host, from POST to the last mail: by HTTP and mail alone, with deadlines of seconds."""

import asyncio

from tests.live.greenlight import SAM, Greenlight, empty_looks, looks, proposal_body, told_is_trail

ANA, BEN, CEM, DEE, MIA = (f"{name}@live.example" for name in ("ana", "ben", "cem", "dee", "mia"))
SUBMITTER = str(SAM["email"])


async def test_a_posted_proposal_is_approved_by_mail_and_the_submitter_is_told(greenlight: Greenlight) -> None:
    """The main promise, whole: nothing but a POST, a mail, its link, a decision, a mail."""
    proposal = await greenlight.submit("solo")
    assert set(proposal.first_answer) == {"id", "status", "links"}

    assert (await proposal.until("in_review"))["reviewers"][0]["state"] == "open"
    answer = await proposal.decides(ANA, "approve")
    assert answer.status == 200, answer

    document = await proposal.until("approved")
    assert document["decision"]["outcome"] == "approved"
    assert "approved" in (await proposal.letter(SUBMITTER, "approved")).text
    await told_is_trail(proposal)


async def test_a_silent_reviewer_is_reminded_and_then_the_proposal_expires(greenlight: Greenlight) -> None:
    """Time alone must carry a proposal to its end, in the order that the policy says, with nobody looking."""
    proposal = await greenlight.submit("brief")
    asked = await proposal.letter(ANA, "/review/")

    reminder = await proposal.letter(ANA, "/review/", number=2)
    assert reminder.link() == asked.link()
    assert reminder.received_at - asked.received_at > 2
    await proposal.letter(SUBMITTER, "expired")

    kinds = await proposal.kinds()
    assert kinds.index("reminded") < kinds.index("stage_expired") < kinds.index("concluded")
    late = await proposal.decides(ANA, "approve")
    assert late.status == 410, late
    await told_is_trail(proposal)


async def test_no_timer_wakes_an_approval_for_nothing(greenlight: Greenlight) -> None:
    """The real engine's timers fire up to a second early, by whole seconds (durable.md A4): so they begin in different parts of one."""
    proposals = []
    for _ in range(5):
        proposals.append(await greenlight.submit("brief"))
        await asyncio.sleep(0.19)
    for proposal in proposals:
        await proposal.letter(SUBMITTER, "expired")
        instance = await greenlight.instance(proposal.id, history=True)
        assert instance is not None
        assert len(looks(instance)) >= 4  # what it is, whom to ask, the reminder, the end
        assert empty_looks(instance) == []


async def test_when_nobody_answers_in_time_the_escalation_is_asked_and_may_decide(greenlight: Greenlight) -> None:
    """Silence must not stop a proposal."""
    proposal = await greenlight.submit("escalating")
    assert (await proposal.decides(MIA, "approve")).status == 200
    await proposal.until("approved")
    assert "escalated" in await proposal.kinds()
    await told_is_trail(proposal)


async def test_the_second_stage_is_asked_when_the_first_is_through(greenlight: Greenlight) -> None:
    """Stages come in order: nobody is bothered before it is their turn."""
    proposal = await greenlight.submit("two-stages")
    await proposal.letter(ANA, "/review/")
    assert greenlight.mailbox.to(DEE, proposal.title) == []

    for address in (ANA, BEN):  # two of three
        assert (await proposal.decides(address, "approve")).status == 200
    closed = await proposal.decides(CEM, "approve")
    assert closed.status == 410, closed

    assert (await proposal.decides(DEE, "approve")).status == 200
    document = await proposal.until("approved")
    assert document["decision"]["outcome"] == "approved"
    await told_is_trail(proposal)


async def test_a_reviewer_hands_the_turn_to_a_colleague(greenlight: Greenlight) -> None:
    """The old link says so and decides no more; the colleague's does."""
    proposal = await greenlight.submit("solo")
    for _ in range(2):  # pressing twice is no error
        assert (await proposal.decides(ANA, "delegate", to=BEN)).status == 200
    assert (await proposal.decides(BEN, "approve")).status == 200
    gone = await proposal.decides(ANA, "approve")
    assert gone.status == 410, gone
    await proposal.until("approved")
    await told_is_trail(proposal)


async def test_requested_changes_come_back_as_a_revision_and_are_asked_anew(greenlight: Greenlight) -> None:
    """A decision is on the revision that the page showed: no link of the first round may decide the second."""
    proposal = await greenlight.submit("any")
    first, others = [(await proposal.letter(address, "/review/")).link() for address in (ANA, BEN)]
    assert (await proposal.decided_at(first, "request_changes", "Please add the roof's load.")).status == 200
    await proposal.until("changes_requested")
    await proposal.letter(SUBMITTER, "Please add the roof's load.")

    revision = proposal_body("any", title=proposal.title, summary="Photovoltaics; the roof carries 60 kg/m².")
    answer = await greenlight.call("POST", f"/api/proposals/{proposal.id}/revisions", revision, **greenlight.headers)
    assert answer.status == 202, answer

    second = (await proposal.letter(ANA, "/review/", number=2)).link()
    assert second != first
    assert (await proposal.decided_at(others, "approve")).status == 410  # revised
    assert (await proposal.decided_at(first, "approve")).status == 409  # decided already, otherwise
    assert (await proposal.decided_at(second, "approve")).status == 200
    assert (await proposal.until("approved"))["round"] == 2
    await told_is_trail(proposal)


async def test_a_withdrawn_proposal_asks_nobody_any_more(greenlight: Greenlight) -> None:
    """The submitter's word ends it at once; a link that is pressed later says so."""
    proposal = await greenlight.submit("solo")
    link = (await proposal.letter(ANA, "/review/")).link()
    answer = await greenlight.call("POST", f"/api/proposals/{proposal.id}/withdraw", {"reason": "We buy instead."}, **greenlight.headers)
    assert answer.status == 202, answer
    await proposal.until("withdrawn")
    assert (await proposal.decided_at(link, "approve")).status == 410
    await proposal.letter(ANA, "Nothing more is needed")
    await told_is_trail(proposal)


async def test_the_same_post_twice_is_one_proposal(greenlight: Greenlight) -> None:
    """A caller whose connection broke sends again, maybe while the first is still under way."""
    body = proposal_body("solo")
    key = {"Idempotency_Key": body["title"].replace(" ", "-"), **greenlight.headers}
    first, second = await asyncio.gather(*(greenlight.call("POST", "/api/proposals", body, **key) for _ in range(2)))
    assert first.status == second.status == 202, (first, second)
    assert first.json()["id"] == second.json()["id"]

    other = await greenlight.call("POST", "/api/proposals", {**body, "title": "Another"}, **key)
    assert other.status == 409, other
    await greenlight.mailbox.wait_for(ANA, body["title"], "/review/")
    await asyncio.sleep(1)
    assert len(greenlight.mailbox.to(ANA, body["title"])) == 1


async def test_a_mailbox_that_does_not_exist_is_told_and_the_fallback_is_asked(greenlight: Greenlight) -> None:
    """A wrong address must not stop a proposal, nor be passed over in silence."""
    greenlight.mailbox.refused.add("gil@live.example")
    proposal = await greenlight.submit("unreachable")
    assert (await proposal.decides(MIA, "approve")).status == 200
    await proposal.until("approved")
    kinds = await proposal.kinds()
    assert kinds.index("mail_failed") < kinds.index("handed_on")
    await told_is_trail(proposal)
