"""SIGKILL at every step of the way: started again, it ends as it would have. Real processes, real files, a real mailbox.

Each case kills the host or its worker once, when it comes to a named point of the engine (`standalone/engine/faults.py`) for the
n-th time, and starts what died again. Whoever got no answer presses again, as people do.
"""

import asyncio
import json
import os
import signal
import socket
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from standalone.engine import faults
from tests.app.greenlight import OPERATOR, ROOT, a_proposal, policy, stage

PATIENCE = 60.0
AT_ONCE = 3
COUNTS = (1, 2, 4, 8)
UNANSWERED = (aiohttp.ClientError, TimeoutError, OSError)


class Life:
    """One proposal's way on a host that is killed on it."""

    def __init__(self, folder: Path, kill_at: str) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "policy.toml").write_text(policy(stage("ann")), encoding="utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.killed = folder / "killed"
        self.environment = {
            **os.environ,
            "STANDALONE_KILL_AT": f"{kill_at}:{self.killed}",
            "GREENLIGHT_POLICY_FILE": str(folder / "policy.toml"),
            "GREENLIGHT_DEVELOPMENT": "true",
            "GREENLIGHT_PLUGINS": "",
        }
        self.process: asyncio.subprocess.Process | None = None

    async def keep_running(self) -> None:
        """Start the host, and again whenever it has died."""
        command = [sys.executable, "-m", "standalone", str(ROOT), "--port", str(self.port), "--state", str(self.folder / "state")]
        with (self.folder / "log").open("ab") as log:
            while True:
                self.process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
                await self.process.wait()

    async def call(self, http: aiohttp.ClientSession, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """A request, pressed again until it is answered by anything but a failure of ours. Answers (status, JSON)."""
        given = {"Accept": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
        while True:
            try:
                async with http.request(method, f"{self.url}{path}", json=body, headers=given) as answer:
                    if answer.status < 500:
                        return answer.status, json.loads(await answer.text() or "null")
            except UNANSWERED:
                pass  # the host has been killed and comes back
            await asyncio.sleep(0.05)

    async def mails(self, http: aiohttp.ClientSession) -> list[Any]:
        """Every mail that came."""
        _, listed = await self.call(http, "GET", "/standalone/mail")
        return [(await self.call(http, "GET", f"/standalone/mail/{each['id']}"))[1] for each in listed]

    async def until(self, http: aiohttp.ClientSession, wanted: Any) -> Any:
        """What `wanted` finds in the mails. Minutes are skipped meanwhile, as the sweep and the retries count them."""
        while True:
            for _ in range(10):
                found = wanted(await self.mails(http))
                if found:
                    return found
                await asyncio.sleep(0.05)
            await self.call(http, "POST", "/standalone/clock", {"advance": "PT1M"})

    async def live(self) -> tuple[Any, list[Any]]:
        """From the POST to the outcome mail. Answers the trail, and the mails."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
            _, created = await self.call(http, "POST", "/api/proposals", a_proposal(), Idempotency_Key="one")
            link = await self.until(http, review_link)
            status, _ = await self.call(http, "POST", link, {"action": "approve"})
            assert status == 200
            await self.until(http, lambda mails: any("is approved" in mail["text"] for mail in mails))
            _, audit = await self.call(http, "GET", f"/api/operations/proposals/{created['id']}/audit", **OPERATOR)
            return audit, await self.mails(http)

    async def end(self) -> None:
        """Stop what runs."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(self.process.wait(), 20)


def review_link(mails: list[Any]) -> str | None:
    """The reviewer's link, once it has come."""
    lines = [line for mail in mails for line in mail["text"].splitlines() if "/api/review/" in line]
    return "/api" + lines[0].partition("/api")[2].strip() if lines else None


async def case(folder: Path, kill_at: str, turn: asyncio.Semaphore) -> str:
    """Run one case; the empty text when all is as it would have been without a kill."""
    async with turn:
        life = Life(folder, kill_at)
        keeper = asyncio.ensure_future(life.keep_running())
        try:
            audit, mails = await asyncio.wait_for(life.live(), PATIENCE)
        except TimeoutError:
            return f"{kill_at}: did not end within {PATIENCE:g} s\n{(folder / 'log').read_text()[-2000:]}"
        finally:
            keeper.cancel()
            await life.end()
    facts = audit["facts"] if isinstance(audit, dict) else audit
    kinds = Counter(fact["kind"] for fact in facts)
    copies = Counter(header for mail in mails for name, header in mail["headers"] if name.lower() == "message-id")
    if kinds["decided"] != 1 or kinds["concluded"] != 1 or [fact["number"] for fact in facts] != list(range(1, len(facts) + 1)):
        return f"{kill_at}: the trail is {[fact['kind'] for fact in facts]}"
    if len(copies) != 3 or sum(copies.values()) > 4:
        return f"{kill_at}: mails by Message-ID are {sorted(copies.values())}"
    return ""


@pytest.mark.timeout(600)
async def test_killed_at_any_step_it_ends_as_it_would_have(tmp_path: Path) -> None:
    """No decision lost, one outcome, at most one mail twice and that with the same Message-ID."""
    turn = asyncio.Semaphore(AT_ONCE)
    cases = [f"{name}:{count}" for name in faults.NAMES for count in COUNTS]
    faulty = await asyncio.gather(*(case(tmp_path / str(number), kill_at, turn) for number, kill_at in enumerate(cases)))
    killed = sum((tmp_path / str(number) / "killed").exists() for number in range(len(cases)))
    print(f"{killed} of {len(cases)} cases came to their point")
    assert [fault for fault in faulty if fault] == []
    assert killed >= len(cases) // 2
