"""What Greenlight leans on is away for a while: nothing is half done, and the approval resumes by itself."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.live.conftest import Site
from tests.live.greenlight import Proposal, told_is_trail
from tests.live.mailbox import eventually
from tests.live.test_way import ANA


@contextmanager
def records_locked(site: Site) -> Iterator[None]:
    """Within, nobody can write the records: another process holds the file's one write lock."""
    with closing(sqlite3.connect(site.state / "greenlight.sqlite", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


async def test_a_decision_that_cannot_be_recorded_is_not_said_to_be(site: Site) -> None:
    """It is answered 503 and changes nothing; pressed again when the records are back, it counts."""
    proposal = await site.greenlight.submit("solo")
    link = (await proposal.letter(ANA, "/review/")).link()
    with records_locked(site):
        answer = await proposal.decided_at(link, "approve")
    assert answer.status == 503, answer
    assert int(answer.headers["Retry-After"]) > 0
    assert "decided" not in await proposal.kinds()
    assert (await proposal.decided_at(link, "approve")).status == 200
    await proposal.until("approved")
    await told_is_trail(proposal)


async def test_an_approval_resumes_by_itself_when_the_records_are_back(site: Site, tmp_path: Path) -> None:
    """Nobody looks and nobody presses anything: the activity that could not commit fails, and is tried again later."""
    gate = tmp_path / "gate"
    gate.touch()
    proposal = await site.greenlight.submit("solo", details={"gate": str(gate)})
    await eventually(lambda: gate.read_text() == "reached", 30, "the rule runs")
    with records_locked(site):
        gate.unlink()
        await activity_failed(proposal)
    await proposal.letter(ANA, "/review/")
    assert (await proposal.kinds()).count("planned") == 1


async def activity_failed(proposal: Proposal) -> None:
    """Wait until the engine has an activity of this proposal that failed."""
    for _ in range(150):
        instance = await proposal.greenlight.instance(proposal.id, history=True)
        if instance and any(event["EventType"] == "TaskFailed" for event in instance["historyEvents"]):
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"no activity of {proposal.id} has failed")
