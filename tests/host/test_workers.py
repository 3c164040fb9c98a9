"""Where the app's code runs: what is slow holds up nobody, what dies is started again."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from standalone.clock import HostClock
from standalone.contracts import FunctionFailed, HttpCall
from standalone.engine import Engine, EngineSettings
from standalone.engine import history as h
from standalone.engine.dispatcher import Dispatcher
from standalone.engine.messages import Arrival, Deliver, Episode, Load, Unload
from standalone.engine.store import Store
from standalone.workers import InProcessWorkers, ProcessWorkers
from standalone.workers.frames import Channel
from standalone.workers.processes import BOOT
from tests.host.enginehost import BEGINNING, StandingClock, running

ROOT = Path(__file__).parents[2]
APP = Path(__file__).parent / "engine_app"
HEAD = "import azure.durable_functions as df\nimport azure.functions as func\nimport threading, asyncio, os, time\napp = df.DFApp()\n"


def app_of(folder: Path, code: str) -> Path:
    """An app with this code."""
    folder.mkdir(exist_ok=True)
    (folder / "function_app.py").write_text(HEAD + code)
    return folder


def in_process(app_dir: Path, **options: Any) -> InProcessWorkers:
    strict = {"AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1"}
    return InProcessWorkers(app_dir, clock=StandingClock(), binding_base_url="http://127.0.0.1:9/", environment=strict, **options)


async def test_every_host_of_a_process_loads_all_of_the_app_anew(tmp_path: Path) -> None:
    """A folder without `__init__.py` is a package all the same; kept, it would hand the next host the modules of the last."""
    app_dir = app_of(tmp_path / "app", "import shop.basket\nfrom shop import basket\nbasket.items.append(1)\napp.loaded = basket.items\n")
    (app_dir / "shop").mkdir()
    (app_dir / "shop" / "basket.py").write_text("items = []\n")
    for _ in range(2):
        workers = in_process(app_dir)
        await workers.start()
        assert sys.modules["function_app"].app.loaded == [1]
        await workers.stop()
        assert not {"function_app", "shop", "shop.basket"} & sys.modules.keys()


async def test_the_app_s_modules_win_over_namesakes_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders with tests are put in front by pytest; another app may lie in one."""
    app_dir = app_of(tmp_path / "app", "which = 'this'\n")
    other = app_of(tmp_path / "other", "which = 'other'\n")
    monkeypatch.setattr(sys, "path", [str(other), str(app_dir), *sys.path])
    workers = in_process(app_dir)
    await workers.start()
    try:
        assert sys.modules["function_app"].which == "this"
    finally:
        await workers.stop()
    assert sys.path[:2] == [str(other), str(app_dir)]


async def test_what_lies_beside_the_host_hides_nothing_of_the_app(tmp_path: Path) -> None:
    """A folder without `__init__.py` gives way to a package of its name anywhere on the path; beside this host lies an app with many."""
    app_dir = app_of(tmp_path / "app", "from activities.carry import Carrier\n")
    (app_dir / "activities").mkdir()
    (app_dir / "activities" / "carry.py").write_text("Carrier = object\n")
    assert (ROOT / "activities" / "__init__.py").is_file()
    workers = ProcessWorkers(app_dir, 1, clock=HostClock(), binding_base_url="http://127.0.0.1:9/")
    await workers.start()
    await workers.stop()


def test_a_python_without_the_sdk_is_told_which_one_to_install() -> None:
    """The main process does without it, so it starts; of the second line of the SDK, too, parts are missing."""
    told = subprocess.run([sys.executable, "-S", "-c", BOOT, str(ROOT)], capture_output=True, text=True, check=False, cwd="/")
    assert told.returncode == 1
    assert told.stderr.endswith(f": {sys.executable} -m pip install 'azure-functions-durable<2'\n")
    assert len(told.stderr.splitlines()) == 1


