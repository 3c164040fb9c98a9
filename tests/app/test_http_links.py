"""The reviewer's and the submitter's links: the whole table of DESIGN 4, by JSON and by the page's form."""

import re
from html import unescape
from urllib.parse import urlencode

import pytest

from tests.app.greenlight import Answer, Greenlight, Proposal, a_proposal, policy, stage


async def by_form(greenlight: Greenlight, link: str, **fields: str) -> Answer:
    """What a browser does that sends the page's form, hidden field and all."""
    page = await opened(greenlight, link)
    forms = page.text.split("<form")[1:]
    form = next((form for form in forms if f'value="{fields.get("action")}"' in form), forms[0])
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form)
    body = urlencode({**dict(hidden), **fields}).encode()
    answer = await greenlight.call("POST", link, body, Content_Type="application/x-www-form-urlencoded", Accept="text/html")
    await greenlight.host.settle()
    return answer


async def opened(greenlight: Greenlight, link: str) -> Answer:
    """The page of a link."""
    return await greenlight.call("GET", link, Accept="text/html")


def seen(answer: Answer) -> str:
    """What is to read on a page."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


async def test_opening_a_link_decides_nothing_however_often(greenlight: Greenlight) -> None:
    """Mail scanners open every link, and every link behind it (cases, 34)."""
    proposal = await greenlight.submit()
    link = greenlight.link("ann")
    before = await proposal.trail()
    for method in ("GET", "HEAD", "GET"):
        assert (await greenlight.call(method, link, Accept="text/html")).status == 200
    assert (await by_form(greenlight, link)).status == 422
    assert await proposal.trail() == before


async def test_a_decision_by_form_leads_back_to_the_page_that_keeps_saying_it(greenlight: Greenlight) -> None:
    """People bookmark the confirmation, and come back to it after days."""
    await greenlight.submit()
    link = greenlight.link("ann")
    answer = await by_form(greenlight, link, action="approve", comment="Good.")
    assert answer.status == 303
    assert link.endswith(answer.headers["Location"])
    for _ in range(2):
        page = await opened(greenlight, link)
        assert page.status == 200
        assert "You approved this Mon 30 Nov 2026, 08:00 UTC" in seen(page)
        assert "settled: approved" in seen(page)
        assert "<form" not in page.text
        await greenlight.advance("P20D")


async def test_the_same_decision_again_is_the_same_answer_and_another_is_not(greenlight: Greenlight) -> None:
    """Pressed twice is told what stands; a changed mind is told that it does (cases, 7)."""
    greenlight.use(policy(stage("ann", "ben", "cem", rule="2 of 3", veto=False)))
    proposal = await greenlight.submit()
    link = greenlight.link("ann")
    assert (await proposal.decide_at(link, "reject", "No.")).status == 200
    other = await proposal.decide_at(link, "approve")
    assert other.status == 409
    assert "You rejected this on 30 Nov 2026" in other.json["detail"]
    page = await greenlight.call("POST", link, b"action=approve", Content_Type="application/x-www-form-urlencoded", Accept="text/html")
    assert page.status == 409
    assert "You rejected this" in seen(page)
    assert "unchanged" in seen(page)
    again = await proposal.decide_at(link, "reject", "No.")
    assert (again.status, again.json["repeated"]) == (200, True)
    assert [kind for kind, _ in await proposal.told()].count("decided") == 1


async def test_a_recorded_decision_says_how_many_more_it_waits_for(greenlight: Greenlight) -> None:
    """The answer is what stands, and what happens next."""
    greenlight.use(policy(stage("ann", "ben", "cem", rule="all")))
    proposal = await greenlight.submit()
    answer = await proposal.decide("ann", "approve")
    assert answer.json["recorded"] == {"action": "approve", "at": "2026-11-30T08:00:00Z", "comment": "because"}
    assert "It waits for 2 more approvals." in answer.json["message"]


async def settled(greenlight: Greenlight, proposal: Proposal) -> str:
    await proposal.decide("ben", "approve")
    return "Settled without you: Ben approved"


async def expired(greenlight: Greenlight, proposal: Proposal) -> str:
    await greenlight.advance("P6D")
    return "The deadline passed"


async def withdrawn(greenlight: Greenlight, proposal: Proposal) -> str:
    await greenlight.call("POST", f"/api/proposals/{proposal.id}/withdraw", {})
    return "The submitter withdrew"


async def revised(greenlight: Greenlight, proposal: Proposal) -> str:
    await proposal.decide("ben", "request_changes")
    await greenlight.call("POST", f"/api/proposals/{proposal.id}/revisions", a_proposal(summary="Better."))
    return "revised since"


async def reassigned(greenlight: Greenlight, proposal: Proposal) -> str:
    answer = await greenlight.operate(proposal.id, "reassign", slot="r1s1p1", to="Cem", reason="Ann is away.")
    assert answer.status == 200, answer.text
    return "handed on to Cem"


async def cancelled(greenlight: Greenlight, proposal: Proposal) -> str:
    await greenlight.operate(proposal.id, "cancel", reason="No money.")
    return "cancelled"


@pytest.mark.parametrize("close", [settled, expired, withdrawn, revised, reassigned, cancelled])
async def test_a_link_that_decides_no_more_answers_410_and_says_which_and_when(greenlight: Greenlight, close: object) -> None:
    """By GET, by form and by JSON, alike."""
    greenlight.use(policy(stage("ann", "ben", rule="any")))
    proposal = await greenlight.submit()
    link = greenlight.link("ann")
    assert callable(close)
    words = await close(greenlight, proposal)
    await greenlight.host.settle()
    before = await proposal.trail()
    answers = [
        await opened(greenlight, link),
        await greenlight.call("POST", link, b"action=approve", Content_Type="application/x-www-form-urlencoded", Accept="text/html"),
        await greenlight.call("POST", link, {"action": "approve"}),
    ]
    for answer in answers:
        assert answer.status == 410, answer.text
        assert words in (answer.json["detail"] if answer is answers[2] else seen(answer))
    assert "<form" not in answers[0].text
    assert await proposal.trail() == before


async def test_where_the_policy_hides_the_others_no_name_is_told(greenlight: Greenlight) -> None:
    """Not on the page, not in its JSON, not in a refusal (cases, 63)."""
    greenlight.use(policy(stage("ann", "ben", rule="any", show_others=False)))
    proposal = await greenlight.submit()
    link = greenlight.link("ann")
    assert "Ben" not in (await opened(greenlight, link)).text
    await proposal.decide("ben", "approve")
    for answer in (await opened(greenlight, link), await greenlight.call("GET", link), await proposal.decide_at(link, "approve")):
        assert answer.status == 410
        assert "Ben" not in answer.text


async def test_on_hold_the_link_says_so_and_works_again_afterwards(greenlight: Greenlight) -> None:
    """Nothing is lost by a hold."""
    proposal = await greenlight.submit()
    link = greenlight.link("ann")
    await greenlight.operate(proposal.id, "suspend", reason="Waiting for the council.")
    held = await proposal.decide_at(link, "approve")
    assert held.status == 409
    assert "On hold since 30 Nov 2026" in held.json["detail"]
    page = await opened(greenlight, link)
    assert page.status == 200
    assert "On hold" in seen(page)
    assert "<form" not in page.text
    await greenlight.operate(proposal.id, "resume", reason="Agreed.")
    assert (await proposal.decide_at(link, "approve")).status == 200


async def test_what_is_refused_uses_nothing_up_and_keeps_what_was_written(greenlight: Greenlight) -> None:
    """The same page, the words above and beside the field, the choice and the comment still there."""
    proposal = await greenlight.submit()
    link = greenlight.link("ann")
    long = "Nein! " * 1_000
    page = await by_form(greenlight, link, action="reject", comment=long)
    assert page.status == 422
    assert "<title>Error: " in page.text
    assert page.text.index("There is a problem") < page.text.index("<h1>")
    assert 'href="#comment"' in page.text
    assert "4,000 characters" in seen(page)
    assert long.strip() in page.text
    assert re.search(r'value="reject"[^>]* checked', page.text)
    for body, where in [
        ({"action": "reject", "comment": ""}, "/comment"),
        ({"action": "delegate"}, "/to"),
        ({"action": "delegate", "to": "nobody at all"}, "/to"),
        ({"action": "delegate", "to": "eve@example.net"}, "/to"),
        ({"action": "delegate", "to": "SAM+x@example.com"}, "/to"),
        ({"action": "fly"}, "/action"),
        ({"action": "approve", "urgent": True}, "/urgent"),
        ({"action": "approve", "content_hash": "0" * 64}, "/content_hash"),
    ]:
        answer = await greenlight.call("POST", link, body)
        assert answer.status == 422, answer.text
        assert [error["pointer"] for error in answer.json["errors"]] == [where]
    assert (await proposal.decide_at(link, "approve")).status == 200


async def test_a_decision_handed_over_is_told_to_whom(greenlight: Greenlight) -> None:
    """By name of the directory; the new holder has a link of their own."""
    proposal = await greenlight.submit()
    link = greenlight.link("ann")
    answer = await by_form(greenlight, link, action="delegate", to="Dia", comment="You know roofs.")
    assert answer.status == 303
    page = await opened(greenlight, link)
    assert page.status == 200
    assert "Dia is asked in your place" in seen(page)
    assert (await proposal.decide_at(link, "approve")).status == 410
    assert (await proposal.decide("dia", "approve")).status == 200


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: t + "x", lambda t: t.replace(".r1", ".r2"), lambda t: t[4:], lambda t: t[:4], str.upper]
)
async def test_a_forged_or_shortened_link_is_none(greenlight: Greenlight, change: object) -> None:
    """404, in words for people, and no hint of what would fit."""
    await greenlight.submit()
    head, _, token = greenlight.link("ann").rpartition("/")
    assert callable(change)
    for method in ("GET", "POST"):
        answer = await greenlight.call(method, f"{head}/{change(token)}", {"action": "approve"} if method == "POST" else None)
        assert answer.status == 404, answer.text
        assert "not a valid link" in answer.json["detail"]
    submission = greenlight.link("sam").rpartition("/")[2]
    assert (await greenlight.call("GET", f"{head}/{submission}")).status == 404


async def test_the_page_shows_what_changed_since_the_last_round(greenlight: Greenlight) -> None:
    """Whoever has read it once reads what is new."""
    proposal = await greenlight.submit()
    await proposal.decide("ann", "request_changes", "What does it carry?")
    page = await by_form(
        greenlight, greenlight.link("sam"), action="revise", title="Solar roof, Hall 4", summary="Panels on the north roof.",
        department="facilities", category="building", amount="13000.00", currency="eur", needed_by="", links="https://example.com/a",
    )  # fmt: skip
    assert page.status == 303, seen(page)
    text = (await opened(greenlight, greenlight.link("ann"))).text
    assert "What changed since round 1" in text
    assert "<del>south</del><ins>north</ins>" in text
    assert "<del>12,500.00</del><ins>13,000.00</ins>" in text
    assert "What does it carry?" in text


async def test_the_submitter_answers_and_withdraws_by_their_page(greenlight: Greenlight) -> None:
    """The form holds what was sent; what is wrong with it is told there; nothing is lost."""
    proposal = await greenlight.submit(details={"vendor": "Helio"})
    link = greenlight.link("sam")
    assert "Answer with a revision" not in (await opened(greenlight, link)).text
    await proposal.decide("ann", "request_changes", "What does it carry?")
    page = await opened(greenlight, link)
    assert "What does it carry?" in page.text
    assert 'value="Solar roof, Hall 3"' in page.text
    wrong = await by_form(
        greenlight, link, action="revise", title="Roof", summary="", department="f", category="b", amount="1,5", currency="EUR"
    )
    assert wrong.status == 422
    assert 'href="#amount"' in wrong.text
    assert 'href="#summary"' in wrong.text
    assert 'value="1,5"' in wrong.text
    assert (await by_form(greenlight, link, action="withdraw", reason="We buy instead.")).status == 303
    assert "Withdrawn" in seen(await opened(greenlight, link))
    late = await greenlight.call("POST", link, {"action": "revise", "revision": a_proposal()})
    assert late.status == 409


async def test_an_old_form_cannot_decide_a_revision(greenlight: Greenlight) -> None:
    """The decision is on what the page showed (cases, 57)."""
    greenlight.use(policy(stage("ann", "ben", rule="any")))
    proposal = await greenlight.submit()
    old = greenlight.link("ann")
    shown = (await greenlight.call("GET", old)).json["content_hash"]
    await proposal.decide("ben", "request_changes")
    await greenlight.call("POST", f"/api/proposals/{proposal.id}/revisions", a_proposal(summary="Better."))
    await greenlight.host.settle()
    assert (await proposal.decide_at(old, "approve", content_hash=shown)).status == 410
    new = greenlight.link("ann")
    assert (await proposal.decide_at(new, "approve", content_hash=shown)).status == 422
    body = f"action=approve&content_hash={shown}".encode()
    page = await greenlight.call("POST", new, body, Content_Type="application/x-www-form-urlencoded", Accept="text/html")
    assert page.status == 422
    assert "another version" in seen(page)
    assert 'href="#action"' in page.text
    assert (await proposal.status())["status"] == "in_review"


async def test_a_page_runs_nothing_calls_nobody_and_is_kept_by_nobody(greenlight: Greenlight) -> None:
    """A capability in an address leaks by caches, referrers, frames and scripts."""
    await greenlight.submit(
        title="<script>alert(1)</script>", summary="<img src=x onerror=alert(1)> ![x](https://example.net/x.png) [a](javascript:b)"
    )
    for person in ("ann", "sam"):
        page = await opened(greenlight, greenlight.link(person))
        policy_header = page.headers["Content-Security-Policy"]
        assert "script-src 'none'" in policy_header
        assert "frame-ancestors 'none'" in policy_header
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert "<script" not in page.text
        assert "<img" not in page.text
        tags = " ".join(re.findall(r"<[a-z][^>]*>", page.text))
        assert not re.search(r"javascript:|\son\w+=|style=|\ssrc=", tags)
        assert page.text.count("<h1") == 1


async def test_the_style_sheet_is_kept_for_a_year_under_a_name_of_its_content(greenlight: Greenlight) -> None:
    """Two requests make a page; the second is made once."""
    await greenlight.submit()
    page = await opened(greenlight, greenlight.link("ann"))
    found = re.search(r'href="\.\./static/([^"]+)"', page.text)
    assert found is not None
    sheet = await greenlight.call("GET", f"/api/static/{found[1]}")
    assert sheet.headers["Content-Type"].startswith("text/css")
    assert "immutable" in sheet.headers["Cache-Control"]
    assert (await greenlight.call("GET", "/api/static/greenlight.000.css")).headers["Cache-Control"] == "no-cache"
    assert (await greenlight.call("GET", "/api/static/passwd")).status == 404
