"""Cases from public reports, about people: who may decide, who has left, whose name is told (C 11, C 13, D 15, N 61, N 63)."""

import json
from dataclasses import replace

import pytest

from domain import commands as c
from domain.facts import Decided, FollowedUp, MailFailed, Overridden
from domain.judgement import Directory
from domain.people import Person
from domain.policy import parse_policies
from domain.status import status_document
from tests.unit.builders import (
    ANN,
    BEN,
    CEM,
    DIA,
    ELI,
    NINE,
    OLGA,
    SAM,
    Told,
    a_review,
    a_stage,
    after,
    approve,
    delegate,
    hours,
    operator,
    refused,
    reject,
    report,
    time,
)

TWO_OF_THREE = a_stage(ANN, BEN, CEM, rule="2 of 3", fallback=(DIA,))


def a_directory(
    *people: Person,
    gone: tuple[Person, ...] = (),
    owner: Person = CEM,
    domain: str = "example.org",
    aliases: dict[str, list[str]] | None = None,
) -> Directory:
    """The directory of a policy file with these people; `owner` has the role of that name."""
    entries = {
        person.name: {
            "name": person.name,
            "email": person.email,
            "active": person not in gone,
            "aliases": (aliases or {}).get(person.name, []),
        }
        for person in people
    }
    stage = {"name": "Review", "reviewers": [people[0].name], "deadline": "P5D"}
    file = {
        "policy": [{"name": "all", "stages": [stage]}],
        "people": entries,
        "mail_domains": [domain],
        "roles": {"owner": [owner.name]},
    }
    return parse_policies(file).directory()


EVERYBODY = (ANN, BEN, CEM, DIA, ELI, SAM)


@pytest.mark.parametrize(
    "directory", [a_directory(BEN, CEM, DIA, ELI, SAM), a_directory(*EVERYBODY, gone=(ANN,))], ids=["removed", "inactive"]
)
def test_a_leavers_link_decides_nothing(directory: Directory) -> None:
    """Case 11: asked at nine, gone at ten, the link used at eleven. Not counted; the turn is the fallback's."""
    told = replace(a_review(TWO_OF_THREE, directory=a_directory(*EVERYBODY)), directory=directory)
    assert refused(told, approve(ANN, hours(2))).code == "handed_on"
    told = after(told, time(hours(2)))
    assert told.waits_on == ["Ben", "Cem", "Dia"]
    assert told.of(Decided) == []


def test_whoever_owns_it_when_the_stage_opens_is_asked() -> None:
    """Case 13: cem when it was planned on Monday, dia when the second stage opens on Tuesday."""
    second = a_stage(CEM, name="Owner", reviewer_names=("role:owner",))
    told = a_review(a_stage(ANN, name="First"), second, directory=a_directory(*EVERYBODY, owner=CEM))
    told = after(replace(told, directory=a_directory(*EVERYBODY, owner=DIA)), approve(ANN, hours(24)))
    assert told.waits_on == ["Dia"]


def test_a_change_of_owner_while_the_stage_is_open_is_an_operators_business() -> None:
    """Case 13: nobody loses their turn behind their back; an operator reassigns it."""
    second = a_stage(CEM, reviewer_names=("role:owner",))
    told = replace(a_review(second, directory=a_directory(*EVERYBODY, owner=CEM)), directory=a_directory(*EVERYBODY, owner=DIA))
    assert after(told, time(hours(24))).waits_on == ["Cem"]
    assert after(told, operator(c.Reassign("r1s1p1", DIA, "She owns it now."))).waits_on == ["Dia"]


