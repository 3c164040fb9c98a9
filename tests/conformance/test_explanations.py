"""Wherever the recorded programs stand, the host's pages can tell why: in words, with a line, and without a change to what happens."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from standalone.engine import EngineSettings
from standalone.engine.orchestration import ENDED
from standalone.explaining import explain
from standalone.instance_pages import history_table
from standalone.timeline import timeline
from tests.conformance.cases import Case, difference, run
from tests.host.enginehost import Host

DATA = Path(__file__).parent / "data"
PROGRAMS: Mapping[str, Mapping[str, Any]] = json.loads((DATA / "known.json").read_text())


async def test_every_recorded_program_is_explained_and_goes_on_as_if_nobody_had_looked(tmp_path: Path) -> None:
    """Stalls, ghosts, races, retries, entities, suspensions: the page must fail on none, and its replay must fit the history."""
    unexplained: dict[str, str] = {}
    open_ones = 0

    async def look(host: Host, case: Case) -> None:
        nonlocal open_ones
        found, seen = await host.engine.get(case.instance), await host.engine.inspect(case.instance)
        if found is None or seen is None:
            return
        told = explain(found, seen, host.clock.now())
        timeline(seen.events, host.clock.now(), seen.whereabouts)
        history_table(seen)
        if found.runtime_status in ENDED:
            return
        open_ones += 1
        if seen.whereabouts is None or seen.whereabouts.differs or not seen.whereabouts.place or "not known" in told.lead:
            unexplained[case.name] = f"{told.lead} {seen.trouble} {seen.whereabouts and seen.whereabouts.differs}"

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        cases = await run(PROGRAMS, DATA / "app", tmp_path, EngineSettings(synchronous="OFF"), look)
    finally:
        root.setLevel(level)
    assert open_ones > 50
    assert unexplained == {}
    for name, case in cases.items():
        assert difference(PROGRAMS[name]["seen"], case.seen, "seen") is None, name
