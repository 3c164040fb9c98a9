"""What tests of the host's edge share: the small app, apps written on the spot, the command, a GET."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from standalone.contracts import FunctionInfo, HttpAnswer, HttpCall

APP = Path(__file__).parent / "edge_app"
ROOT = Path(__file__).resolve().parents[2]
BEGINNING = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
HEAD = (
    "import azure.durable_functions as df\nimport azure.functions as func\n\napp = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)\n\n"
)


def an_app(
    folder: Path,
    code: str,
    host: dict[str, Any] | None = None,
    values: dict[str, str] | None = None,
    local: dict[str, Any] | None = None,
) -> Path:
    """An app of those functions in a new folder. `values` and `local`: the sections Values and Host of its local.settings.json."""
    folder.mkdir()
    (folder / "function_app.py").write_text(HEAD + code, encoding="utf-8")
    (folder / "host.json").write_text(json.dumps({"version": "2.0", **(host or {})}), encoding="utf-8")
    told = {"IsEncrypted": False, "Values": {"AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1", **(values or {})}, "Host": local or {}}
    (folder / "local.settings.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


class TimerWorkers:
    """`contracts.Workers` without an app: what timer functions do is a test's own."""

    async def start(self) -> list[FunctionInfo]:
        return []

    async def stop(self) -> None: ...

    async def call_http(self, function: str, call: HttpCall) -> HttpAnswer:
        raise AssertionError("no HTTP here")


async def get(http: aiohttp.ClientSession, path: str, **headers: str) -> tuple[int, str]:
    """A GET's status and body."""
    async with http.get(path, headers=headers) as answer:
        return answer.status, await answer.text()


@asynccontextmanager
async def started(*arguments: str, app: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The command, once it has said its URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "standalone", *arguments, str(app), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
        found = re.search(r"http://\S+", line)
        assert found is not None, line
        yield process, found[0]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def command(*arguments: str, before: Sequence[str] = ()) -> tuple[int, str]:
    """`python -m standalone`, its exit code and what it said on standard error. `before`: a program that runs it."""
    process = await asyncio.create_subprocess_exec(
        *before, sys.executable, "-m", "standalone", *arguments, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode is not None
    return process.returncode, errors.decode()
