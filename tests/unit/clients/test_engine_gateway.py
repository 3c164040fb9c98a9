"""The gateway to the engine, on the SDK's real client: whatever the engine does, what was committed stands and is answered."""

import json
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import azure.durable_functions as df
import pytest
import pytest_asyncio
from aiohttp import web

from clients import engine
from domain.commands import Actor, Decide
from services import wiring
from services.records import Stored
from services.wiring import Services
from tests.unit.clients.reviews import ANN, NOW, in_review, stored_as, then


def client_at(base: str) -> df.DurableOrchestrationClient:
    """The SDK's client, as the binding makes it."""
    names = ("statusQueryGetUri", "sendEventPostUri", "terminatePostUri", "rewindPostUri", "purgeHistoryDeleteUri", "restartPostUri")
    binding = {
        "taskHubName": "greenlight",
        "creationUrls": {"createNewInstancePostUri": "", "createAndWaitOnNewInstancePostUri": ""},
        "managementUrls": {"id": "INSTANCEID", **dict.fromkeys((*names, "suspendPostUri", "resumePostUri"), "")},
        "rpcBaseUrl": f"{base}/durabletask/",
    }
    return df.DurableOrchestrationClient(json.dumps(binding))


class Recorder:
    """An engine's edge that notes what is asked, and answers as the real extension does for what it is told to be."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.raise_status = 202
        self.status: str | None = None
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        """One request."""
        path = request.path.removeprefix("/durabletask/")
        self.asked.append(f"{request.method} {path}")
        if "/raiseEvent/" in path:
            return web.json_response(None, status=self.raise_status)
        if path.startswith("orchestrators/"):
            return web.json_response({"id": path.rpartition("/")[2]}, status=202)
        if request.method == "GET" and self.status:
            times = {"createdTime": "2026-11-30T08:00:00Z", "lastUpdatedTime": "2026-11-30T08:00:00Z"}
            body = {"name": "approval", "instanceId": path.rpartition("/")[2], "runtimeStatus": self.status, **times}
            return web.json_response(body, status=200 if self.status in ("Completed", "Failed", "Terminated") else 202)
        return web.json_response(None, status=404 if request.method == "GET" else 202)


@pytest_asyncio.fixture
async def recorder() -> AsyncIterator[Recorder]:
    """A running edge."""
    edge = Recorder()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", edge.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    edge.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield edge
    await runner.cleanup()


def closed_port() -> str:
    """An address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def a_stored(seen: int) -> Stored:
    """A proposal in review, looked at up to `seen`."""
    review, facts = in_review()
    return stored_as(review, facts, seen)


async def test_a_fact_is_announced_under_its_own_name(recorder: Recorder) -> None:
    """One event for one fact (durable.md A1)."""
    stored = a_stored(seen=0)
    await engine.announce(client_at(recorder.url), stored, 3)
    assert recorder.asked == [f"POST instances/{stored.review.proposal}/raiseEvent/fact-3"]


async def test_nothing_new_is_not_announced(recorder: Recorder) -> None:
    """A refusal wakes nobody."""
    await engine.announce(client_at(recorder.url), a_stored(seen=0), None)
    assert recorder.asked == []


@pytest.mark.parametrize("number", [0, 99])
async def test_a_fact_that_does_not_stand_is_never_announced(recorder: Recorder, number: int) -> None:
    """An event without its fact would be consumed, and the real one lost."""
    with pytest.raises(ValueError, match="does not stand"):
        await engine.announce(client_at(recorder.url), a_stored(seen=0), number)
    assert recorder.asked == []


@pytest.mark.parametrize("status", [404, 410])
async def test_an_instance_that_is_gone_is_begun_anew_at_once(recorder: Recorder, status: int) -> None:
    """Whoever commits finds it dead, and need not wait for the sweep."""
    recorder.raise_status = status
    stored = a_stored(seen=0)
    await engine.announce(client_at(recorder.url), stored, 1)
    assert recorder.asked[-1] == f"POST orchestrators/approval/{stored.review.proposal}"


async def test_an_engine_that_fails_is_not_begun_anew(recorder: Recorder) -> None:
    """A 500 says nothing about the instance."""
    recorder.raise_status = 500
    await engine.announce(client_at(recorder.url), a_stored(seen=0), 1)
    assert len(recorder.asked) == 1


