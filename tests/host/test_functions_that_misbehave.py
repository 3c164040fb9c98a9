"""Functions that raise what nobody raises, take too long, or run loops of their own: each has an outcome, and the others go on."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from standalone.contracts import FunctionFailed, HttpCall
from tests.host.enginehost import Host, running

CODE = """
import asyncio, contextvars, sys, threading, time
import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
mood = contextvars.ContextVar("mood", default="none")
moods, gate = [], threading.Event()


def raises(what):
    raise {
        "KeyboardInterrupt": KeyboardInterrupt(), "SystemExit": SystemExit(3), "GeneratorExit": GeneratorExit(),
        "CancelledError": asyncio.CancelledError(), "StopIteration": StopIteration(), "surrogate": SystemExit("\\ud800"),
    }[what]


@app.activity_trigger(input_name="payload")
def sync_activity(payload: str):
    raises(payload)


@app.activity_trigger(input_name="payload")
async def async_activity(payload: str):
    raises(payload)


@app.entity_trigger(context_name="context")
def entity(context):
    raises(context.get_input())


@app.route(route="sync")
def sync_route(req: func.HttpRequest) -> str:
    raises(req.params["what"])


@app.route(route="async")
async def async_route(req: func.HttpRequest) -> str:
    raises(req.params["what"])


@app.orchestration_trigger(context_name="context")
def raising(context):
    raises(context.get_input())
    yield


@app.orchestration_trigger(context_name="context")
def calling(context):
    kind, given = context.get_input()
    try:
        if kind == "entity":
            return (yield context.call_entity(df.EntityId("entity", "e"), "do", given))
        return (yield context.call_activity(kind, given))
    except Exception as error:
        return str(error).split("\\n")[0].strip()


@app.activity_trigger(input_name="payload")
async def stubborn(payload: float):
    while not gate.is_set():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass


@app.activity_trigger(input_name="payload")
def stuck(payload: float):
    gate.wait(20)


@app.activity_trigger(input_name="payload")
def noted(payload: float):
    moods.append(payload)


@app.activity_trigger(input_name="payload")
def own_loop(payload: float) -> str:
    return asyncio.run(asyncio.sleep(payload, "slept"))


@app.activity_trigger(input_name="payload")
async def async_mood(payload: str) -> str:
    before = mood.get()
    mood.set(payload)
    return before


@app.activity_trigger(input_name="payload")
def sync_mood(payload: str) -> str:
    before = mood.get()
    mood.set(payload)
    return before


@app.orchestration_trigger(context_name="context")
def moody(context):
    seen = []
    for kind in ("async_mood", "sync_mood", "async_mood", "async_mood"):
        seen.append((yield context.call_activity(kind, kind)))
        moods.append(mood.get())
    return seen
"""
RAISED = ("KeyboardInterrupt", "SystemExit", "GeneratorExit", "CancelledError", "StopIteration", "surrogate")


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    """The app above, in this process: what got out of a function would end the test."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "function_app.py").write_text(CODE)
    async with running(tmp_path / "app", tmp_path) as host:
        yield host


async def outcome(host: Host, name: str, given: Any) -> tuple[str, Any]:
    instance = await host.engine.start_instance(name, json.dumps(json.dumps(given)))
    async with asyncio.timeout(10):
        await host.engine.settle()
    found = await host.engine.get(instance)
    assert found is not None
    return found.runtime_status, json.loads(found.output_json or "null")


@pytest.mark.parametrize("what", RAISED)
async def test_whatever_a_function_raises_is_its_failure(host: Host, what: str) -> None:
    """Somebody waits for its answer, and the app's other functions share its process: nothing may be lost, nobody may be hurt."""
    named = {"surrogate": "SystemExit: �", "SystemExit": "SystemExit: 3"}.get(what, what)
    for activity in ("sync_activity", "async_activity"):
        status, told = await outcome(host, "calling", [activity, what])
        assert (status, told.startswith(f"Activity function '{activity}' failed: ")) == ("Completed", True)
        assert named in told
    status, told = await outcome(host, "calling", ["entity", what])
    assert status == "Completed" or host.engine.next_due() is not None  # what is no failure of an operation is tried again
    status, told = await outcome(host, "raising", what)
    assert (status, told.startswith("Orchestrator function 'raising' failed: ")) == ("Failed", True)
    for route in ("sync_route", "async_route"):
        call = HttpCall("GET", "http://x/api/", [], [("what", what)], {}, b"")
        with pytest.raises(FunctionFailed, match=named):
            await asyncio.wait_for(host.workers.call_http(route, call), 10)
    assert await outcome(host, "calling", ["async_mood", "last"]) == ("Completed", "none")


@pytest.mark.parametrize("activity", ["stubborn", "stuck"])
async def test_an_activity_that_cannot_be_stopped_fails_in_time(tmp_path: Path, activity: str) -> None:
    """One that swallows its cancellation and one that sits in a thread: host.json's functionTimeout holds for both."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "function_app.py").write_text(CODE)
    async with running(tmp_path / "app", tmp_path, function_timeout=timedelta(seconds=0.05)) as host:
        _, told = await outcome(host, "calling", [activity, 1])
        assert told == f"Activity function '{activity}' failed: Timeout value of 0:00:00.050000 was exceeded by function: {activity}"
        sys.modules["function_app"].gate.set()


async def test_an_activity_whose_time_is_up_before_it_gets_a_thread_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its caller was told that it failed, and may have had it done otherwise: it must not happen hours later."""
    monkeypatch.setenv("PYTHON_THREADPOOL_THREAD_COUNT", "1")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "function_app.py").write_text(CODE)
    async with running(tmp_path / "app", tmp_path, function_timeout=timedelta(seconds=1)) as host:
        app = sys.modules["function_app"]
        told = await asyncio.gather(outcome(host, "calling", ["stuck", 1]), outcome(host, "calling", ["noted", "late"]))
        assert ["Timeout value" in each for _, each in told] == [True, True]
        app.gate.set()
        _, after = await outcome(host, "calling", ["noted", "in time"])
        assert (after, app.moods) == (None, ["in time"])


async def test_a_sync_activity_may_run_a_loop_of_its_own_and_sleep_there(host: Host) -> None:
    """Its sleep is virtual like any other, though it is not this loop that sleeps."""
    instance = await host.engine.start_instance("calling", json.dumps(json.dumps(["own_loop", 3600])))
    async with asyncio.timeout(10):
        await host.advance(minutes=59)
        found = await host.engine.get(instance)
        assert found is not None
        assert found.runtime_status == "Running"
        await host.advance(minutes=1)
    found = await host.engine.get(instance)
    assert found is not None
    assert found.output_json == '"slept"'


async def test_a_sync_activity_that_sleeps_in_a_loop_of_its_own_ends_with_the_host(tmp_path: Path) -> None:
    """Time stands still for ever then, and Python waits at its exit for every thread of a pool."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "function_app.py").write_text(CODE)
    async with running(tmp_path / "app", tmp_path) as host:
        await host.engine.start_instance("calling", json.dumps(json.dumps(["own_loop", 3600])))
        await host.engine.settle()
        threads = list(host.workers.functions.pool._threads)
    async with asyncio.timeout(10):
        while any(thread.is_alive() for thread in threads):
            await asyncio.sleep(0.01)


async def test_context_variables_of_one_activity_are_no_other_s(host: Host) -> None:
    """Neither the next activity nor the orchestrator finds what one has set; a logging context or a locale must not travel so."""
    assert await outcome(host, "moody", None) == ("Completed", ["none"] * 4)
    assert set(sys.modules["function_app"].moods) == {"none"}
