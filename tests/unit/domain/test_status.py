"""What the submitter may read."""

import json
from collections.abc import Callable

import pytest

from domain import commands as c
from domain import facts as f
from domain.status import status_document
from tests.unit.domain.world import ANN, BEN, DAY, DIA, OPERATOR, SUBMITTER, World, a_revision, a_stage, in_review

FIELDS = {
    "id", "title", "status", "round", "stage", "reviewers", "findings", "decision", "on_hold", "next", "timeline", "links",
}  # fmt: skip


def after(*steps: Callable[[World], object], hide: bool = False) -> World:
    """A proposal with two reviewers and an escalation, after `steps`."""
    stage = a_stage(ANN, BEN, needed=2, reminders=(2 * DAY,), on_expiry="escalate", escalate_to=(DIA,), show_others=not hide)
    world = in_review(stage)
    for step in steps:
        step(world)
    return world


def changes(world: World) -> object:
    """Ann wants changes."""
    return world.says("r1s1p1", "request_changes")


WORLDS: dict[str, Callable[[], World]] = {
    "received": World,
    "in review": after,
    "escalated": lambda: after(lambda w: w.pass_time(6 * DAY)),
    "expired": lambda: after(lambda w: w.pass_time(60 * DAY)),
    "on hold": lambda: after(lambda w: w.do(c.Suspend("budget freeze"), OPERATOR)),
    "changes requested": lambda: after(changes),
    "revised": lambda: after(changes, lambda w: w.do(a_revision(), SUBMITTER)),
    "rejected": lambda: after(lambda w: w.says("r1s1p1", "reject"), lambda w: w.says("r1s1p2", "reject")),
    "withdrawn": lambda: after(lambda w: w.do(c.Withdraw(), SUBMITTER)),
    "mail failed": lambda: after(lambda w: w.do(c.Report((f.MailFailed("r1s1p1", "asked", "550 ann@example.com unknown"),)))),
}


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("hide", [False, True])
def test_every_status_has_all_fields_one_sentence_and_no_address(name: str, hide: bool) -> None:
    """DESIGN 3: exactly these fields; no mail address leaves through it, not even in a mail server's words."""
    world = WORLDS[name]()
    document = status_document(world.review, world.trail, {"self": "/api/proposals/prp-1"})
    assert set(document) == FIELDS
    assert "@" not in json.dumps(document)
    assert document["next"].endswith(".")
    assert len(document["next"]) > 20
    assert all(set(line) == {"at", "what"} and line["what"].endswith((".", "freeze")) for line in document["timeline"])


def test_next_says_for_whom_since_when_and_what_silence_brings() -> None:
    """Why it stands, in one sentence."""
    world = after()
    assert status_document(world.review, world.trail, {})["next"] == (
        "Waits for Ann and Ben since 30 Nov 2026, 12:00 UTC; the next reminder goes out on 2 Dec 2026, 12:00 UTC; "
        "without a decision by 5 Dec 2026, 12:00 UTC it is escalated to Dia."
    )


def test_where_policy_hides_the_others_no_name_is_anywhere() -> None:
    """Case 63, through decisions, failed mails, escalation and reasons."""
    fail = c.Report((f.MailFailed("r1s1p1", "asked", "550"),))
    world = after(lambda w: w.do(fail), lambda w: w.pass_time(5 * DAY), lambda w: w.says("r1s1p3", "reject", "too dear"), hide=True)
    text = json.dumps(status_document(world.review, world.trail, {}))
    assert world.status() == "rejected"
    assert "too dear" in text
    assert not [name for name in ("Ann", "Ben", "Dia") if name in text]
