"""What operators are promised: the list, the trail, and acts whose answer is what stands. Roles are kept."""

import asyncio
import base64
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.app.greenlight import OPERATOR, Greenlight, policy, running, stage


async def test_without_a_key_or_a_sign_in_nothing_is_told(greenlight: Greenlight) -> None:
    """These routes show everybody's proposals and end them."""
    proposal = await greenlight.submit()
    for path in ("", f"/{proposal.id}", f"/{proposal.id}/audit"):
        answer = await greenlight.call("GET", f"/api/operations/proposals{path}")
        assert answer.status == 401
        assert "WWW-Authenticate" in answer.headers
        wrong = await greenlight.call("GET", f"/api/operations/proposals{path}", X_Operator_Key="guess", X_Operator="eve@example.com")
        assert wrong.status == 401
    assert (await greenlight.call("POST", f"/api/operations/proposals/{proposal.id}/cancel", {"reason": "x"})).status == 401
    forged = base64.b64encode(json.dumps({"claims": [{"typ": "roles", "val": "operator"}, {"typ": "email", "val": "e@x.io"}]}).encode())
    answer = await greenlight.call("GET", "/api/operations/proposals", X_MS_CLIENT_PRINCIPAL=forged.decode())
    assert answer.status == 401


async def test_an_act_needs_a_name_and_the_trail_marks_it_as_claimed(greenlight: Greenlight) -> None:
    """A key says that somebody may, not who they are."""
    proposal = await greenlight.submit()
    path = f"/api/operations/proposals/{proposal.id}/cancel"
    nameless = await greenlight.call("POST", path, {"reason": "No money."}, X_Operator_Key=OPERATOR["X-Operator-Key"])
    assert nameless.status == 400
    assert (await greenlight.operate(proposal.id, "cancel", reason="No money.")).status == 200
    fact = next(fact for fact in await proposal.trail() if fact["kind"] == "cancelled")
    assert fact["author"] == {"name": "olga@example.com (claimed, key development)", "email": "olga@example.com"}
    assert fact["role"] == "operator"


KEYS = json.dumps(
    {
        "desk": {"role": "reader", "key": "r" * 20},
        "audit": {"role": "auditor", "key": "a" * 20},
        "ops": {"role": "operator", "key": "o" * 20},
    }
)


async def test_readers_and_auditors_read_and_operators_act(tmp_path: Path) -> None:
    """A role of less can do less."""
    async with running(tmp_path, GREENLIGHT_OPERATOR_KEYS=KEYS) as greenlight:
        proposal = await greenlight.submit()
        path = f"/api/operations/proposals/{proposal.id}"
        for key, status in (("r" * 20, 403), ("a" * 20, 403), ("o" * 20, 200)):
            headers = {"X_Operator_Key": key, "X_Operator": "olga@example.com"}
            assert (await greenlight.call("GET", f"{path}/audit", **headers)).status == 200
            assert (await greenlight.call("POST", f"{path}/suspend", {"reason": "Wait."}, **headers)).status == status
        known = await greenlight.call("GET", path, X_Operator_Key=OPERATOR["X-Operator-Key"])
        assert known.status == 401, "the development key must not open what has keys of its own"


def principal(email: str, *roles: str) -> str:
    """The header of App Service authentication."""
    claims = [
        {"typ": "name", "val": "Olga Orlow"},
        {"typ": "preferred_username", "val": email},
        *({"typ": "roles", "val": role} for role in roles),
    ]
    return base64.b64encode(json.dumps({"auth_typ": "aad", "claims": claims, "name_typ": "name", "role_typ": "roles"}).encode()).decode()


async def test_a_signed_in_person_acts_under_their_own_name_and_only_from_our_pages(tmp_path: Path) -> None:
    """A browser sends the sign-in with every site's forms."""
    async with running(tmp_path, GREENLIGHT_EASY_AUTH="true") as greenlight:
        sam = {"X_MS_CLIENT_PRINCIPAL": principal("sam@example.com")}
        answer = await greenlight.call("POST", "/api/proposals", (await dry(greenlight)), **sam)
        assert answer.status == 202, answer.text
        await greenlight.host.settle()
        path = f"/api/operations/proposals/{answer.json['id']}"
        assert (await greenlight.call("GET", path, **sam)).status == 403
        olga = {"X_MS_CLIENT_PRINCIPAL": principal("olga@example.com", "operator")}
        foreign = await greenlight.call("POST", f"{path}/cancel", {"reason": "x"}, **olga, Sec_Fetch_Site="cross-site")
        assert foreign.status == 403
        broken = await greenlight.call("GET", path, X_MS_CLIENT_PRINCIPAL="{}")
        assert broken.status == 401
        link = greenlight.link("ann")
        other = await greenlight.call("POST", link, {"action": "approve"}, **olga)
        assert other.status == 403
        assert "This link is for Ann" in other.json["detail"]
        assert "@" not in other.json["detail"]
        done = await greenlight.call("POST", f"{path}/cancel", {"reason": "No money."}, **olga, Sec_Fetch_Site="same-origin")
        assert (done.status, done.json["status"]) == (200, "cancelled")
        trail = await greenlight.call("GET", f"{path}/audit", **olga)
        assert trail.json["facts"][-2]["author"]["name"] == "Olga Orlow"


