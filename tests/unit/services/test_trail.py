"""Bringing a command: judged on what stands, committed, and judged again when somebody was faster."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from domain.commands import Actor, Decide, LetTimePass, Withdraw
from domain.facts import Fact
from domain.judge import Directory, decide, fold
from domain.people import SYSTEM
from domain.review import Review
from services.records import RecordsUnavailable, Stored
from services.records_sqlite import SqliteRecords
from services.trail import Stale, UnknownProposal, bring
from tests.unit.services.trails import ANN, BEN, MORNING, SAM, a_stage, an_id, in_review

REVIEWER, SUBMITTER = Actor(ANN, "reviewer"), Actor(SAM, "submitter")


class At:
    """A clock that stands at one instant."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        """The instant."""
        return self._at


class Overtaken(SqliteRecords):
    """Records in which somebody commits between our reading and our commit, `times` times."""

    times = 0

    async def append(self, stored: Stored, facts: Sequence[Fact], review: Review) -> Stored:
        """Let the other commit go first."""
        if self.times:
            self.times -= 1
            other = decide(stored.review, Decide("r1s1p2", "approve"), Actor(BEN, "reviewer"), stored.review.last_at, Directory())
            if other.facts:
                await super().append(stored, other.facts, fold(stored.review.proposal, other.facts, stored.review))
        return await super().append(stored, facts, review)


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Overtaken]:
    """Records with one proposal that Ann and Ben are asked about for ten minutes; both must approve."""
    store = Overtaken(tmp_path / "greenlight.sqlite")
    trail = in_review(a_stage(deadline=timedelta(minutes=10)))
    stored = await store.create(trail.proposal, trail.facts[0])
    assert stored is not None
    await store.append(stored, trail.facts[1:], trail.review)
    yield store
    store.close()


async def test_what_is_answered_stands_recorded(records: Overtaken) -> None:
    """The answer names the first new fact, for the event to be raised."""
    brought = await bring(records, Directory(), At(MORNING), an_id(), Decide("r1s1p1", "approve"), REVIEWER)
    assert await records.read(an_id()) == brought.stored
    assert brought.first_new == brought.stored.facts[-1].number


async def test_whoever_comes_second_is_judged_on_what_came_first(records: Overtaken) -> None:
    """Both decisions count, and the second settles the stage: none is lost, none is judged on an old state."""
    records.times = 1
    brought = await bring(records, Directory(), At(MORNING), an_id(), Decide("r1s1p1", "approve"), REVIEWER)
    assert brought.stored.review.status == "approved"
    assert [slot.state for slot in brought.stored.review.slots] == ["approved", "approved"]


async def test_a_decision_after_the_deadline_finds_that_it_has_passed(records: Overtaken) -> None:
    """However late the timer runs: time passes first, and what it brought is committed though the decision is refused."""
    brought = await bring(records, Directory(), At(MORNING + timedelta(minutes=11)), an_id(), Decide("r1s1p1", "approve"), REVIEWER)
    assert brought.judgement.refusal is not None
    assert brought.judgement.refusal.code == "past_deadline"
    assert brought.stored.review.status == "expired"
    assert brought.stored.review.ended_at == MORNING + timedelta(minutes=10)


async def test_a_clock_that_goes_back_orders_nothing_anew(records: Overtaken) -> None:
    """Two machines' clocks differ: a fact never lies before the one before it."""
    await bring(records, Directory(), At(MORNING + timedelta(minutes=5)), an_id(), Decide("r1s1p1", "approve"), REVIEWER)
    brought = await bring(records, Directory(), At(MORNING), an_id(), Withdraw(), SUBMITTER)
    instants = [fact.at for fact in brought.stored.facts]
    assert instants == sorted(instants)


async def test_a_form_that_was_filled_in_on_an_old_state_is_stale(records: Overtaken) -> None:
    """`If-Match`: nothing happens, and the answer holds what stands."""
    before = await records.read(an_id())
    assert before is not None
    await bring(records, Directory(), At(MORNING), an_id(), Decide("r1s1p1", "approve"), REVIEWER)
    with pytest.raises(Stale) as stale:
        await bring(records, Directory(), At(MORNING), an_id(), Withdraw(), SUBMITTER, if_match=before.etag)
    assert stale.value.stored == await records.read(an_id())
    assert stale.value.stored.review.status == "in_review"


async def test_nothing_new_is_nothing_to_announce(records: Overtaken) -> None:
    """A look before anything is due commits nothing."""
    before = await records.read(an_id())
    brought = await bring(records, Directory(), At(MORNING), an_id(), LetTimePass(), Actor(SYSTEM, "system"))
    assert brought.first_new is None
    assert await records.read(an_id()) == before


async def test_a_proposal_that_is_not_there_is_unknown(records: Overtaken) -> None:
    """A command never makes a proposal."""
    with pytest.raises(UnknownProposal):
        await bring(records, Directory(), At(MORNING), an_id(9), Withdraw(), SUBMITTER)


async def test_an_outage_is_told_and_nothing_is_recorded(tmp_path: Path) -> None:
    """Whoever gets an error may press again."""
    (tmp_path / "file").touch()
    with pytest.raises(RecordsUnavailable):
        await bring(SqliteRecords(tmp_path / "file" / "x"), Directory(), At(MORNING), an_id(), Withdraw(), SUBMITTER)
