"""The page of an instance says why it stands still: at which line of whose code, for how long, and where Python and the engine disagree."""

import html
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from standalone.contracts import InstanceStatus
from standalone.engine import EngineSettings
from standalone.explaining import listed, span
from standalone.host import Host
from standalone.workers import ProcessWorkers
from tests.host.edgehost import BEGINNING

APP = Path(__file__).parent / "standing_app"
CODE = (APP / "function_app.py").read_text(encoding="utf-8").splitlines()


def line_of(text: str) -> int:
    """The number of the one line of the app that holds `text`."""
    [number] = [number for number, line in enumerate(CODE, 1) if text in line]
    return number


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    """The app with its ways to stand still, on virtual time."""
    async with Host(APP, tmp_path / "state", virtual=True, start=BEGINNING) as running:
        yield running


async def started(host: Host, name: str, *events: str, given: Any = None, instance: str | None = None) -> str:
    """An instance that has got as far as it gets with those events, each an hour after the one before; its id."""
    given = None if given is None else json.dumps(json.dumps(given))
    instance = await host.engine.start_instance(name, given, instance)
    await host.engine.settle()
    for event in events:
        await host.advance(timedelta(hours=1))
        await host.engine.raise_event(instance, event, "1")
        await host.engine.settle()
    return instance


async def page_of(host: Host, instance: str) -> str:
    """What the page of an instance says, as text: without tags, blanks made one."""
    async with (
        aiohttp.ClientSession(headers={"Accept": "text/html"}) as session,
        session.get(f"http://localhost:{host.port}/standalone/instances/{instance}") as response,
    ):
        assert response.status == 200
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", await response.text())).split())


async def told(host: Host, name: str, *events: str, given: Any = None) -> str:
    """The page of an instance that has got as far as it gets."""
    return await page_of(host, await started(host, name, *events, given=given))


async def test_an_instance_that_waits_says_for_what_and_names_the_line(host: Host) -> None:
    """The plain case: both sides wait for the same."""
    instance = await started(host, "waits")
    await host.advance(timedelta(hours=3, minutes=12))
    page = await page_of(host, instance)

    line = line_of('yield context.wait_for_external_event("decision")')
    assert "It waits for the event “decision”." in page
    assert f'function_app.py:{line} in waits decision = yield context.wait_for_external_event("decision")' in page
    assert f"event decision awaited 3 h 12 min function_app.py:{line}" in page


async def test_an_instance_that_python_has_left_behind_says_which_event_of_which_line_it_waits_for(host: Host) -> None:
    """A race of a done task and a new wait: Python returned, the extension waits for the event. No other tool tells."""
    page = await told(host, "returns_early")
    assert f"Python is done; the engine waits for the event “never” of function_app.py, line {line_of('# of returns_early')}." in page


async def test_an_instance_whose_python_has_gone_on_says_where_either_stands(host: Host) -> None:
    """What Python asked for behind the engine's back is not scheduled, and the history shows nothing of it."""
    page = await told(host, "goes_on_early")
    assert (
        f"Python has gone on to function_app.py, line {line_of('# Python is here')}; "
        f"the engine still waits for the event “never” of function_app.py, line {line_of('# of goes_on_early')}."
    ) in page
    assert "activity echo not scheduled yet" in page


async def test_a_wait_in_a_helper_names_the_way_to_it(host: Host) -> None:
    """Through each `yield from`: the line that waits, and the line of the orchestrator that led there."""
    page = await told(host, "races", "first")
    outer, inner = line_of("# the second race"), line_of("# in race")
    assert re.search(rf"function_app.py:{outer} in races .* function_app.py:{inner} in race ", page)
    assert "It waits for the event “second” or a timer until Fri 04 Dec 2026, 09:00:00 UTC (in 4 d)." in page


async def test_a_forgotten_timer_is_named_as_what_keeps_the_instance_from_ending(host: Host) -> None:
    """Python has returned; the instance would be Running for three days, and nobody would know why."""
    page = await told(host, "forgets_a_timer", "go")
    assert (
        "Python is done; the engine waits for a timer until Thu 03 Dec 2026, 08:00:00 UTC (in 2 d 23 h) "
        f"of function_app.py, line {line_of('# forgotten')}, which is still open."
    ) in page


