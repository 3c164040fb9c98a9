"""Two at once: every answer that somebody gets is what stands in the trail."""

import asyncio
from datetime import datetime, timedelta

import pytest

from tests.app.greenlight import OPERATOR, Answer, Greenlight, a_proposal, policy, stage

ROUNDS = 25


async def at_once(*calls: "asyncio.Future[Answer] | asyncio.Task[Answer]") -> list[int]:
    """The codes of calls that are under way together."""
    return [answer.status for answer in await asyncio.gather(*calls)]


def post(greenlight: Greenlight, link: str, action: str, **fields: str) -> "asyncio.Task[Answer]":
    """A decision on its way."""
    return asyncio.ensure_future(greenlight.call("POST", link, {"action": action, "comment": "because", **fields}))


async def decisions(proposal_trail: list[dict[str, object]]) -> int:
    """How many decisions the trail holds."""
    return sum(1 for fact in proposal_trail if fact["kind"] == "decided")


async def test_both_votes_count_when_all_must_agree_and_press_together(greenlight: Greenlight) -> None:
    """Elsewhere each saw one of two votes, and the task hung for ever (case 5)."""
    greenlight.use(policy(stage("ann", "ben"), stage("cem")))
    for _ in range(ROUNDS):
        proposal = await greenlight.submit()
        codes = await at_once(*(post(greenlight, greenlight.link(person), "approve") for person in ("ann", "ben")))
        await greenlight.host.settle()
        assert codes == [200, 200]
        assert await proposal.waits_on() == ["Cem"]
        told = [kind for kind, _ in await proposal.told()]
        assert (told.count("decided"), told.count("stage_opened")) == (2, 2)
        numbers = [fact["number"] for fact in await proposal.trail()]
        assert numbers == list(range(1, len(numbers) + 1))
    assert len(greenlight.mails_to("cem")) == ROUNDS, "one mail for each second stage"


async def test_of_two_who_each_suffice_one_settles_and_the_other_is_told_so(greenlight: Greenlight) -> None:
    """`any`: the next step must not be created twice (case 5)."""
    greenlight.use(policy(stage("ann", "ben", rule="any"), stage("cem")))
    for _ in range(ROUNDS):
        proposal = await greenlight.submit()
        codes = await at_once(*(post(greenlight, greenlight.link(person), "approve") for person in ("ann", "ben")))
        await greenlight.host.settle()
        assert sorted(codes) == [200, 410]
        assert await decisions(await proposal.trail()) == 1
    assert len(greenlight.mails_to("cem")) == ROUNDS


async def test_one_link_pressed_twice_with_different_decisions_counts_once(greenlight: Greenlight) -> None:
    """And whoever was second is told what stands."""
    for _ in range(ROUNDS):
        proposal = await greenlight.submit()
        link = greenlight.link("ann")
        codes = await at_once(post(greenlight, link, "approve"), post(greenlight, link, "reject"))
        await greenlight.host.settle()
        assert sorted(codes) == [200, 409]
        outcome = (await proposal.status())["decision"]["outcome"]
        assert outcome == ("approved" if codes[0] == 200 else "rejected")


async def test_the_same_proposal_posted_ten_times_at_once_is_one(greenlight: Greenlight) -> None:
    """With an Idempotency-Key every answer is the first one; with another body it is refused."""
    for number in range(5):
        key = f"key-{number}"
        calls = [greenlight.call("POST", "/api/proposals", a_proposal(), Idempotency_Key=key) for _ in range(10)]
        answers = await asyncio.gather(*calls)
        assert {answer.status for answer in answers} == {202}
        assert len({answer.text for answer in answers}) == 1
        other = await greenlight.call("POST", "/api/proposals", a_proposal(title="Another"), Idempotency_Key=key)
        assert other.status == 409
    await greenlight.host.settle()
    assert len(greenlight.mails_to("ann")) == 5


