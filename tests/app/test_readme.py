"""Every command that the README shows works as it stands there."""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.app.greenlight import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [block.strip() for block in re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)]
CURLS = [block for block in BLOCKS if block.startswith("curl ")]
READY = "Ctrl-C ends it; everything"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@asynccontextmanager
async def started(command: list[str], log: Path, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command in the repository's folder, ended as Ctrl-C in a terminal would: the whole group gets the signal."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env={**os.environ, **environment}, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGINT)
        await asyncio.wait_for(process.wait(), 30)


async def said(log: Path, text: str, process: asyncio.subprocess.Process) -> str:
    """All that was printed, once `text` was."""
    while text not in log.read_text():
        assert process.returncode is None, log.read_text()
        await asyncio.sleep(0.1)
    return log.read_text()


def make_run(port: int, state: Path) -> list[str]:
    """The command; by make, unless the tests run in an environment of the reader's own making."""
    if (ROOT / ".venv" / ".ready-run").exists():
        return ["make", "run", f"PORT={port}", f"STATE={state}"]
    return [sys.executable, "-m", "scripts.run", "--port", str(port), "--state", str(state)]


async def follow_the_links(printed: str, port: int) -> None:
    """Open what `make run` has one open: four pages, all of them there."""
    introduced = printed.partition("Open:")[2]
    links = re.findall(rf"^  (?:mailbox|review page|status|clock) +(http://localhost:{port}/\S+)", introduced, re.MULTILINE)
    assert len(links) == 4, introduced
    async with aiohttp.ClientSession(headers={"Accept": "text/html"}) as http:
        for link in links:
            async with http.get(link) as answer:
                assert answer.status == 200, link


@pytest.mark.timeout(180)
async def test_make_run_introduces_itself_and_every_curl_works_as_pasted(tmp_path: Path) -> None:
    """The first command of a new user, the links that it prints, and all that the README has them paste."""
    assert "make run" in BLOCKS
    assert len(CURLS) >= 3
    port, log, state = free_port(), tmp_path / "log", tmp_path / "state"
    async with started(make_run(port, state), log, ACME_SCORING_SECONDS="0.1") as process:
        await follow_the_links(await said(log, READY, process), port)
        for curl in CURLS:
            told = subprocess.run(
                ["bash", "-c", curl.replace("7071", str(port)) + " --fail-with-body"], capture_output=True, text=True, check=False
            )
            assert told.returncode == 0, f"{curl}\n{told.stdout}{told.stderr}"
            assert told.stdout.startswith("{")
    assert process.returncode in (0, 130, -signal.SIGINT), log.read_text()
    assert "Traceback" not in log.read_text()


async def test_the_next_make_run_goes_on_on_another_port_too(tmp_path: Path) -> None:
    """Its first mail has the link of the port that it was sent from; what is printed is where the app is now."""
    state = tmp_path / "state"
    for log in (tmp_path / "first", tmp_path / "second"):
        port = free_port()
        async with started(make_run(port, state), log, ACME_SCORING_SECONDS="0.1") as process:
            printed = await said(log, READY, process)
            await follow_the_links(printed, port)
        assert f"everything is kept in {state}," in printed


async def test_the_app_s_folder_starts_on_a_functions_host_as_core_tools_would_start_it(tmp_path: Path) -> None:
    """`func start` where there are Core Tools; elsewhere the embedded host, which takes the same words."""
    (block,) = [block for block in BLOCKS if "func start" in block]
    words = block.splitlines()[-1].split()
    port, log = free_port(), tmp_path / "log"
    command = [*words, "--port", str(port)]
    if shutil.which("func") is None:
        command = [sys.executable, "-m", "standalone", *words[1:], "--port", str(port), "--state", str(tmp_path / "state")]
    async with started(command, log) as process, aiohttp.ClientSession() as http:
        while True:
            assert process.returncode is None, log.read_text()
            try:
                async with http.get(f"http://localhost:{port}/api/health") as answer:
                    if answer.status == 200:
                        break
                    assert answer.status == 503, "not ready yet"
            except aiohttp.ClientError:
                pass  # nobody listens yet
            await asyncio.sleep(0.1)


def test_every_make_target_and_every_file_that_the_readme_names_exists() -> None:
    """A README's links rot first."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", README)) | {"run"} <= targets
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if not link.startswith("http")]
    assert [link for link in links if not (ROOT / link).exists()] == []
    shown = re.findall(r"\[`(\w+)`\]\((\S+?)#L(\d+)\)", README)
    assert {name for name, _, _ in shown} >= {"chained", "fan_out", "next_fact_or_time", "lasting"}
    for name, file, number in shown:
        line = (ROOT / file).read_text(encoding="utf-8").splitlines()[int(number) - 1]
        assert f"def {name}(" in line, f"{name} is not at {file}#L{number}"
