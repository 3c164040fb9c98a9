"""How a command is judged: `decide` answers facts, or a refusal that says why; `fold` makes facts a review.

`decide` first lets every reminder, deadline and escalation up to the command's instant happen, each at its own instant, so
the same trail comes about whether a timer fired early, late or never. A command that is refused changes nothing by itself.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from domain import commands as c
from domain import operating, reporting, reviewing, submitting
from domain.commands import Actor, Command
from domain.draft import Draft
from domain.facts import Fact, Submitted
from domain.folding import apply
from domain.judgement import Directory, Judgement, Refusal, RefusalCode
from domain.passing import let_time_pass, next_due, replace_leavers
from domain.review import Review

__all__ = ["Directory", "Judgement", "Refusal", "RefusalCode", "decide", "fold", "next_due", "submitted"]

Rule = Callable[[Draft, Any, Actor, datetime], Refusal | None | bool]
"""A rule adds facts to the draft and answers None, or adds none and answers a refusal; True means that it stands already."""


def nothing_more(draft: Draft, command: c.LetTimePass, actor: Actor, at: datetime) -> None:
    """Time has passed before any rule is asked."""


RULES: dict[type, Rule] = {
    c.LetTimePass: nothing_more,
    c.Decide: reviewing.decide,
    c.Delegate: reviewing.delegate,
    c.Revise: submitting.revise,
    c.Withdraw: submitting.withdraw,
    c.Report: reporting.report,
    c.Suspend: operating.suspend,
    c.Resume: operating.resume,
    c.Cancel: operating.cancel,
    c.Remind: operating.remind,
    c.Reassign: operating.reassign,
    c.Add: operating.add,
    c.Extend: operating.extend,
    c.Override: operating.override,
    c.Retry: operating.retry,
}


def submitted(proposal: str, body: Submitted, at: datetime) -> Fact:
    """The first fact of a proposal."""
    return Fact(1, at, body.submitter, "submitter", body)


def decide(review: Review, command: Command, actor: Actor, at: datetime, directory: Directory) -> Judgement:
    """Judge `command` at `at` (aware UTC, not before `review.last_at`)."""
    if at < review.last_at:
        raise ValueError(f"{at} lies before the newest fact, {review.last_at}")
    draft = Draft(review, directory)
    let_time_pass(draft, at)
    replace_leavers(draft, at)
    verdict = RULES[type(command)](draft, command, actor, at)
    return Judgement(
        tuple(draft.facts),
        refusal=verdict if isinstance(verdict, Refusal) else None,
        repeated=verdict is True,
    )


def fold(proposal: str, facts: Sequence[Fact], review: Review | None = None) -> Review:
    """The review after `facts`, on top of `review` when it is given. Raises ValueError without any fact, or for one out of order."""
    for fact in facts:
        review = apply(review, proposal, fact)
    if review is None:
        raise ValueError(f"{proposal} has no facts")
    return review
