"""What every implementation of the records must do. A new store is added to `records`, and nothing else here changes."""

import asyncio
import json
import multiprocessing
import sqlite3
import unicodedata
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.chain import decode, encode, verify
from domain.commands import Decide, LetTimePass, Retry, Withdraw
from domain.facts import RetryAsked
from domain.judge import fold
from domain.people import Person
from domain.review import Review
from services.listing import chosen
from services.records import Conflict, Filters, Records, RecordsUnavailable, Stored
from services.records_sqlite import SQL, SqliteRecords
from tests.unit.services.trails import ANN, BEN, MORNING, SAM, Trail, a_stage, an_id, first_fact, in_review, received

ROUNDS = 100


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the records lie: in a folder that is not there yet."""
    return tmp_path / "state" / "greenlight.sqlite"


@pytest.fixture(params=["sqlite"])
async def records(path: Path) -> AsyncIterator[Records]:
    """Empty records."""
    store = SqliteRecords(path)
    yield store
    store.close()


async def kept(records: Records, trail: Trail) -> Stored:
    """Put a whole trail into the records."""
    stored = await records.create(trail.proposal, trail.facts[0])
    assert stored is not None
    return await records.append(stored, trail.facts[1:], trail.review) if trail.facts[1:] else stored


def told(stored: Stored | None) -> list[Any]:
    """A trail as it stands, as plain JSON."""
    assert stored is not None
    return [encode(fact) for fact in stored.facts]


async def ids(records: Records, **filters: Any) -> list[str]:
    """The ids of a whole list, page by page."""
    found: list[str] = []
    cursor = None
    while True:
        page = await records.listed(Filters(**filters), 2, cursor, MORNING + timedelta(hours=1))
        found += [row.proposal for row in page.rows]
        cursor = page.cursor
        if cursor is None:
            return found


async def test_what_was_created_is_read_as_it_was(records: Records) -> None:
    """Facts, review, hashes and ETag are the same whether one has just written them or reads them."""
    created = await kept(records, in_review())
    read = await records.read(created.review.proposal)
    assert read == created
    assert verify(told(read), created.hashes) is None


async def test_an_id_in_use_is_not_taken_again(records: Records) -> None:
    """Two requests with one Idempotency-Key make one proposal; the second is told, and changes nothing."""
    await kept(records, received(title="The first"))
    assert await records.create(an_id(), first_fact(an_id(), title="The second")) is None
    read = await records.read(an_id())
    assert read is not None
    assert read.review.title == "The first"


async def test_an_unknown_id_is_none(records: Records) -> None:
    """Nothing is made up for an id that nobody has."""
    assert await records.read(an_id(7)) is None


async def test_whoever_judged_on_an_older_trail_gets_a_conflict_and_changes_nothing(records: Records) -> None:
    """Two people decide at once: the second is judged again on what the first did."""
    trail = in_review()
    before = await kept(records, trail)
    facts = trail.bring(Decide("r1s1p1", "approve"), ANN, "reviewer")
    after = await records.append(before, facts, trail.review)
    other = in_review()
    late = other.bring(Decide("r1s1p2", "approve"), BEN, "reviewer")
    with pytest.raises(Conflict):
        await records.append(before, late, other.review)
    assert await records.read(trail.proposal) == after


async def test_the_etag_changes_with_facts_and_not_with_looks(records: Records) -> None:
    """An operator's form stays good while the orchestrator looks on, and no longer when something has happened."""
    trail = in_review()
    stored = await kept(records, trail)
    await records.mark_seen(trail.proposal, 2, MORNING)
    looked = await records.read(trail.proposal)
    assert looked is not None
    assert looked.etag == stored.etag
    after = await records.append(looked, trail.bring(Withdraw(), SAM, "submitter"), trail.review)
    assert after.etag != stored.etag


