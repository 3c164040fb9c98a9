"""How much the engine does for one proposal: episodes, activities, empty rounds; printed as the table of docs/engines.md.

    python -m benchmarks.engine_rounds "python -m standalone" ../shared/realhost/realhost

Each argument is a Functions host as tests/live takes it. Episodes are counted in the worker that runs them, activities and rounds
in the instance's history over the durable API. A round is one look at the trail (`advance`); it is empty when a timer woke it
and it neither found a new fact nor asked for anything.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.live.conftest import HEADERS, settings
from tests.live.greenlight import SAM, Greenlight, Proposal, empty_looks, looks
from tests.live.host import Host, app_folder
from tests.live.mailbox import Mailbox

PEOPLE = {name: f"{name}@live.example" for name in ("ana", "ben", "cem", "dee", "eva", "mia")}

CASES: Mapping[str, tuple[str, Sequence[str]]] = {
    "one reviewer, who approves": ("solo", ["ana"]),
    "two stages of three, all approve": ("two-stages-of-three", ["ana", "ben", "cem", "dee", "eva", "mia"]),
    "one reviewer, reminded once, expired": ("brief", []),
}
"""What is measured: a policy of tests/live, and who approves, in this order."""


@dataclass(frozen=True)
class Rounds:
    """What one proposal cost the engine. `told_after`: seconds from the last decision's answer to the mail of the outcome."""

    episodes: int
    activities: int
    looks: int
    empty: int
    told_after: float | None


def rounds_of(instance: Mapping[str, Any], episodes: int, told_after: float | None) -> Rounds:
    """Count an instance's history (`showHistory=true&showHistoryOutput=true`)."""
    done = [event for event in instance["historyEvents"] if event["EventType"] in ("TaskCompleted", "TaskFailed")]
    return Rounds(episodes, len(done), len(looks(instance)), len(empty_looks(instance)), told_after)


async def measured(command: str, http: aiohttp.ClientSession) -> dict[str, Rounds]:
    """Every case, one after the other, on one host."""
    mailbox = Mailbox()
    with tempfile.TemporaryDirectory(prefix="greenlight-rounds-") as name:
        folder = Path(name)
        host = Host(command, app_folder(folder / "app", probe=True, storage={}))
        host.settings = settings(host.url, folder / "records", mailbox) | {"GREENLIGHT_PLUGINS": ""}
        episodes = host.folder / "episodes"
        episodes.touch()
        mailbox.up()
        try:
            await host.start(http)
            greenlight = Greenlight(host.url, http, mailbox, HEADERS)
            return {case: await one(greenlight, episodes, *CASES[case]) for case in CASES}
        finally:
            await host.stop()
            mailbox.down()


async def one(greenlight: Greenlight, episodes: Path, category: str, people: Sequence[str]) -> Rounds:
    """One proposal, to its last mail and the end of its instance."""
    proposal = await greenlight.submit(category)
    answered_at = None
    for name in people:
        await quiet(proposal.id, episodes)  # people do not decide within one second
        answer = await proposal.decides(PEOPLE[name], "approve")
        if answer.status != 200:
            raise RuntimeError(f"{name} was answered {answer}")
        answered_at = time.time()
    instance = await completed(proposal)
    outcome = (await proposal.letter(str(SAM["email"]), "/submission/", number=2)).received_at
    return rounds_of(instance, episodes_of(proposal.id, episodes), outcome - answered_at if answered_at else None)


def episodes_of(instance: str, episodes: Path) -> int:
    """How many episodes the worker has noted."""
    return episodes.read_text().split().count(instance)


async def quiet(instance: str, episodes: Path) -> None:
    """Wait until the instance has had no episode for a second."""
    before = -1
    while (now := episodes_of(instance, episodes)) != before or now == 0:
        before = now
        await asyncio.sleep(1)


async def completed(proposal: Proposal, patience: float = 60) -> dict[str, Any]:
    """The instance once it has completed, with its history. It is looked at without healing it."""
    for _ in range(int(patience / 0.2)):
        instance = await proposal.greenlight.instance(proposal.id, history=True)
        if instance is not None and instance["runtimeStatus"] == "Completed":
            return instance
        await asyncio.sleep(0.2)
    raise TimeoutError(f"{proposal.id} did not complete within {patience:g} s")


async def main(commands: Sequence[str]) -> None:
    """Measure each host and print the table."""
    async with aiohttp.ClientSession() as http:
        found = {command: await measured(command, http) for command in commands}
    print("| | host | episodes | activities | looks | empty | decision to mail |\n|---|---|---|---|---|---|---|")
    for case in CASES:
        for command in commands:
            rounds = found[command][case]
            host = "standalone" if "standalone" in command else Path(command.split()[0]).name
            told = f"{rounds.told_after * 1000:.0f} ms" if rounds.told_after is not None else ""
            print(f"| {case} | {host} | {rounds.episodes} | {rounds.activities} | {rounds.looks} | {rounds.empty} | {told} |")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1:]))
