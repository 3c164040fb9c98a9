"""SIGTERM and Ctrl-C: during a request, an activity, the start; and the second time."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import pytest

from standalone import host as hosting
from standalone.host import Host
from tests.host.edgehost import ROOT, an_app, get, started

SLOW = """
import asyncio, os, pathlib, time

@app.route(route="slow/{name}", methods=["GET"])
async def slow(req: func.HttpRequest) -> str:
    pathlib.Path(req.params["begun"]).touch()
    await asyncio.sleep(1)
    return "done"

@app.route(route="endless", methods=["GET"])
def endless(req: func.HttpRequest) -> str:
    pathlib.Path(req.params["begun"]).write_text(str(os.getpid()))
    time.sleep(60)
    return "never"

@app.orchestration_trigger(context_name="context")
def works(context):
    return (yield context.call_activity("work", context.get_input()["begun"]))

@app.activity_trigger(input_name="begun")
def work(begun: str) -> str:
    if pathlib.Path(begun).exists():
        return "the second time"
    pathlib.Path(begun).touch()
    time.sleep(60)
    return "never"
"""


async def there(path: Path) -> None:
    """Wait for a file that the app makes."""
    async with asyncio.timeout(20):
        while not path.exists():
            await asyncio.sleep(0.01)


async def test_a_request_under_way_is_answered_before_the_host_stops(tmp_path: Path) -> None:
    """SIGTERM comes with every deployment; nobody's decision may get a broken connection for it."""
    app, begun = an_app(tmp_path / "app", SLOW), tmp_path / "begun"
    async with started("--port", "0", "--state", str(tmp_path / "state"), "--log", "json", app=app) as (process, url):
        async with aiohttp.ClientSession(url) as http:
            request = asyncio.create_task(get(http, f"/api/slow/capability?begun={begun}"))
            while not begun.exists():
                await asyncio.sleep(0.01)
            os.killpg(process.pid, signal.SIGTERM)  # as a service manager does it: the workers hear of it too
            assert await request == (200, "done")
        _, errors = await asyncio.wait_for(process.communicate(), 10)
        assert process.returncode == 0
    lines = [json.loads(line) for line in errors.decode().splitlines()]
    assert [line["message"].rpartition(" 200 ")[0] for line in lines if " 200 " in line["message"]] == ["GET /api/slow/{name}"]
    assert "capability" not in errors.decode()


async def test_a_host_that_does_nothing_stops_in_order_too(tmp_path: Path) -> None:
    """Its files are closed, so that a copy of each is whole without a second one beside it, and its time is kept."""
    async with started("--port", "0", "--state", str(tmp_path / "state"), app=an_app(tmp_path / "app", SLOW)) as (process, _):
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    left = {each.name for each in (tmp_path / "state").iterdir()}
    assert {"engine.sqlite", "mail.sqlite", "clock.json"} <= left
    assert not [name for name in left if name.endswith("-wal")]


async def test_a_request_that_does_not_end_is_cut_off_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever stops the host does not wait for ever for a stranger's connection."""
    monkeypatch.setattr(hosting, "LONGEST_GOODBYE", 0.2)
    begun = tmp_path / "begun"
    async with aiohttp.ClientSession() as http:
        async with Host(an_app(tmp_path / "app", SLOW), tmp_path / "state", workers=1) as host:
            request = asyncio.create_task(get(http, f"{host.url}/api/endless?begun={begun}"))
            await there(begun)
            stopped = time.monotonic()
        assert time.monotonic() - stopped < 10
        with pytest.raises(aiohttp.ClientError):
            await request


@pytest.mark.parametrize("workers", ["1", "0"])
async def test_an_activity_under_way_holds_nobody_up_and_runs_again_at_the_next_start(tmp_path: Path, workers: str) -> None:
    """It may take an hour; it was told that it runs at least once. Its thread must not keep the process either."""
    app, begun = an_app(tmp_path / "app", SLOW), tmp_path / "begun"
    options = ("--port", "0", "--state", str(tmp_path / "state"), "--workers", workers)
    async with started(*options, app=app) as (process, url), aiohttp.ClientSession(url) as http:
        async with http.post("/runtime/webhooks/durabletask/orchestrators/works/one", json={"begun": str(begun)}) as answer:
            assert answer.status == 202
        await there(begun)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 5) == 0
    async with Host(app, tmp_path / "state") as host:
        await host.settle()
        found = await host.engine.get("one")
        assert found is not None
        assert (found.runtime_status, found.output_json) == ("Completed", '"the second time"')


@pytest.mark.parametrize("workers", ["1", "0"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_start_that_does_not_come_to_its_end_can_be_stopped(tmp_path: Path, workers: str, number: signal.Signals) -> None:
    """An app that asks a database at import, and the database is away."""
    (tmp_path / "function_app.py").write_text('import time\nprint("importing", flush=True)\ntime.sleep(60)\n', encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "standalone", "--port", "0", "--workers", workers, str(tmp_path),
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 20) == b"importing\n"
    os.killpg(process.pid, number)  # as a terminal does it: the worker hears of it too
    _, errors = await asyncio.wait_for(process.communicate(), 5)
    assert (process.returncode, errors) == (0, b"")


async def test_the_second_time_it_ends_at_once_with_its_workers(tmp_path: Path) -> None:
    """As every program that takes its time over the first Ctrl-C."""
    app, begun = an_app(tmp_path / "app", SLOW), tmp_path / "begun"
    async with started("--port", "0", "--state", str(tmp_path / "state"), app=app) as (process, url), aiohttp.ClientSession(url) as http:
        request = asyncio.create_task(get(http, f"/api/endless?begun={begun}"))
        await there(begun)
        assert process.stdout is not None
        process.send_signal(signal.SIGINT)
        while b"Ctrl-C again ends at once" not in await process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 2) == 128 + signal.SIGINT
        with pytest.raises(aiohttp.ClientError):
            await request
    async with asyncio.timeout(5):
        while lives(int(begun.read_text())):
            await asyncio.sleep(0.01)


def lives(pid: int) -> bool:
    """Is there a process of that number?"""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
