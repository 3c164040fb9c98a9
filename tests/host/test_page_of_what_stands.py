"""The page of an instance says why it stands still: what no other tool tells where Python and the engine's side disagree."""

import html
import json
from pathlib import Path

import aiohttp

from standalone.host import Host

APP = Path(__file__).parents[1] / "conformance" / "data" / "app"


async def page_of(host: Host, rounds: object) -> str:
    """Start a program of the recorded cases' app and answer its instance's page."""
    given = {"rounds": rounds, "round": 0, "tick": 5, "start": host.clock.now().isoformat(), "show": False}
    instance = await host.engine.start_instance("program", json.dumps(given))
    await host.engine.settle()
    async with (
        aiohttp.ClientSession(headers={"Accept": "text/html"}) as session,
        session.get(f"http://localhost:{host.port}/standalone/instances/{instance}") as response,
    ):
        assert response.status == 200
        return html.unescape(await response.text())


async def test_an_instance_that_waits_says_for_what(tmp_path: Path) -> None:
    """The plain case: both sides wait for the same."""
    async with Host(APP, tmp_path, virtual=True, settings={"AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1"}) as host:
        assert "It stands at the event decision." in await page_of(host, [[{"yield": {"as": "w", "wait": "decision"}, "catch": True}]])


async def test_an_instance_that_python_has_left_behind_says_so(tmp_path: Path) -> None:
    """A race of a done task and a new wait: Python returned, the extension waits for the event."""
    rounds = [
        [
            {"yield": {"as": "a", "echo": 1}, "catch": True},
            {"yield": {"as": "r", "any": ["a", {"as": "w", "wait": "never"}]}, "catch": True},
        ]
    ]
    async with Host(APP, tmp_path, virtual=True, settings={"AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1"}) as host:
        assert "Python is done; the engine still stands at the event never." in await page_of(host, rounds)