async def test_an_engine_that_is_away_costs_the_caller_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The person's answer is what stands recorded; the sweep does the rest."""
    client = client_at(closed_port())
    stored = a_stored(seen=0)
    await engine.announce(client, stored, 1)
    await engine.begin(client, stored.review.proposal)
    assert await engine.state(client, stored.review.proposal) == "unknown"
    assert "was not announced" in caplog.text


def test_how_far_behind_is_counted_from_the_oldest_fact_not_looked_at() -> None:
    """A busy proposal gets new facts all the time; the newest would never be old. A look just taken counts too."""
    stored = a_stored(seen=1)
    assert engine.behind_for(stored, NOW + timedelta(minutes=11)) == timedelta(minutes=11)
    looked = stored_as(stored.review, stored.facts, 1, NOW + timedelta(minutes=10))
    assert engine.behind_for(looked, NOW + timedelta(minutes=11)) == timedelta(minutes=1)


def test_only_this_file_of_the_clients_touches_the_durable_client() -> None:
    """The SDK raises bare exceptions: they must be caught where they are understood."""
    verbs = ("start_new(", "raise_event(", "get_status(", ".terminate(", ".resume(", "create_check_status_response")
    for file in Path(engine.__file__).parent.glob("*.py"):
        if file.name != "engine.py":
            text = file.read_text(encoding="utf-8")
            assert not [verb for verb in verbs if f"client{verb}" in text or f"client.{verb}" in text], file.name


class StillClock:
    """A clock that a test has set."""

    def __init__(self, now: datetime) -> None:
        self.at = now

    def now(self) -> datetime:
        """The instant it was set to."""
        return self.at


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """The app's services on an empty folder, at the instant of the reviews."""
    monkeypatch.setenv("GREENLIGHT_DEVELOPMENT", "true")
    monkeypatch.setenv("GREENLIGHT_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("GREENLIGHT_POLICY_FILE", str(tmp_path / "none.toml"))
    wiring.services.cache_clear()
    made = replace(wiring.services(), clock=StillClock(NOW))
    yield made
    wiring.services.cache_clear()


LATE = timedelta(seconds=30)
LONG_LATE = timedelta(minutes=11)


@pytest.mark.parametrize(
    ("status", "unseen", "after", "verbs"),
    [
        ("Running", False, LATE, []),
        ("Running", True, timedelta(seconds=5), []),
        ("Running", True, LATE, ["raiseEvent/fact-4"]),
        ("Running", True, LONG_LATE, ["terminate"]),
        ("Pending", True, LATE, ["raiseEvent/fact-4"]),
        (None, False, LATE, ["begin"]),
        ("Failed", False, LATE, ["begin"]),
        ("Terminated", True, LATE, ["begin"]),
        ("Completed", False, LATE, ["begin"]),
        ("Suspended", False, LATE, ["resume"]),
        ("Suspended", True, LATE, ["resume", "raiseEvent/fact-4"]),
    ],
)
async def test_whatever_became_of_an_instance_is_set_right(
    recorder: Recorder, world: Services, status: str | None, unseen: bool, after: timedelta, verbs: list[str]
) -> None:
    """All is well: one question. Else what is needed, and no more."""
    review, facts = in_review()
    stored = stored_as(review, facts, 3 if unseen else review.number)
    recorder.status = status
    healed = await engine.heal(client_at(recorder.url), replace(world, clock=StillClock(NOW + after)), stored)
    assert healed == stored
    prefix = f"POST instances/{review.proposal}/"
    told = {"begin": f"POST orchestrators/approval/{review.proposal}"}
    assert recorder.asked == [f"GET instances/{review.proposal}", *(told.get(verb, prefix + verb) for verb in verbs)]


@pytest.mark.parametrize(("status", "verbs"), [("Completed", []), ("Failed", ["begin"]), ("Running", [])])
async def test_of_a_proposal_that_has_ended_only_work_left_undone_matters(
    recorder: Recorder, world: Services, status: str, verbs: list[str]
) -> None:
    """An instance that died over the last mails is begun anew; one that is done is let be."""
    review, facts = then(*in_review(), Decide("r1s1p1", "approve"), Actor(ANN, "reviewer"))
    assert review.ended
    recorder.status = status
    await engine.heal(client_at(recorder.url), world, stored_as(review, facts, review.number))
    assert len(recorder.asked) == 1 + len(verbs)
