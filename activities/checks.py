"""Which checks a revision still needs, as calls; and what it means when one of them died."""

from collections.abc import Iterable
from typing import Any

from domain import names, policy, validation
from domain.agenda import Agenda
from domain.facts import Assessed, Finding, FollowedUp, Validated
from domain.review import Review
from services.plugins import Plugins
from services.records import Stored

Payloads = dict[str, list[dict[str, Any]]]


def payloads(plugins: Plugins, stored: Stored, asked: Agenda) -> Payloads:
    """The calls for `validate`, `assess`, `plan` and `follow_up`, less what stands in the trail already."""
    review = stored.review
    calls: Payloads = {"validate": [], "assess": [], "plan": [], "follow_up": []}
    if asked.check is not None:
        done = known(stored, asked.check)
        calls["validate"] = rule_calls(review, asked.check, [validation.RULE, *plugins.rules("validate_proposal")], done[Validated])
        calls["assess"] = rule_calls(review, asked.check, plugins.rules("assess_proposal"), done[Assessed])
        calls["plan"] = rule_calls(review, asked.check, [policy.RULE], set())
    if asked.follow_up:
        done = known(stored, review.round)
        calls["follow_up"] = rule_calls(review, review.round, plugins.rules("after_decision"), done[FollowedUp])
    return calls


def known(stored: Stored, round_: int) -> dict[type, set[str]]:
    """The rules that have reported already, by the kind of their report."""
    found: dict[type, set[str]] = {Validated: set(), Assessed: set(), FollowedUp: set()}
    for fact in stored.facts:
        body = fact.body
        if isinstance(body, Validated | Assessed) and body.round == round_:
            found[type(body)].add(body.rule)
        elif isinstance(body, FollowedUp):
            found[FollowedUp].add(body.rule)
    return found


def rule_calls(review: Review, round_: int, rules: Iterable[str], done: set[str]) -> list[dict[str, Any]]:
    """One call a rule that has not reported."""
    return [{"proposal": review.proposal, "round": round_, "rule": rule} for rule in rules if rule not in done]


def crash_report(crash: dict[str, Any]) -> Validated | Assessed | FollowedUp | None:
    """A finding in place of a report that will never come. None for a plan, which nothing can stand in for."""
    rule, round_ = crash["rule"], crash["round"]
    finding = Finding(
        rule, "error", f"The rule {rule} could not be run: its process died or did not answer. A person must look at what it checks."
    )
    match crash["activity"]:
        case names.VALIDATE:
            return Validated(round_, rule, (finding,), refused=False)
        case names.ASSESS:
            return Assessed(round_, rule, (finding,))
        case names.FOLLOW_UP:
            return FollowedUp(rule, ok=False, detail=finding.message)
    return None