@pytest.mark.parametrize(
    ("address", "aliases", "asked"),
    [
        ("sam+review@example.com", {}, False),
        ("Sam@EXAMPLE.com", {}, False),
        ("s.am@example.com", {}, True),
        ("s.am@example.com", {"Sam": ["s.am@example.com"]}, False),
    ],
)
def test_the_submitter_under_another_address_is_not_asked(address: str, aliases: dict[str, list[str]], asked: bool) -> None:
    """Case 15: case and plus tag are the same person; dots only where the directory says so."""
    other = Person("Samuel", address)
    told = a_review(a_stage(ANN, other), directory=a_directory(*EVERYBODY, domain="example.com", aliases=aliases))
    assert ("Samuel" in told.waits_on) is asked


def test_nothing_is_handed_to_the_submitter_under_another_address() -> None:
    """Case 15: 422 on `to`, and the holder can still decide."""
    told = a_review(a_stage(ANN, BEN, rule="all"), directory=a_directory(*EVERYBODY))
    assert refused(told, delegate(ANN, Person("Somebody", "sam+x@example.com"))).field == "to"
    assert refused(told, operator(c.Add(0, Person("Somebody", "SAM@example.com"), "Please."))).field == "to"
    assert refused(told, operator(c.Reassign("r1s1p1", Person("Somebody", "sam+y@example.com"), "Please."))).field == "to"
    assert after(told, approve(ANN)).slot(ANN).state == "approved"


def test_two_addresses_of_one_person_are_one_turn() -> None:
    """Case 15: `ann@` and `ann+2@` in `2 of 2`: out of reach, so it is on hold, and not decided by one person twice."""
    told = a_review(a_stage(ANN, Person("Ann too", "ann+2@example.com"), rule="2 of 2"), directory=a_directory(*EVERYBODY))
    assert told.waits_on == ["Ann"]
    assert told.review.hold is not None


def test_an_override_does_not_look_like_a_vote() -> None:
    """Case 61: its own kind of fact with olga, role and reason; ann and ben closed, and not approved."""
    told = after(a_review(a_stage(ANN, BEN, rule="all")), operator(c.Override("approved", "Storm damage."), hours(1)))
    facts = [(fact.author, fact.role, fact.body) for fact in told.facts if isinstance(fact.body, Overridden)]
    assert facts == [(OLGA, "operator", Overridden("approved", "Storm damage."))]
    document = status_document(told.review, told.facts, {})
    assert [each["state"] for each in document["reviewers"]] == ["closed", "closed"]
    assert "Override" in document["decision"]["reasons"][0]
    assert "An operator overrode the review: approved." in [line["what"] for line in document["timeline"]]
    assert refused(told, approve(ANN)).code == "settled"


def settled_by_ben() -> Told:
    """Ben settles; then things happen that have another author."""
    told = after(a_review(a_stage(ANN, BEN, CEM)), approve(BEN, hours(1)))
    assert refused(told, operator(c.Remind(), hours(2))).code == "ended"
    return after(
        told,
        report(FollowedUp("acme.ledger", True), at=hours(3)),
        report(MailFailed("r1s1p1", "closed", "550 no such user"), MailFailed(None, "outcome", "550 full"), at=hours(4)),
    )


def test_an_old_link_names_whoever_settled_it_and_not_who_came_last() -> None:
    """Case 63: settled by ben at ten, whatever came later."""
    refusal = refused(settled_by_ben(), approve(CEM, hours(5)))
    assert (refusal.code, refusal.by, refusal.at) == ("settled", BEN, NINE + hours(1))
    assert refusal.message == "Settled without you: Ben approved it on 30 Nov 2026, 09:00 UTC."


def test_where_policy_hides_names_there_is_none_anywhere() -> None:
    """Case 63: neither on the page nor through the API, with rejections and failed mails."""
    told = after(a_review(a_stage(ANN, BEN, CEM, veto=True, show_others=False)), reject(BEN, hours(1)))
    told = after(told, report(MailFailed("r1s1p1", "closed", "550 ann@example.com: no such user")))
    text = json.dumps(status_document(told.review, told.facts, {})) + refused(told, approve(CEM)).message
    assert [name for name in ("Ann", "Ben", "Cem", "@") if name in text] == []