async def test_seen_never_goes_back(records: Records) -> None:
    """A look that was held up must not make the orchestrator seem behind its trail again."""
    trail = in_review()
    await kept(records, trail)
    await records.mark_seen(trail.proposal, 3, MORNING)
    await records.mark_seen(trail.proposal, 1, MORNING + timedelta(minutes=1))
    read = await records.read(trail.proposal)
    assert read is not None
    assert (read.seen, read.seen_at) == (3, MORNING + timedelta(minutes=1))


async def test_a_mail_is_marked_as_sent_once(records: Records) -> None:
    """A mail handed over twice keeps the first mark, and other mails have none."""
    await records.mark_sent(an_id(), "r1s1p1-asked-4", MORNING)
    await records.mark_sent(an_id(), "r1s1p1-asked-4", MORNING + timedelta(hours=1))
    assert await records.was_sent(an_id(), "r1s1p1-asked-4")
    assert not await records.was_sent(an_id(), "r1s1p2-asked-5")
    assert list(await records.sent(an_id())) == [("r1s1p1-asked-4", MORNING)]


async def test_a_body_is_kept_once_under_its_hash(records: Records) -> None:
    """The trail names bodies by hash: the same body has the same name, and a name that nobody has is an error."""
    first, again = await records.put_content(b"{}"), await records.put_content(b"{}")
    assert first == again == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert await records.get_content(first) == b"{}"
    with pytest.raises(KeyError):
        await records.get_content("0" * 64)


