"""The directory: when two addresses are one natural person, who may be asked, and how people are found."""

from decimal import Decimal
from typing import Any

import pytest

from domain.facts import Money
from domain.people import Person
from domain.policy import Policies, parse_policies
from tests.unit.builders import ANN, BEN, SAM

STAGE = {"name": "Review", "reviewers": ["ann"], "deadline": "P5D"}
ENTRIES = {
    "ann": {"name": "Ann Arden", "email": "Ann@Example.com", "aliases": ["a.arden@example.com"]},
    "ann2": {"name": "Ann (roofs)", "email": "ann+2@example.com", "aliases": ["roofs@example.com"]},
    "ben": {"name": "Ben Brandt", "email": "ben+work@example.com"},
    "gone": {"name": "Gone Gruber", "email": "gone@example.com", "active": False},
    "two": {"name": "Ben Brandt", "email": "another.ben@example.com"},
}


def the_file(stage: dict[str, Any] = STAGE, **more: Any) -> Policies:
    """A policy file with these people."""
    return parse_policies({"policy": [{"name": "all", "stages": [stage]}], "people": ENTRIES, **more})


def at(email: str) -> Person:
    """Whoever has an address, under whatever name."""
    return Person("Somebody", email)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ann@example.com", "ANN@example.COM", True),
        ("ann@example.com", "ann+review@example.com", True),
        ("ann@example.com", "a.arden@example.com", True),
        ("A.Arden+x@example.com", "ann@example.com", True),
        ("ann@example.com", "a.n.n@example.com", False),
        ("ann@example.com", "ann@example.net", False),
        ("ben@example.com", "ben+work@example.com", True),
        ("ben@example.com", "ben+home@example.com", True),
        ("ann@example.com", "ann+2@example.com", True),
        ("roofs@example.com", "a.arden@example.com", True),
        ("stranger@example.net", "Stranger+x@example.net", True),
        ("str.anger@example.net", "stranger@example.net", False),
    ],
)
def test_case_and_plus_tag_are_the_same_person_everywhere_and_dots_only_where_the_directory_says_so(
    one: str, other: str, same: bool
) -> None:
    """Variants of one mailbox must not let one person pass a two-person approval."""
    directory = the_file().directory()
    assert directory.same(at(one), at(other)) is same
    assert directory.same(at(other), at(one)) is same


def test_two_entries_of_one_person_get_one_turn() -> None:
    """`2 of 2` of `ann@` and `ann+2@` is out of reach, and the dry run says so."""
    stage = {**STAGE, "reviewers": ["ann", "ann2"], "rule": "2 of 2"}
    _, plan, findings = the_file(stage).route("it", "it", Money(Decimal(1), "EUR"), SAM)
    assert [person.name for person in plan.stages[0].reviewers] == ["Ann Arden"]
    assert [finding.severity for finding in findings] == ["error"]


def test_only_the_companys_people_are_admitted() -> None:
    """Of the directory, under any of their addresses, or of its mail domains."""
    directory = the_file(mail_domains=["@Company.example"]).directory()
    admitted = ["ann@example.com", "ann+x@example.com", "a.arden@example.com", "new@company.example", "NEW@COMPANY.EXAMPLE"]
    assert all(directory.admits(at(email)) for email in admitted)
    assert not any(directory.admits(at(email)) for email in ("eve@example.net", "eve@notcompany.example", "eve@company.example.net"))


def test_who_left_is_inactive_under_every_address() -> None:
    """A `+tag` brings nobody back."""
    directory = the_file().directory()
    assert not directory.active(at("gone@example.com"))
    assert not directory.active(at("Gone+back@example.com"))
    assert directory.active(at("unknown@example.net"))


def test_whoever_was_taken_out_of_the_file_is_gone_where_the_company_has_mail_domains() -> None:
    """Removed or marked inactive is the same; without any domain nothing is known of who is not listed."""
    directory = the_file(mail_domains=["company.example"]).directory()
    assert not directory.active(at("left@example.com"))
    assert directory.active(at("new@company.example"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ann", "Ann Arden"),
        ("ANN ARDEN ", "Ann Arden"),
        ("A.Arden@example.com", "Ann Arden"),
        ("ann+2@example.com", "Ann (roofs)"),
        ("Ben Brandt", None),
        ("ben", "Ben Brandt"),
        ("eve", None),
        ("", None),
    ],
)
def test_people_are_found_by_id_address_or_full_name_and_never_guessed(text: str, found: str | None) -> None:
    """Of two people of one name, neither is taken: a decision in the wrong hands is worse than a question."""
    person = the_file().find(text)
    assert (person.name if person else None) == found


def test_somebody_is_only_asked_once_however_many_roles_name_them() -> None:
    """Each natural person once, first place first."""
    stage = {**STAGE, "reviewers": ["role:design", "ann", "role:all"]}
    file = the_file(stage, roles={"design": ["ben", "ann"], "all": ["ann", "ben", "two", "gone"]})
    names = [person.email for person in file.route("it", "it", Money(Decimal(1), "EUR"), SAM)[1].stages[0].reviewers]
    assert names == ["ben+work@example.com", "Ann@example.com", "another.ben@example.com"]


def test_the_people_of_a_role_are_those_of_the_day() -> None:
    """None where the file does not know a name any more: then the people planned are asked."""
    directory = the_file(roles={"design": ["ann"]}).directory()
    assert [person.name for person in directory.today(("role:design",), (BEN,))] == ["Ann Arden"]
    assert directory.today(("role:sold",), (BEN,)) == (BEN,)
    assert directory.today(("nobody",), (ANN,)) == (ANN,)
    assert directory.today((), (ANN,)) == (ANN,)
