"""Bring a command to a proposal: judge it on what stands, commit, and judge again when somebody was faster."""

from dataclasses import dataclass

from domain.commands import Actor, Command
from domain.judge import Directory, Judgement, decide, fold
from services.clock import Clock
from services.records import Conflict, Records, RecordsUnavailable, Stored

ATTEMPTS = 50


class UnknownProposal(Exception):
    """No such proposal."""


class Stale(Exception):
    """The caller asked for this only if the proposal still stood at their ETag, and it does not. `stored` is what stands."""

    def __init__(self, stored: Stored) -> None:
        super().__init__(f"{stored.review.proposal} is at {stored.etag}")
        self.stored = stored


@dataclass(frozen=True)
class Brought:
    """What became of a command. `first_new` is the number of the first fact committed, None when none was: announce it."""

    stored: Stored
    judgement: Judgement
    first_new: int | None


async def bring(
    records: Records,
    directory: Directory,
    clock: Clock,
    proposal: str,
    command: Command,
    actor: Actor,
    if_match: str | None = None,
) -> Brought:
    """Judge and commit. The command's instant is read just before its commit, and never lies before the newest fact.

    Raises UnknownProposal, Stale (with `if_match`), RecordsUnavailable.
    """
    for _ in range(ATTEMPTS):
        stored = await records.read(proposal)
        if stored is None:
            raise UnknownProposal(proposal)
        if if_match is not None and stored.etag != if_match:
            raise Stale(stored)
        at = max(clock.now(), stored.review.last_at)
        judgement = decide(stored.review, command, actor, at, directory)
        if not judgement.facts:
            return Brought(stored, judgement, None)
        try:
            after = await records.append(stored, judgement.facts, fold(proposal, judgement.facts, stored.review))
        except Conflict:
            continue
        return Brought(after, judgement, judgement.facts[0].number)
    raise RecordsUnavailable(f"{ATTEMPTS} others were faster at {proposal}")
