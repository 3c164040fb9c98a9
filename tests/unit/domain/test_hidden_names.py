"""Where a policy hides the reviewers from each other and from the submitter, no name is told: in no status, whatever came later."""

import json
from dataclasses import replace

import pytest

from domain import commands as c
from domain.commands import Actor
from domain.facts import Finding, MailFailed, Validated
from domain.status import status_document
from tests.unit.builders import (
    ANN,
    BEN,
    CEM,
    DEADLINE,
    DIA,
    Step,
    Told,
    a_plan,
    a_review,
    a_stage,
    after,
    approve,
    ask_changes,
    by,
    delegate,
    hours,
    operator,
    planned,
    refused,
    reject,
    report,
    revise,
    submitter,
    time,
)

HIDING = a_stage(ANN, BEN, rule="all", on_expiry="escalate", escalate_to=(CEM,), fallback=(DIA,), show_others=False)
ROUND_TWO = (ask_changes(ANN, comment="Smaller."), revise())


def told_to_the_submitter(told: Told) -> str:
    """Everything that the status document says."""
    return json.dumps(status_document(told.review, told.facts, {}))


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (approve(ANN),),
        (reject(ANN),),
        (ask_changes(ANN, comment="Smaller."),),
        ROUND_TWO,
        (*ROUND_TWO, report(Validated(2, "acme.check", (Finding("acme.check", "error", "No."),), refused=True))),
        (*ROUND_TWO, submitter(c.Withdraw())),
        (*ROUND_TWO, planned(a_plan(HIDING)), approve(ANN)),
        (*ROUND_TWO, planned(a_plan(replace(HIDING, show_others=True)))),
        (time(DEADLINE),),
        (time(DEADLINE), reject(CEM)),
        (delegate(ANN, DIA),),
        (report(MailFailed("r1s1p1", "asked", "550 <ann@example.com>: Ann is unknown")),),
        (operator(c.Reassign("r1s1p1", DIA, "Ill.")),),
        (operator(c.Remind(), hours(2)),),
    ],
)
def test_no_name_of_a_reviewer_reaches_the_submitter(steps: tuple[Step, ...]) -> None:
    """Not while a revision is checked either, when there is no plan; nor when a later plan hides nobody."""
    text = told_to_the_submitter(after(a_review(HIDING), *steps))
    assert [name for name in ("Ann", "Ben", "Cem", "Dia", "@") if name in text] == []


def test_where_it_hides_nobody_names_are_told() -> None:
    """People like to know who looks at their proposal."""
    text = told_to_the_submitter(after(a_review(replace(HIDING, show_others=True)), *ROUND_TWO))
    assert "Ann asked for changes to it." in text


def test_a_link_of_an_earlier_round_names_no_heir() -> None:
    """The plan that it was asked by is not kept, but that it hid people is."""
    told = after(a_review(HIDING), delegate(ANN, DIA), ask_changes(BEN), revise())
    answer = by(Actor(ANN, "reviewer"), c.Decide("r1s1p1", "approve"))(told).judgement.refusal
    assert answer is not None
    assert (answer.code, "Dia" in answer.message) == ("handed_on", False)


def test_one_hiding_stage_hides_all_in_front_of_the_submitter_but_reviewers_of_the_others_see_each_other() -> None:
    """The submitter's page shows all stages at once; a reviewer's only their own."""
    told = after(a_review(a_stage(ANN, BEN, name="Open"), replace(HIDING, reviewers=(CEM,), name="Hidden")), approve(ANN))
    assert refused(told, approve(BEN)).by == ANN
    assert "Ann" not in told_to_the_submitter(told)