async def test_what_python_has_raised_is_told_before_the_engine_lets_it_out(host: Host) -> None:
    """The failure waits for the timer too; who looks wants to know of it now, and where it was raised."""
    page = await told(host, "raises_with_a_timer_open", "go")
    assert "Python is through, it raised “not <i>today</i>”; the engine waits for a timer until" in page
    assert f'Python raised at function_app.py:{line_of("# here")} in raises_with_a_timer_open raise RuntimeError("not' in page


async def test_a_cancelled_timer_is_told_to_wake_the_instance_once_more(host: Host) -> None:
    """Its ghost: the row of the timer stays in the history, and an episode comes out of nothing days later."""
    page = await told(host, "cancels_a_timer", "go")
    assert "It waits for the event “again”." in page
    assert "timer cancelled; wakes it once more 1 h Thu 03 Dec 2026, 08:00:00 UTC (in 2 d 23 h)" in page


async def test_a_wait_that_is_kept_from_round_to_round_is_still_told_of(host: Host) -> None:
    """The engine awaits the timer of this round alone; Python takes the event as well, which was asked for two hours ago."""
    instance = await started(host, "keeps_a_wait")
    await host.advance(timedelta(hours=2, minutes=30))
    page = await page_of(host, instance)
    assert "It waits for the event “kept” or a timer until Mon 30 Nov 2026, 11:00:00 UTC (in 30 min)." in page
    assert re.search(r"event kept awaited by Python 2 h 30 min function_app.py:\d+", page)


async def test_an_event_in_another_case_is_told_to_have_come_to_nobody(host: Host) -> None:
    """The engine ignores the case of names, Python does not: the instance stands, and its history holds the event."""
    page = await told(host, "spells_it_otherwise", "decision")
    assert "Python waits for the event “Decision”; for the engine all has come that it was asked for." in page
    assert "Came, and nothing in the code has asked for it so far: “decision”." in page


async def test_a_retry_that_pauses_says_when_it_goes_on(host: Host) -> None:
    """Between two attempts nothing runs."""
    page = await told(host, "tries_again")
    assert "It waits for the activity “fail”, which has failed once and is tried again Mon 30 Nov 2026, 09:00:00 UTC (in 1 h)." in page
    assert f"pause before the next attempt 0 ms so far function_app.py:{line_of('# again and again')}" in page


async def test_a_timer_in_steps_is_told_by_its_own_end(host: Host) -> None:
    """Beyond six days it is a chain of shorter ones: what the code asked for is the month."""
    instance = await started(host, "sleeps_long")
    await host.advance(timedelta(days=4))
    page = await page_of(host, instance)
    assert "It waits for a timer until Wed 30 Dec 2026, 08:00:00 UTC (in 26 d)." in page
    step = f"timer awaited, a step on the way 1 d Sun 06 Dec 2026, 08:00:00 UTC (in 2 d) function_app.py:{line_of('# a month')}"
    assert step in page


async def test_a_suspended_instance_says_so_and_what_it_waits_for_beneath(host: Host) -> None:
    """Python runs ahead with what comes; the engine takes it up when it is resumed."""
    instance = await started(host, "waits")
    await host.engine.suspend(instance, "for lunch")
    await host.engine.raise_event(instance, "decision", '"yes"')
    await host.engine.settle()
    page = await page_of(host, instance)
    assert (
        "It has been suspended for 0 ms (“for lunch”), while it waits for the event “decision”. Python has gone on with what came;" in page
    )


async def test_a_failed_instance_names_the_line_that_failed_it(host: Host) -> None:
    """The failure of an activity comes out of the yield that awaited it; the activity's own stack is below."""
    page = await told(host, "fails")
    assert f"It failed after 0 ms, at function_app.py, line {line_of('# fails here')}." in page
    assert "Activity function 'fail' failed: ValueError: no <b>luck</b> with it" in page
    assert f'function_app.py", line {line_of("raise ValueError(")}, in fail raise ValueError' in page


async def test_a_fan_out_says_how_much_of_it_is_done(host: Host) -> None:
    """Not a list of a hundred names."""
    instance = await started(host, "has_children", instance="top")
    await host.engine.raise_event("top-1", "decision", "1")
    await host.engine.settle()
    page = await page_of(host, instance)
    assert "It waits for all of 3, of which 1 is done: 2 × the sub-orchestration “waits”." in page


async def test_a_generation_of_many_says_that_there_were_others(host: Host) -> None:
    """Its history begins in the middle: whoever looks for the beginning must know that it is gone."""
    page = await told(host, "renews", given=5)
    assert "It has continued as new" in page
    assert "It waits for the event “landed”." in page