async def dry(greenlight: Greenlight) -> dict[str, Any]:
    """A proposal's body, as Sam's."""
    from tests.app.greenlight import a_proposal

    return a_proposal()


async def test_who_read_an_older_state_is_told_and_changes_nothing(greenlight: Greenlight) -> None:
    """Two operators who read the same page must not undo each other (cases, 48)."""
    proposal = await greenlight.submit()
    path = f"/api/operations/proposals/{proposal.id}"
    read = await greenlight.call("GET", path, **OPERATOR)
    friday = {"until": "2026-12-11T17:00:00Z", "reason": "Holidays."}
    first = await greenlight.call("POST", f"{path}/extend", friday, **OPERATOR, If_Match=read.headers["ETag"])
    assert first.status == 200, first.text
    assert first.json["stage"]["deadline"] == "2026-12-11T17:00:00Z"
    wednesday = {"until": "2026-12-16T17:00:00Z", "reason": "Later."}
    second = await greenlight.call("POST", f"{path}/extend", wednesday, **OPERATOR, If_Match=read.headers["ETag"])
    assert second.status == 412
    assert second.headers["ETag"] == first.headers["ETag"]
    earlier = await greenlight.call("POST", f"{path}/extend", {**friday, "until": "2026-12-08T17:00:00Z"}, **OPERATOR, If_Match="*")
    assert earlier.status == 422
    assert (await greenlight.call("POST", f"{path}/extend", wednesday, **OPERATOR, If_Match=first.headers["ETag"])).status == 200


async def test_of_two_who_reassign_one_slot_one_is_told_no(greenlight: Greenlight) -> None:
    """One outcome, and the other learns which."""
    proposal = await greenlight.submit()
    answers = await asyncio.gather(
        *(greenlight.operate(proposal.id, "reassign", slot="r1s1p1", to=to, reason="Ann is away.") for to in ("ben@example.com", "Cem"))
    )
    assert sorted(answer.status for answer in answers) == [200, 409]
    await greenlight.host.settle()
    assert len(await proposal.waits_on()) == 1


@pytest.mark.parametrize(
    ("action", "body", "where"),
    [
        ("cancel", {}, "/reason"),
        ("cancel", {"reason": "  "}, "/reason"),
        ("suspend", {"reason": "x", "until": "2026"}, "/until"),
        ("extend", {"until": "2026-12-11T17:00:00", "reason": "x"}, "/until"),
        ("extend", {"until": "tomorrow", "reason": "x"}, "/until"),
        ("reassign", {"slot": "r1s1p1", "to": "nobody at all", "reason": "x"}, "/to"),
        ("reassign", {"slot": "r9s9p9", "to": "Ben", "reason": "x"}, "/slot"),
        ("add", {"stage": "0", "to": "Ben", "reason": "x"}, "/stage"),
        ("override", {"outcome": "maybe", "reason": "x"}, "/outcome"),
    ],
)
async def test_a_field_of_an_act_that_does_not_fit_is_named(greenlight: Greenlight, action: str, body: dict[str, Any], where: str) -> None:
    """And the proposal is as it was."""
    proposal = await greenlight.submit()
    before = await proposal.trail()
    answer = await greenlight.operate(proposal.id, action, **body)
    assert answer.status == 422, answer.text
    assert [error["pointer"] for error in answer.json["errors"]] == [where]
    assert await proposal.trail() == before


async def test_every_act_answers_the_status_document_as_it_stands_then(greenlight: Greenlight) -> None:
    """Nothing is 'received, maybe'."""
    greenlight.use(policy(stage("ann", "ben")))
    proposal = await greenlight.submit()
    assert (await greenlight.operate(proposal.id, "suspend", reason="Wait.")).json["on_hold"]["reason"] == "Wait."
    assert (await greenlight.operate(proposal.id, "suspend", reason="Wait.")).status == 409
    assert (await greenlight.operate(proposal.id, "resume", reason="Go on.")).json["on_hold"] is None
    assert len((await greenlight.operate(proposal.id, "add", stage=0, to="Cem", reason="Knows roofs.")).json["reviewers"]) == 3
    assert (await greenlight.operate(proposal.id, "remind")).status == 409, "nobody is reminded within the hour"
    await greenlight.advance("PT2H")
    assert (await greenlight.operate(proposal.id, "remind", slot="r1s1p1")).status == 200
    await greenlight.host.settle()
    assert greenlight.mails_to("ann")[0].text.startswith("A reminder")
    assert (await greenlight.operate(proposal.id, "retry")).status == 200
    assert (await greenlight.operate(proposal.id, "fly", reason="x")).status == 404
    done = await greenlight.operate(proposal.id, "override", outcome="approved", reason="The board decided.")
    assert "Override by the operator" in done.json["decision"]["reasons"][0]
    assert (await greenlight.operate(proposal.id, "cancel", reason="x")).status == 409
    assert (await greenlight.operate("prp-aaaaaaaaaaaaaaaaaaaaaaaaaa", "cancel", reason="x")).status == 404