async def test_a_decision_while_the_reminders_go_out_is_kept(greenlight: Greenlight) -> None:
    """An event that comes while an activity runs is not lost."""
    greenlight.use(policy(stage("ann", "ben", reminders=["P1D"])))
    proposal = await greenlight.submit()
    greenlight.host.clock.move_to(greenlight.now() + timedelta(days=1, seconds=1))
    codes = await at_once(post(greenlight, greenlight.link("ann"), "approve"), post(greenlight, greenlight.link("ben"), "approve"))
    await greenlight.host.settle()
    assert codes == [200, 200]
    assert (await proposal.status())["status"] == "approved"


async def test_two_operators_at_once_do_not_overwrite_each_other(greenlight: Greenlight) -> None:
    """With If-Match the second is told so; without, it is judged on what stands (case 48)."""
    proposal = await greenlight.submit()
    seen = await greenlight.call("GET", f"/api/operations/proposals/{proposal.id}", **OPERATOR)
    etag = seen.headers["ETag"]
    assert etag[0] == etag[-1] == '"', "quoted, as RFC 9110 has it"
    path = f"/api/operations/proposals/{proposal.id}/extend"
    friday, monday = ({"until": (greenlight.now() + timedelta(days=days)).isoformat(), "reason": "holidays"} for days in (8, 12))
    first, second = await asyncio.gather(
        greenlight.call("POST", path, friday, If_Match=etag, **OPERATOR), greenlight.call("POST", path, monday, If_Match=etag, **OPERATOR)
    )
    assert sorted([first.status, second.status]) == [200, 412]

    slot = "r1s1p1"
    reassign = f"/api/operations/proposals/{proposal.id}/reassign"
    one, other = await asyncio.gather(
        greenlight.call("POST", reassign, {"slot": slot, "to": "ben", "reason": "ill"}, **OPERATOR),
        greenlight.call("POST", reassign, {"slot": slot, "to": "cem", "reason": "ill"}, **OPERATOR),
    )
    assert sorted([one.status, other.status]) == [200, 409]
    await greenlight.host.settle()
    assert len(await proposal.waits_on()) == 1


@pytest.mark.parametrize(("milliseconds", "code", "outcome"), [(-1, 200, "approved"), (0, 410, "expired"), (1, 410, "expired")])
async def test_a_millisecond_decides_and_not_the_timer(greenlight: Greenlight, milliseconds: int, code: int, outcome: str) -> None:
    """The timer has not fired yet in any of these: it is only an alarm clock."""
    greenlight.use(policy(stage("ann", deadline="PT1H")))
    proposal = await greenlight.submit()
    deadline = datetime.fromisoformat((await proposal.status())["stage"]["deadline"])
    link = greenlight.link("ann")
    greenlight.host.clock.move_to(deadline + timedelta(milliseconds=milliseconds))
    answer = await greenlight.call("POST", link, {"action": "approve"})
    assert answer.status == code
    await greenlight.advance("PT2S")
    assert (await proposal.status())["decision"]["outcome"] == outcome


async def test_a_link_used_late_says_by_whom_and_when_it_was_settled(greenlight: Greenlight) -> None:
    """After the end, after a withdrawal, after a revision: each its own sentence, and nothing changes."""
    greenlight.use(policy(stage("ann", "ben", rule="any")))
    await greenlight.submit()
    late = greenlight.link("ben")
    assert (await greenlight.call("POST", greenlight.link("ann"), {"action": "approve"})).status == 200
    answer = await greenlight.call("POST", late, {"action": "reject", "comment": "no"})
    assert answer.status == 410
    assert "Ann approved" in answer.text
    page = await greenlight.call("GET", late, Accept="text/html")
    assert page.status in (200, 410)
    assert "Ann approved" in page.text


async def test_looking_at_a_link_a_hundred_times_decides_nothing(greenlight: Greenlight) -> None:
    """Mail scanners open everything, with GET and HEAD; an empty form uses nothing up (case 34)."""
    proposal = await greenlight.submit()
    link = greenlight.link("ann")
    before = len(await proposal.trail())
    for _ in range(20):
        assert (await greenlight.call("GET", link, Accept="text/html")).status == 200
        assert (await greenlight.call("HEAD", link)).status == 200
    empty = await greenlight.call("POST", link, b"", Content_Type="application/x-www-form-urlencoded", Accept="text/html")
    assert empty.status == 422
    assert len(await proposal.trail()) == before
    assert (await proposal.decide("ann", "approve")).status == 200
