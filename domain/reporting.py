"""What activities bring: results of rules, the plan, mails that failed. What is late or known already changes nothing."""

from datetime import datetime

from domain.commands import Actor, Report
from domain.draft import Draft
from domain.facts import Assessed, Concluded, FollowedUp, MailFailed, Planned, Validated
from domain.stages import hand_on_unreached, proceed


def report(draft: Draft, command: Report, actor: Actor, at: datetime) -> None:
    """Take each result in, if it is news."""
    for result in command.results:
        match result:
            case Validated() | Assessed():
                checked(draft, result, at)
            case Planned():
                planned(draft, result, at)
            case MailFailed():
                mail_failed(draft, result, at)
            case FollowedUp():
                if f"followed up {result.rule}" not in draft.review.checked:
                    draft.add(at, result)


def checked(draft: Draft, result: Validated | Assessed, at: datetime) -> None:
    """A rule's findings on the present revision; a validator's refusal ends the proposal."""
    review = draft.review
    key = f"{'validated' if isinstance(result, Validated) else 'assessed'} {result.rule}"
    if review.ended or result.round != review.round or review.plan is not None or key in review.checked:
        return
    draft.add(at, result)
    if isinstance(result, Validated) and result.refused:
        reasons = tuple(finding.message for finding in result.findings if finding.severity == "error")
        draft.add(at, Concluded("rejected", reasons or (f"The check {result.rule} refused it.",)))


def planned(draft: Draft, result: Planned, at: datetime) -> None:
    """The plan of the present round; its first stage opens, unless it is on hold."""
    review = draft.review
    if review.ended or result.round != review.round or review.plan is not None:
        return
    draft.add(at, result)
    proceed(draft, at)


def mail_failed(draft: Draft, result: MailFailed, at: datetime) -> None:
    """Nobody waits for an answer to a mail that never arrived: an open slot goes to the fallback."""
    if f"mail {result.slot} {result.notice}" in draft.review.checked:
        return
    draft.add(at, result)
    hand_on_unreached(draft, at)