async def test_an_operator_may_not_decide_their_own_proposal(greenlight: Greenlight) -> None:
    """By whatever way (DESIGN 5)."""
    proposal = await greenlight.submit(submitter={"name": "Olga", "email": "Olga+roof@example.com"})
    answer = await greenlight.operate(proposal.id, "override", outcome="approved", reason="x")
    assert answer.status == 409
    assert "You submitted this proposal" in answer.json["detail"]


async def test_the_detail_tells_everything_but_a_way_in(greenlight: Greenlight) -> None:
    """People with addresses, slots, mails, the engine; no token, no key, no management URL."""
    proposal = await greenlight.submit()
    answer = await greenlight.call("GET", f"/api/operations/proposals/{proposal.id}", **OPERATOR)
    found = answer.json
    assert found["slots"][0]["email"] == "ann@example.com"
    assert found["engine"] == {
        "state": "running",
        "facts": found["engine"]["facts"],
        "seen": found["engine"]["facts"],
        "seen_at": "2026-11-30T08:00:00Z",
    }
    assert len(found["mails"]) == 2
    for secret in (greenlight.link("ann"), greenlight.link("sam"), OPERATOR["X-Operator-Key"], "runtime/webhooks", "code="):
        assert secret.rpartition("/")[2] not in answer.text


async def test_the_trail_is_had_whole_in_three_forms_and_its_chain_holds(greenlight: Greenlight) -> None:
    """An auditor takes it home and verifies it there."""
    proposal = await greenlight.submit(title="=HYPERLINK(1)")
    await proposal.decide("ann", "reject", "-")
    path = f"/api/operations/proposals/{proposal.id}/audit"
    whole = await greenlight.call("GET", path, **OPERATOR)
    assert whole.json["verified"] is True
    assert [fact["number"] for fact in whole.json["facts"]] == list(range(1, len(whole.json["facts"]) + 1))
    lines = await greenlight.call("GET", path, **{**OPERATOR, "Accept": "application/jsonl"})
    assert [json.loads(line) for line in lines.text.splitlines()] == whole.json["facts"]
    table = await greenlight.call("GET", path, **{**OPERATOR, "Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(table.text.lstrip("\ufeff"))))
    assert [row["hash"] for row in rows] == [fact["hash"] for fact in whole.json["facts"]]
    assert table.headers["X-Chain-Verified"] == "true"


async def test_the_list_is_filtered_paged_and_exported_whole(greenlight: Greenlight) -> None:
    """An export that holds one page of three is worse than none (cases, 46)."""
    words = ["amber", "beech", "cedar", "dogwood", "elder", "fir", "gorse"]
    for number, word in enumerate(words):
        await greenlight.submit(title=f"Roof {word}", department="facilities" if number % 2 else "it")
    everything: list[str] = []
    query = "limit=3"
    while True:
        page = (await greenlight.call("GET", f"/api/operations/proposals?{query}", **OPERATOR)).json
        everything += [row["title"] for row in page["proposals"]]
        if "cursor" not in page:
            break
        query = f"limit=3&cursor={page['cursor']}"
    assert sorted(everything) == [f"Roof {word}" for word in words]

    for filters, count in (
        ("department=it", 4),
        ("q=CEDAR+roof", 1),
        ("reviewer=ann@example.com", 7),
        ("status=approved", 0),
        ("overdue=true", 0),
    ):
        page = (await greenlight.call("GET", f"/api/operations/proposals?{filters}", **OPERATOR)).json
        assert len(page["proposals"]) == count, filters

    lines = await greenlight.call("GET", "/api/operations/proposals?limit=2&department=it", **{**OPERATOR, "Accept": "application/jsonl"})
    assert len(lines.text.splitlines()) == 4


async def test_an_exported_cell_is_no_formula_and_a_number_stays_one(greenlight: Greenlight) -> None:
    """A spreadsheet runs what begins with = + - @ (cases, 44)."""
    titles = ["=1+1", "@SUM(A1)", "+49 30 123", "-5 % budget", "Roof"]
    for title in titles:
        await greenlight.submit(title=title)
    answer = await greenlight.call("GET", "/api/operations/proposals", **{**OPERATOR, "Accept": "text/csv"})
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.text.startswith("\ufeffid,")
    rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert {row["title"] for row in rows} == {"'=1+1", "'@SUM(A1)", "'+49 30 123", "'-5 % budget", "Roof"}
    assert {row["amount"] for row in rows} == {"12500.00"}
    page = (await greenlight.call("GET", "/api/operations/proposals", **OPERATOR)).json
    assert {row["title"] for row in page["proposals"]} == set(titles)