async def test_an_execution_that_has_not_run_yet_is_not_taken_for_changed_code(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under load, or of another version, it may stand so for a while: what it will do first is no difference from its history."""
    instance = await started(host, "renews", given=1)
    load = host.engine._store.load

    def fresh(n: int) -> tuple[Any, ...] | None:
        found = load(n)
        return found and (*found[:5], 1, *found[6:])

    monkeypatch.setattr(host.engine._store, "load", fresh)
    page = await page_of(host, instance)
    assert "It has continued as new, and the new execution has not run yet." in page
    assert "no longer does" not in page


async def test_code_that_no_longer_fits_the_history_is_told_before_it_fails_the_instance(tmp_path: Path) -> None:
    """The app was changed and the host started again; with the next event the instance would fail as non-deterministic."""
    app = shutil.copytree(APP, tmp_path / "app")
    async with Host(app, tmp_path / "state", virtual=True, start=BEGINNING) as host:
        await started(host, "waits", instance="old")
    code = (app / "function_app.py").read_text(encoding="utf-8")
    (app / "function_app.py").write_text(
        code.replace('yield context.call_activity("echo", "first")', "yield context.create_timer(context.current_utc_datetime)")
    )
    async with Host(app, tmp_path / "state", virtual=True) as host:
        page = await page_of(host, "old")
        assert "The code no longer does what this history says: when the instance goes on, it will end as Failed: Non-Deterministic" in page
        assert "When it last ran, it came to stand at the event decision." in page
        assert (await the(host, "old")).runtime_status == "Running"


async def test_code_that_does_more_than_the_history_says_is_told_to_have_changed(tmp_path: Path) -> None:
    """It fits so far: with the next message the instance goes on by the new code, and this is what that will do."""
    app = shutil.copytree(APP, tmp_path / "app")
    async with Host(app, tmp_path / "state", virtual=True, start=BEGINNING) as host:
        await started(host, "waits", instance="old")
    code = (app / "function_app.py").read_text(encoding="utf-8")
    (app / "function_app.py").write_text(
        code.replace('decision = yield context.wait_for_external_event("decision")', 'decision = yield context.call_activity("echo", 2)')
    )
    async with Host(app, tmp_path / "state", virtual=True) as host:
        assert "when the instance goes on, it will schedule the activity echo" in await page_of(host, "old")


async def test_a_file_edited_under_a_running_host_lends_no_text_to_the_lines_of_the_code_that_runs(tmp_path: Path) -> None:
    """The number is that of what was loaded; the text of the file at that number would be another line's."""
    app = shutil.copytree(APP, tmp_path / "app")
    async with Host(app, tmp_path / "state", virtual=True, start=BEGINNING) as host:
        await started(host, "waits", instance="it")
        code = (app / "function_app.py").read_text(encoding="utf-8")
        (app / "function_app.py").write_text(
            code.replace("def waits", "# a comment more\n\n\ndef waits").replace("@app.orch", "\n@app.orch")
        )
        page = await page_of(host, "it")
    line = line_of('yield context.wait_for_external_event("decision")')
    assert f"function_app.py:{line} in waits A file was edited after the host had loaded it" in page


async def the(host: Host, instance: str) -> InstanceStatus:
    """An instance that is there, with its history."""
    found = await host.engine.get(instance, history=True, history_outputs=True)
    assert found is not None
    return found


async def test_looking_changes_nothing(host: Host) -> None:
    """The code runs once more, as in any replay: what it says only the first time is not said again, and no row is written."""
    instance = await started(host, "waits")
    before, episodes = await the(host, instance), host.engine._store.episodes(1)
    module = sys.modules["function_app"]
    assert module.said == ["goes on"]
    for _ in range(3):
        await page_of(host, instance)
    assert (await the(host, instance), host.engine._store.episodes(1), module.said) == (before, episodes, ["goes on"])


async def test_a_worker_process_tells_the_line_as_well(tmp_path: Path) -> None:
    """The code is loaded there and not in the main process."""
    async with Host(APP, tmp_path, workers=1, virtual=True, start=BEGINNING) as host:
        instance = await host.engine.start_instance("returns_early", None)
        await host.engine.settle()
        assert f"the engine waits for the event “never” of function_app.py, line {line_of('# of returns_early')}." in await page_of(
            host, instance
        )


async def test_a_worker_that_does_not_answer_holds_up_no_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be deep in somebody's code: the history is told, and why the line is not."""
    monkeypatch.setattr("standalone.engine.engine.LONGEST_LOOK", 0.1)
    async with Host(APP, tmp_path, workers=1, virtual=True, start=BEGINNING) as host:
        await started(host, "waits", instance="it")
        assert isinstance(host.workers, ProcessWorkers)
        [worker] = host.workers.pids()
        os.kill(worker, signal.SIGSTOP)
        try:
            page = await page_of(host, "it")
        finally:
            os.kill(worker, signal.SIGCONT)
        assert "When it last ran, it came to stand at the event decision. No worker had time to look at the code" in page
        assert "TaskCompleted 0 echo" in page
        monkeypatch.setattr("standalone.engine.engine.LONGEST_LOOK", 10.0)
        assert "It waits for the event “decision”." in await page_of(host, "it")


async def test_an_sdk_that_is_made_otherwise_costs_the_lines_and_not_the_page(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """To note lines takes parts of the SDK that are its own business: without them the page still tells what the engine waits for."""
    instance = await started(host, "waits")
    monkeypatch.setattr("standalone.workers.tracing.MAKERS", ("call_tomorrow",))
    page = await page_of(host, instance)
    assert "It waits for the event “decision”." in page
    assert "TaskCompleted 0 echo" in page
    assert "function_app.py:" not in page


async def test_a_look_that_fails_is_told_and_the_history_shown(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong with it, the page must not."""

    def broken(*_: object, **__: object) -> None:
        raise LookupError("not today")

    instance = await started(host, "waits")
    monkeypatch.setattr("standalone.workers.inspection.whereabouts", broken)
    page = await page_of(host, instance)
    assert "When it last ran, it came to stand at the event decision. The code could not be looked at: LookupError: not today" in page
    assert "TaskCompleted 0 echo" in page


async def test_an_instance_of_another_version_says_that_it_is_not_run_here(tmp_path: Path) -> None:
    """It stands Pending, or Running, and no event and no restart brings it on."""
    old, new = EngineSettings(default_version="1.0"), EngineSettings(default_version="2.0")
    said = "Its version is “2.0”, that of this host “1.0” (CurrentOrOlder, by host.json): it waits for a host that runs it."
    async with Host(APP, tmp_path, virtual=True, start=BEGINNING, engine_settings=new) as host:
        await started(host, "waits", instance="begun")
    async with Host(APP, tmp_path, virtual=True, engine_settings=old) as host:
        await host.engine.start_instance("waits", None, "not begun", "2.0")
        assert said in await page_of(host, "begun")
        assert f"It has not begun. {said}" in await page_of(host, "not begun")


async def test_an_instance_whose_function_is_gone_shows_its_history_without_lines(tmp_path: Path) -> None:
    """Renamed or removed: the page must not fail with it."""
    app = shutil.copytree(APP, tmp_path / "app")
    async with Host(app, tmp_path / "state", virtual=True, start=BEGINNING) as host:
        await started(host, "waits", instance="old")
    code = (app / "function_app.py").read_text(encoding="utf-8")
    (app / "function_app.py").write_text(code.replace("def waits", "def was_renamed"))
    async with Host(app, tmp_path / "state", virtual=True) as host:
        page = await page_of(host, "old")
    assert "it will end as Failed" in page
    assert "The function 'waits' doesn't exist" in page
    assert "TaskCompleted" in page


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(0), "0 ms"),
        (timedelta(milliseconds=340), "340 ms"),
        (timedelta(seconds=8.24), "8.2 s"),
        (timedelta(minutes=2), "2 min"),
        (timedelta(minutes=2, seconds=5), "2 min 5 s"),
        (timedelta(hours=3, minutes=12, seconds=30), "3 h 12 min"),
        (timedelta(days=21), "21 d"),
        (timedelta(days=1234, hours=5), "1,234 d 5 h"),
        (timedelta(seconds=-5), "0 ms"),
    ],
)
def test_a_length_of_time_is_told_in_its_two_largest_units(length: timedelta, said: str) -> None:
    """Nobody reads 1,209,600.0 s."""
    assert span(length) == said


def test_a_list_counts_what_is_alike_and_is_cut_where_it_grows_long() -> None:
    """A fan-out of a thousand is one line."""
    assert listed(["a", "b", "a"]) == "2 × a and b"
    assert listed(map(str, range(9)), "or") == "0, 1, 2, 3, 4 or 4 more"