async def test_the_list_goes_from_the_newest_to_the_oldest_and_ends_without_a_cursor(records: Records) -> None:
    """Pages neither repeat nor leave out a row, even where many came in the same instant."""
    for number in range(1, 8):
        await kept(records, received(an_id(number), MORNING + timedelta(hours=number // 3)))
    found = await ids(records)
    assert len(found) == 7
    assert len(set(found)) == 7
    assert found[-2:] == sorted((an_id(1), an_id(2)), reverse=True)


async def test_filters_all_have_to_fit(records: Records) -> None:
    """By whatever filter the store picks rows, the others count too."""
    await kept(records, in_review(a_stage(ANN), proposal=an_id(1), department="IT"))
    await kept(records, in_review(a_stage(BEN), proposal=an_id(2), department="it", submitter=Person("Mia", "MIA@example.com")))
    await kept(records, received(an_id(3)))
    assert await ids(records, status="in_review") == sorted((an_id(1), an_id(2)), reverse=True)
    assert await ids(records, reviewer="BEN@example.com") == [an_id(2)]
    assert await ids(records, submitter="mia@EXAMPLE.com") == [an_id(2)]
    assert await ids(records, department="It", reviewer="ann@example.com") == [an_id(1)]
    assert await ids(records, status="received", department="it") == []


async def test_who_has_decided_is_waited_for_no_more(records: Records) -> None:
    """The list by reviewer shows what waits on somebody, not what they have dealt with."""
    trail = in_review()
    stored = await kept(records, trail)
    await records.append(stored, trail.bring(Decide("r1s1p1", "approve"), ANN, "reviewer"), trail.review)
    assert await ids(records, reviewer=ANN.email) == []
    assert await ids(records, reviewer=BEN.email) == [trail.proposal]


async def test_overdue_is_what_lies_past_its_deadline_and_is_not_on_hold(records: Records) -> None:
    """The list's clock is the reader's: an hour after the stages opened, only the stage of half an hour is overdue."""
    await kept(records, in_review(a_stage(deadline=timedelta(minutes=30)), proposal=an_id(1)))
    await kept(records, in_review(a_stage(deadline=timedelta(hours=2)), proposal=an_id(2)))
    assert await ids(records, overdue=True) == [an_id(1)]


@pytest.mark.parametrize("q", ["ÉTÉ", "été", unicodedata.normalize("NFD", "été"), "straße roof", "STRASSE sam@", "Ann"])
async def test_words_are_found_however_they_are_spelled(records: Records, q: str) -> None:
    """Every word, casefolded and composed alike, anywhere in id, title and people."""
    await kept(records, in_review(proposal=an_id(1), title=unicodedata.normalize("NFD", "Roof in Straße Été")))
    await kept(records, received(an_id(2), title="Something else"))
    assert await ids(records, q=q) == [an_id(1)]
    assert await ids(records, q=f"{q} elsewhere") == []


@pytest.mark.parametrize("cursor", ["x", "W10", "bnVsbA", "ä", "WyJhIiwgMV0"])
async def test_a_foreign_cursor_is_a_value_error(records: Records, cursor: str) -> None:
    """Whatever somebody types into the address must be their mistake, not ours."""
    with pytest.raises(ValueError, match="cursor"):
        await records.listed(Filters(), 10, cursor, MORNING)


async def test_behind_are_the_unseen_and_the_due(records: Records) -> None:
    """The sweep finds what an orchestrator has not looked at, and what time alone should have moved, the oldest first."""
    unseen = received(an_id(1), MORNING + timedelta(hours=1))
    due = in_review(a_stage(deadline=timedelta(minutes=10)), proposal=an_id(2))
    fine = in_review(proposal=an_id(3))
    for trail in (unseen, due, fine):
        await kept(records, trail)
    for trail in (due, fine):
        await records.mark_seen(trail.proposal, trail.review.number, MORNING)
    assert list(await records.behind(MORNING + timedelta(hours=2), 10)) == [an_id(2), an_id(1)]
    assert list(await records.behind(MORNING + timedelta(hours=2), 1)) == [an_id(2)]
    assert list(await records.behind(MORNING, 10)) == []


async def test_what_has_ended_is_never_due(records: Records) -> None:
    """An ended proposal must not come back to the sweep for ever."""
    trail = in_review(a_stage(deadline=timedelta(minutes=10)))
    trail.bring(LetTimePass(), at=MORNING + timedelta(hours=1))
    assert trail.review.ended
    await kept(records, trail)
    await records.mark_seen(trail.proposal, trail.review.number, MORNING)
    assert list(await records.behind(MORNING + timedelta(days=999), 10)) == []


def appending(path: Path, barrier: Any, name: str) -> None:
    """One of two processes: both begin each round at once, and whoever loses judges again."""

    async def rounds() -> None:
        records = SqliteRecords(path)
        for _ in range(ROUNDS):
            barrier.wait(timeout=60)
            while True:
                stored = await records.read(an_id())
                assert stored is not None
                trail = Trail(an_id(), list(stored.facts))
                facts = trail.bring(Retry(name), BEN, "operator")
                try:
                    await records.append(stored, facts, trail.review)
                except Conflict:
                    continue
                break
        records.close()

    asyncio.run(rounds())


async def test_two_processes_that_append_at_once_leave_a_trail_without_gaps(records: Records, path: Path) -> None:
    """Workers are several processes on one file: each of their facts stands, once, in one unbroken chain."""
    await kept(records, in_review())
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    processes = [context.Process(target=appending, args=(path, barrier, name)) for name in ("one", "other")]
    for process in processes:
        process.start()
    for process in processes:
        process.join(90)
        assert process.exitcode == 0
    read = await records.read(an_id())
    assert read is not None
    assert [fact.number for fact in read.facts] == list(range(1, len(read.facts) + 1))
    asked = [fact.body.reason for fact in read.facts if isinstance(fact.body, RetryAsked)]
    assert (asked.count("one"), asked.count("other")) == (ROUNDS, ROUNDS)
    assert verify(told(read), read.hashes) is None


class TestSqlite:
    """What only the embedded store has: a file."""

    async def test_a_locked_file_is_unavailable_and_nothing_is_half_done(
        self, records: SqliteRecords, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A commit that cannot be made says so within seconds, and works once the lock is gone."""
        monkeypatch.setattr("services.records_sqlite.BUSY_SECONDS", 0.05)
        trail = in_review()
        stored = await kept(records, trail)
        records.close()
        facts = trail.bring(Withdraw(), SAM, "submitter")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RecordsUnavailable, match="locked"):
            await records.append(stored, facts, trail.review)
        assert await records.read(trail.proposal) == stored
        other.close()
        assert (await records.append(stored, facts, trail.review)).review.status == "withdrawn"

    async def test_a_full_disk_is_unavailable_and_nothing_is_half_done(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The head and its facts come together or not at all."""
        records = SqliteRecords(path)
        trail = in_review()
        stored = await kept(records, trail)
        records.close()
        with monkeypatch.context() as full:
            full.setitem(SQL, "pragmas", "PRAGMA max_page_count = 1;")
            with pytest.raises(RecordsUnavailable, match="full"):
                await records.put_content(b"x" * 1_000_000)
            records.close()
        assert await records.read(trail.proposal) == stored
        await records.put_content(b"x" * 1_000_000)
        records.close()

    async def test_a_folder_that_cannot_be_is_unavailable(self, tmp_path: Path) -> None:
        """A wrong GREENLIGHT_STATE_DIR is an outage that says why, not a crash."""
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(RecordsUnavailable, match="Error"):
            await SqliteRecords(tmp_path / "file" / "greenlight.sqlite").check()

    async def test_a_file_that_is_no_database_is_unavailable(self, tmp_path: Path) -> None:
        """Somebody else's file is left as it is."""
        path = tmp_path / "greenlight.sqlite"
        path.write_text("Dear diary, " * 100)
        with pytest.raises(RecordsUnavailable, match="not a database"):
            await SqliteRecords(path).check()
        assert path.read_text().startswith("Dear diary")

    async def test_records_of_a_newer_version_are_left_alone(self, records: SqliteRecords, path: Path) -> None:
        """An old app must not write into tables that it does not understand."""
        await records.check()
        records.close()
        newer = sqlite3.connect(path)
        newer.execute("PRAGMA user_version = 99")
        newer.close()
        with pytest.raises(RecordsUnavailable, match="version 99"):
            await records.check()

    async def test_commits_are_on_disk_before_they_are_answered(self, records: SqliteRecords) -> None:
        """What was called recorded must outlive a power cut: the log is synced at each commit."""
        connection = records._held().connection
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)

    async def test_a_page_of_a_rare_word_costs_a_page(self, records: SqliteRecords, monkeypatch: pytest.MonkeyPatch) -> None:
        """What matches nothing is looked for a part at a time: an empty page with a cursor, until the end."""
        monkeypatch.setattr("services.listing.SCANNED_AT_ONCE", 2)
        monkeypatch.setattr("services.listing.SCANNED_AT_MOST", 2)
        for number in range(1, 6):
            await kept(records, received(an_id(number), MORNING + timedelta(minutes=number)))
        page = await records.listed(Filters(q=an_id(1)), 10, None, MORNING)
        assert page.rows == ()
        assert page.cursor is not None
        assert await ids(records, q=an_id(1)) == [an_id(1)]

    @pytest.mark.parametrize(
        ("filters", "index"),
        [
            ({}, "heads_by_submission"),
            ({"status": "received"}, "heads_by_status"),
            ({"submitter": "a"}, "heads_by_submitter"),
            ({"department": "a"}, "heads_by_department"),
            ({"overdue": True, "status": "in_review"}, "heads_by_deadline"),
            ({"reviewer": "a", "status": "in_review"}, "waiting USING PRIMARY KEY"),
        ],
    )
    async def test_every_filter_is_served_by_an_index(self, records: SqliteRecords, filters: dict[str, Any], index: str) -> None:
        """A list of a hundred thousand proposals answers as fast as one of ten."""
        await records.check()
        where, values = chosen(Filters(**filters), 0)
        plan = records._held().connection.execute(
            f"EXPLAIN QUERY PLAN SELECT row_json FROM heads WHERE {where} ORDER BY submitted_at DESC, proposal DESC LIMIT 10",
            values,
        )
        steps = [step[3] for step in plan.fetchall()]
        assert any(index in step for step in steps), steps


def test_a_trail_folds_to_the_same_review_after_json() -> None:
    """Old trails are read from JSON: nothing may be lost on the way."""
    trail = in_review()
    again: Review = fold(trail.proposal, [decode(json.loads(json.dumps(encode(fact)))) for fact in trail.facts])
    assert again == trail.review
