"""`next`: one sentence that says why it stands and what happens next, for every status."""

import re
from dataclasses import replace

import pytest

from domain import commands as c
from domain.facts import Finding, MailFailed, Validated
from domain.status import status_document
from tests.unit.builders import (
    ANN,
    BEN,
    CEM,
    DEADLINE,
    DIA,
    ELI,
    SAM,
    Told,
    a_review,
    a_stage,
    abstain,
    after,
    approve,
    ask_changes,
    days,
    hours,
    operator,
    received,
    reject,
    report,
    revise,
    submitter,
    time,
)

STAGE = a_stage(ANN, BEN, CEM, rule="2 of 3", reminders=(days(2),), on_expiry="escalate", escalate_to=(DIA,))
SINCE = "since 30 Nov 2026, 08:00 UTC"
BY = "without a decision by 5 Dec 2026, 08:00 UTC it"
REMINDER = "the next reminder goes out on 2 Dec 2026, 08:00 UTC"
REPORTED = report(Validated(1, "greenlight.standard", (), refused=False))
REFUSED = report(Validated(1, "acme", (Finding("acme", "error", "Listed."),), refused=True))


def next_step(told: Told) -> str:
    """The sentence."""
    sentence: str = status_document(told.review, told.facts, {})["next"]
    return sentence


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (received(), "Received; the checks begin in a moment."),
        (after(received(), REPORTED), "The checks are running; then the first reviewers are asked."),
        (a_review(STAGE), f"Waits for 2 of Ann, Ben and Cem {SINCE}; {REMINDER}; {BY} is escalated to Dia."),
        (after(a_review(STAGE), approve(ANN)), f"Waits for one of Ben and Cem {SINCE}; {REMINDER}; {BY} is escalated to Dia."),
        (after(a_review(STAGE), approve(ANN), reject(BEN)), f"Waits for Cem {SINCE}; {REMINDER}; {BY} is escalated to Dia."),
        (a_review(a_stage(ANN, BEN, rule="all", on_expiry="reject")), f"Waits for Ann and Ben {SINCE}; {BY} is rejected."),
        (a_review(a_stage(ANN, BEN, on_expiry="approve")), f"Waits for one of Ann and Ben {SINCE}; {BY} is approved by silence."),
        (
            after(a_review(a_stage(ANN, reminders=(days(2),), on_expiry="reject")), time(days(3))),
            f"Waits for Ann {SINCE}; {BY} is rejected.",
        ),
        (
            a_review(a_stage(SAM)),
            "On hold since 30 Nov 2026, 08:00 UTC (The stage “Review” has too few people who may decide); "
            "it needs somebody to add a reviewer to the stage, then resume.",
        ),
        (
            after(a_review(STAGE), operator(c.Suspend("Legal is asked."), hours(1))),
            "On hold since 30 Nov 2026, 09:00 UTC (Legal is asked); an operator resumes it.",
        ),
        (
            after(a_review(STAGE), ask_changes(BEN, hours(1))),
            "Changes were requested: it waits for a revision by the submitter until 14 Dec 2026, 09:00 UTC, then it expires.",
        ),
        (after(a_review(STAGE), ask_changes(BEN), revise()), "The checks are running; then the first reviewers are asked."),
        (after(a_review(a_stage(ANN)), approve(ANN)), "It has ended: approved on 30 Nov 2026, 08:00 UTC; nothing more happens."),
        (after(a_review(a_stage(ANN)), reject(ANN)), "It has ended: rejected on 30 Nov 2026, 08:00 UTC; nothing more happens."),
        (after(a_review(a_stage(ANN)), time(days(9))), "It has ended: expired on 5 Dec 2026, 08:00 UTC; nothing more happens."),
        (after(received(), REFUSED), "It has ended: rejected on 30 Nov 2026, 08:00 UTC; nothing more happens."),
        (after(received(), submitter(c.Withdraw())), "It has ended: withdrawn on 30 Nov 2026, 08:00 UTC; nothing more happens."),
        (after(a_review(STAGE), operator(c.Cancel("x"))), "It has ended: cancelled on 30 Nov 2026, 08:00 UTC; nothing more happens."),
    ],
)
def test_it_says_why_it_stands_and_what_happens_next(told: Told, sentence: str) -> None:
    """A submitter who waits asks just this."""
    assert next_step(told) == sentence


def test_after_an_escalation_it_says_who_may_settle_it_alone() -> None:
    """The senior's word alone settles it; the quorum of the others still may, too."""
    told = after(a_review(STAGE), time(DEADLINE))
    assert next_step(told).startswith(f"Waits for Dia, who decides alone, or for 2 of Ann, Ben and Cem {SINCE};")
    assert next_step(told).endswith("without a decision by 10 Dec 2026, 08:00 UTC it is rejected.")
    both = after(a_review(replace(STAGE, escalate_to=(DIA, ELI))), approve(ANN), abstain(BEN), time(DEADLINE))
    assert next_step(both).startswith("Waits for Dia and Eli, one of whom decides alone, or for Cem since")
    out_of_reach = after(a_review(STAGE), abstain(ANN), abstain(BEN))
    assert next_step(out_of_reach).startswith("Waits for Dia, who decides alone, since")


def test_the_document_of_a_stage_counts_from_one_and_has_the_rule_in_words() -> None:
    """What the pages show."""
    told = after(a_review(a_stage(ANN, name="Design"), replace(STAGE, name="Money")), approve(ANN))
    assert status_document(told.review, told.facts, {})["stage"] == {
        "name": "Money",
        "index": 2,
        "of": 2,
        "rule": "2 of 3",
        "deadline": "2026-12-05T08:00:00Z",
    }


def test_times_of_the_document_are_utc_and_say_so() -> None:
    """RFC 3339 with `Z`: nobody has to guess a zone."""
    told = after(a_review(STAGE), approve(ANN, hours(1.5)), report(MailFailed("r1s1p2", "asked", "550 no")), operator(c.Suspend("Wait.")))
    document = status_document(told.review, told.facts, {"self": "/api"})
    instants = [line["at"] for line in document["timeline"]] + [document["on_hold"]["since"], document["reviewers"][0]["decided_at"]]
    assert all(re.fullmatch(r"2026-11-30T(08:00|09:30):00Z", instant) for instant in instants)
    assert document["links"] == {"self": "/api"}
