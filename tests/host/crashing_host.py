"""A host that is run, killed and run again by the crash tests: `python crashing_host.py STATE INSTANCES`.

It brings every instance to its end, whatever an earlier run left: starts those that are not there, raises each decision that was not
told to be kept, lets time pass where nothing else is left to do. At last it prints what it finds, as JSON.
"""

import asyncio
import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from standalone.contracts import InstanceQuery
from standalone.engine import Engine
from standalone.workers import ProcessWorkers
from tests.host.enginehost import BEGINNING, StandingClock


def keep(path: Path, text: str) -> None:
    """Leave `text` for the next run."""
    path.write_text(text)


class Notes:
    """What this client was told, over all its runs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kept = set(path.read_text().splitlines()) if path.exists() else set()

    def keep(self, note: str) -> None:
        """Remember `note`, on disk."""
        with self.path.open("a") as file:
            file.write(note + "\n")
        self.kept.add(note)


async def bring_to_end(engine: Engine, clock: StandingClock, names: list[str], notes: Notes) -> None:
    """Do what is left to do until every instance has ended."""
    for name in names:
        if f"start {name}" not in notes.kept and await engine.get(name) is None:
            await engine.start_instance("whole", json.dumps({"name": name, "again": 0}), name)
            notes.keep(f"start {name}")
    while True:
        await engine.settle()
        found = {name: await engine.get(name) for name in names}
        waiting = [status for status in found.values() if status and status.runtime_status == "Running"]
        if not waiting:
            return
        for status in waiting:
            if status.name == "whole" and status.custom_status_json == '"waits"':
                await decide(engine, status.instance_id, given(status.input_json)["again"], notes)
        await engine.settle()
        due = engine.next_due()
        if due is not None and due <= clock.now() + timedelta(minutes=1):
            clock.move_to(due)


def given(input_json: str | None) -> Any:
    """An input; that of a new execution is encoded twice."""
    value = json.loads(input_json or "null")
    return json.loads(value) if isinstance(value, str) else value


async def decide(engine: Engine, name: str, again: int, notes: Notes) -> None:
    """Raise a decision once, as far as this client knows; one that it was not told of is looked for first."""
    note = f"decision-{again} {name}"
    status = await engine.get(name, history=True)
    if note not in notes.kept and status and f'"decision-{again}"' not in (status.history_json or ""):
        await engine.raise_event(name, f"decision-{again}", f'"decided {again}"')
        notes.keep(note)


async def main(state: Path, count: int) -> None:
    """One run."""
    clock = StandingClock(datetime.fromisoformat((state / "time").read_text()) if (state / "time").exists() else BEGINNING)
    clock.on_move(lambda: keep(state / "time", clock.now().isoformat()))
    app = Path(__file__).parent / "crash_app"
    workers = ProcessWorkers(app, 2, {"EFFECTS": str(state / "effects")}, clock=clock, binding_base_url="http://127.0.0.1:9/")
    engine = Engine(state / "engine.sqlite", clock, workers)
    await workers.start()
    await engine.start()
    names = [f"instance-{number}" for number in range(count)]
    await bring_to_end(engine, clock, names, Notes(state / "notes"))
    page = await engine.query(InstanceQuery())
    told = {
        status.instance_id: {
            "status": status.runtime_status,
            "output": json.loads(status.output_json or "null"),
            "signalled": await engine.entity_state("counter", f"{status.instance_id}-later"),
            "history": [
                [event["EventType"], event.get("FunctionName") or event.get("Name"), event.get("Result")]
                for event in json.loads(found.history_json)
            ],
        }
        for status in page.instances
        if (found := await engine.get(status.instance_id, history=True, history_outputs=True)) and found.history_json
    }
    await engine.stop()
    await workers.stop()
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