@pytest.mark.parametrize("place", ["tests/test_shop.py", "tests/fakes.py", "test_shop.py", "conftest.py"])
async def test_tests_that_lie_in_the_app_s_folder_stay_loaded(tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that is taken out of `sys.modules` while it runs cannot so much as define a dataclass."""
    app_dir = app_of(tmp_path / "app", "")
    module = ModuleType("fakes_or_test")
    module.__file__ = str(app_dir / place)
    monkeypatch.setitem(sys.modules, Path(place).stem, module)
    workers = in_process(app_dir)
    await workers.start()
    try:
        assert sys.modules[Path(place).stem] is module
    finally:
        await workers.stop()


async def test_an_app_can_be_loaded_again_and_others_beside_it(tmp_path: Path) -> None:
    """A suite of tests starts hundreds of hosts in one process; none sees the modules of another."""
    for answer in ("one", "two", "one"):
        code = "from helper import word\n@app.activity_trigger(input_name='payload')\ndef say(payload: str):\n    return word\n"
        app_dir = app_of(tmp_path / answer, code)
        (app_dir / "helper.py").write_text(f"word = {answer!r}\n")
        workers = in_process(app_dir)
        await workers.start()
        assert workers.functions.act_here(workers.functions.activity("say"), '"x"') == json.dumps(answer)
        await workers.stop()


@pytest.mark.parametrize(("wanted", "threads"), [("3", 3), ("0", None), ("-1", None), ("many", None)])
async def test_a_number_of_threads_that_is_none_is_not_minded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, wanted: str, threads: int | None
) -> None:
    """The Functions worker warns and takes its default: a slip in a setting must not keep the app from starting."""
    monkeypatch.setenv("PYTHON_THREADPOOL_THREAD_COUNT", wanted)
    workers = in_process(app_of(tmp_path / "app", ""))
    await workers.start()
    assert workers.functions.pool._max_workers == (threads or ThreadPoolExecutor()._max_workers)
    assert ("no number of threads" in caplog.text) == (threads is None)
    await workers.stop()


async def test_a_slow_activity_holds_up_no_orchestrator(tmp_path: Path) -> None:
    """Sync activities run in threads, orchestrators do not wait for one: others go on while one is held."""
    code = """
gate = threading.Event()
@app.activity_trigger(input_name="payload")
def held(payload: str):
    gate.wait(20)
    return payload
@app.orchestration_trigger(context_name="context")
def waits(context):
    return (yield context.call_activity("held", "x"))
@app.orchestration_trigger(context_name="context")
def quick(context):
    yield context.create_timer(context.current_utc_datetime)
    return "quick"
"""
    async with running(app_of(tmp_path / "app", code), tmp_path) as host:
        slow = await host.engine.start_instance("waits", None)
        quick = await host.engine.start_instance("quick", None)
        await until_status(host.engine, quick, "Completed")
        assert await status(host.engine, slow) == "Running"
        await host.engine.terminate(slow, "enough")
        await until_status(host.engine, slow, "Terminated")
        sys.modules["function_app"].gate.set()
        await host.engine.settle()


async def test_an_activity_sleeps_in_virtual_time(tmp_path: Path) -> None:
    """asyncio.sleep in an activity ends when the clock is moved there, and is something due until then."""
    code = """
@app.activity_trigger(input_name="payload")
async def naps(payload: int):
    await asyncio.sleep(payload)
    return "rested"
@app.orchestration_trigger(context_name="context")
def sleeper(context):
    return (yield context.call_activity("naps", 86400))
"""
    async with running(app_of(tmp_path / "app", code), tmp_path) as host:
        instance = await host.engine.start_instance("sleeper", None)
        await host.engine.settle()
        assert host.engine.next_due() is not None
        await host.advance(hours=23)
        assert await status(host.engine, instance) == "Running"
        await host.advance(hours=1)
        assert await status(host.engine, instance) == "Completed"


async def test_a_function_that_takes_too_long_fails(tmp_path: Path) -> None:
    """host.json's functionTimeout: async functions are cancelled, sync ones abandoned; either way it is a failure."""
    code = """
gate = threading.Event()
@app.route(route="patient")
async def patient(req: func.HttpRequest) -> str:
    await asyncio.Event().wait()
@app.route(route="stuck")
def stuck(req: func.HttpRequest) -> str:
    gate.wait(5)
"""
    workers = in_process(app_of(tmp_path / "app", code), function_timeout=timedelta(seconds=0.05))
    await workers.start()
    for name in ("patient", "stuck"):
        with pytest.raises(FunctionFailed, match=f"Timeout value of 0:00:00.050000 was exceeded by function: {name}"):
            await workers.call_http(name, HttpCall("GET", "http://x/api/", [], [], {}, b""))
    sys.modules["function_app"].gate.set()
    await workers.stop()


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[tuple[Engine, ProcessWorkers]]:
    """The engine over two worker processes, in real time."""
    clock = HostClock()
    workers = ProcessWorkers(APP, 2, {"AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1"}, clock=clock, binding_base_url="http://127.0.0.1:9/")
    engine = Engine(tmp_path / "engine.sqlite", clock, workers, settings=EngineSettings(synchronous="OFF"))
    await workers.start()
    await engine.start()
    yield engine, workers
    await engine.stop()
    await workers.stop()


async def test_a_worker_that_is_killed_is_replaced_and_its_instances_go_on(processes: tuple[Engine, ProcessWorkers]) -> None:
    """Instances that waited are seated elsewhere, and the next event is served at once."""
    engine, workers = processes
    names = [f"n{number}" for number in range(6)]
    for name in names:
        await engine.start_instance("approval", json.dumps({"name": name}), name)
    await engine.settle()
    before = list(workers.pids())

    os.kill(before[0], signal.SIGKILL)
    for name in names:
        await engine.raise_event(name, "decision", "1")
    for name in names:
        await until_status(engine, name, "Completed")

    async with asyncio.timeout(10):
        while workers.pids()[0] == before[0] or workers.place(0) != 0:
            await asyncio.sleep(0.02)
    answer = await workers.call_http("start", HttpCall("POST", "http://x/api/start/q", [], [], {"name": "q"}, b""))
    assert (answer.status, answer.body.decode()) == (202, "http://127.0.0.1:9/instances/q?taskHub=standalone&connection=Storage")


async def test_an_http_call_in_a_worker_that_dies_fails_and_says_how(tmp_path: Path) -> None:
    """Nobody waits for an answer that cannot come."""
    code = "@app.route(route='die')\nasync def die(req: func.HttpRequest) -> str:\n    os.kill(os.getpid(), 9)\n"
    workers = ProcessWorkers(app_of(tmp_path / "app", code), 1, clock=HostClock(), binding_base_url="http://127.0.0.1:9/")
    await workers.start()
    with pytest.raises(FunctionFailed, match=r"python exited with code 137 \(0x89\)"):
        await workers.call_http("die", HttpCall("GET", "http://x/api/die", [], [], {}, b""))
    await workers.stop()


@asynccontextmanager
async def one_process(folder: Path, code: str) -> AsyncIterator[tuple[Engine, ProcessWorkers]]:
    """The engine over one worker process, in real time."""
    clock = HostClock()
    workers = ProcessWorkers(app_of(folder / "app", code), 1, clock=clock, binding_base_url="http://127.0.0.1:9/")
    engine = Engine(folder / "engine.sqlite", clock, workers, settings=EngineSettings(synchronous="OFF"))
    await workers.start()
    try:
        await engine.start()
        yield engine, workers
        await engine.stop()
    finally:
        await workers.stop()


async def test_an_orchestrator_that_kills_its_worker_each_time_fails_in_the_end_and_takes_no_other_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been the worker's fault once, or twice; then it is the orchestrator's. The others had but the same worker."""
    monkeypatch.setattr("standalone.workers.processes.LIVED_LONG", 0.0)
    code = """
@app.orchestration_trigger(context_name="context")
def deadly(context):
    os.kill(os.getpid(), 9)
    yield
@app.orchestration_trigger(context_name="context")
def harmless(context):
    return (yield context.wait_for_external_event("go"))
"""
    async with one_process(tmp_path, code) as (engine, _):
        names = ["harmless", "deadly", "harmless"]
        await asyncio.gather(*(engine.start_instance(name, None, f"{name}-{place}") for place, name in enumerate(names)))
        await until_status(engine, "deadly-1", "Failed", 20)
        for other in ("harmless-0", "harmless-2"):
            await engine.raise_event(other, "go", "1")
            await until_status(engine, other, "Completed")
        found = await engine.get("deadly-1")
        assert found is not None
        assert "python exited with code 137 (0x89) while it ran, 3 times" in (found.output_json or "")


async def test_an_entity_that_kills_its_worker_is_tried_again_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Azure whenever an entity's function gives no answer. At once, it would kill worker after worker, and what else runs there."""
    monkeypatch.setattr("standalone.workers.processes.LIVED_LONG", 0.0)
    code = """
@app.entity_trigger(context_name="context")
def moody(context):
    with open("tries", "a") as tries:
        tries.write(f"{time.time()} ")
    if len(open("tries").read().split()) < 2:
        os.kill(os.getpid(), 9)
    context.set_result("well")
@app.orchestration_trigger(context_name="context")
def asks(context):
    return (yield context.call_entity(df.EntityId("moody", "x"), "live"))
"""
    async with one_process(tmp_path, code) as (engine, _):
        instance = await engine.start_instance("asks", None)
        await until_status(engine, instance, "Completed", 30)
        found = await engine.get(instance)
        assert found is not None
        assert found.output_json == '"well"'
        first, second = map(float, (tmp_path / "app" / "tries").read_text().split())
        assert second - first >= 2


async def test_an_app_that_does_not_load_for_a_while_fails_no_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came meanwhile has not been tried: it waits until the app is whole again. Who waits for an answer is told at once."""
    monkeypatch.setattr("standalone.workers.processes.LONGEST_PAUSE", 0.0)
    code = """
@app.activity_trigger(input_name="payload")
def echo(payload: str):
    return payload
@app.orchestration_trigger(context_name="context")
def waits(context):
    told = yield context.wait_for_external_event("go")
    return (yield context.call_activity("echo", told))
@app.route(route="ask")
def ask(req: func.HttpRequest) -> str:
    return "answer"
"""
    async with one_process(tmp_path, code) as (engine, workers):
        await engine.start_instance("waits", None, "one")
        await engine.settle()
        app_of(tmp_path / "app", "import nowhere\n")
        os.kill(workers.pids()[0], signal.SIGKILL)
        await engine.raise_event("one", "go", '"on"')
        for _ in range(4):
            with pytest.raises(FunctionFailed, match=r"exited|nowhere"):
                await workers.call_http("ask", HttpCall("GET", "http://x/api/ask", [], [], {}, b""))
        app_of(tmp_path / "app", code)
        await until_status(engine, "one", "Completed")
        found = await engine.get("one")
        assert found is not None
        assert found.output_json == '"on"'


async def test_an_instance_that_is_loaded_anew_in_one_turn_hears_of_what_comes(tmp_path: Path) -> None:
    """The engine may begin again from its file at any time; the turn in which the old one was to run is the new one's."""
    workers = in_process(APP)
    await workers.start()
    told: list[Any] = []
    workers.attach(lambda _, message: told.append(message), lambda *_: None, lambda: None)
    started = h.execution_started(h.stamp(BEGINNING), "approval", '{"name": "ana"}', "one", "e", "", None)
    for seat in (1, 2):
        workers.send(0, Load(1, "one", "approval", seat=seat))
        workers.send(0, Deliver(1, [Arrival(seat, h.text(started))]))
        if seat == 1:
            workers.send(0, Unload(1))
    await asyncio.sleep(0)
    assert [(episode.seat, episode.seqs) for episode in told] == [(2, [2])]
    await workers.stop()


async def test_an_episode_of_a_seat_that_was_taken_away_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be on its way from a worker while the engine begins again: what was not on disk never happened."""
    sent: list[Any] = []
    workers = in_process(APP)
    await workers.start()
    clock = StandingClock()
    store = Store(tmp_path / "engine.sqlite")
    monkeypatch.setattr(workers, "send", lambda _, message: sent.append(message))
    dispatcher = Dispatcher(store, clock, workers, EngineSettings())
    started = h.execution_started(h.stamp(BEGINNING), "approval", '{"name": "ana"}', "one", "e", "", None)
    dispatcher.begin("one", "approval", None, h.text(started), clock.now())
    await dispatcher.commits.written()
    dispatcher._begin_again()
    first, second = (message for message in sent if isinstance(message, Load))
    assert first.seat != second.seat
    stale = Episode(first.n, first.seat, 1, [1], [], 0, True, events="{}")
    dispatcher._receive(0, stale)
    assert not dispatcher.commits.group
    dispatcher._receive(0, stale._replace(seat=second.seat))
    assert [episode.seat for episode in dispatcher.commits.group.episodes] == [second.seat]
    await dispatcher.close()
    store.close()
    await workers.stop()


async def test_what_cannot_be_sent_hangs_up(caplog: pytest.LogCaptureFixture) -> None:
    """Too large for a frame or the memory: the other end must not wait for ever for what it will not get."""
    ours, theirs = socket.socketpair()
    gone: list[str] = []
    heard: list[Any] = []
    here = Channel(heard.append, lambda: gone.append("here"))
    there = Channel(heard.append, lambda: gone.append("there"))
    await here.connect(ours)
    await there.connect(theirs)
    here.send("before")
    await until(lambda: heard == ["before"])
    here.send(lambda: "no pickle for this")
    await until(lambda: sorted(gone) == ["here", "there"])
    here.send("after")
    assert "A message could not be sent" in caplog.text


async def test_a_worker_is_started_again_though_there_was_no_process_to_be_had(
    processes: tuple[Engine, ProcessWorkers], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine short of memory or of processes may have some later; nobody is forgotten until then."""
    engine, workers = processes
    await engine.start_instance("approval", json.dumps({"name": "ana"}), "one")
    await engine.settle()
    undisturbed, refusals = asyncio.create_subprocess_exec, iter(["no", "not yet"])

    async def refuses(*arguments: Any, **options: Any) -> Any:
        for refusal in refusals:
            raise BlockingIOError(11, refusal)
        return await undisturbed(*arguments, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuses)
    for pid in list(workers.pids()):
        os.kill(pid, signal.SIGKILL)
    await engine.raise_event("one", "decision", "1")
    await until_status(engine, "one", "Completed")


async def status(engine: Engine, instance: str) -> str | None:
    found = await engine.get(instance)
    return None if found is None else found.runtime_status


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not happened():
            await asyncio.sleep(0.001)


async def until_status(engine: Engine, instance: str, wanted: str, seconds: float = 10) -> None:
    """Wait until the instance is in a state."""
    async with asyncio.timeout(seconds):
        while await status(engine, instance) != wanted:
            await asyncio.sleep(0.01)
