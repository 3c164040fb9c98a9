"""Compare the engine with what the real one did: `python -m tests.conformance [--recorded WHERE] [NAME or kind:KIND ...]`.

WHERE is a file of programs with what was seen, or a folder with `known.json`; the app that was recorded is in `app/` beside it, or is this
repository's. Without it, the cases of this repository are run. Exit code 1 when a case differs that is not listed as a deviation.
"""

import argparse
import asyncio
import collections
import json
import logging
import sys
import tempfile
import time
import warnings
from pathlib import Path

from tests.conformance.cases import difference, run
from tests.conformance.deviations import DEVIATIONS

DATA = Path(__file__).parent / "data"


def chosen(programs: dict, names: list[str]) -> dict:  # type: ignore[type-arg]
    """The programs that are asked for: by name, by kind, all."""
    if not names:
        return programs
    kinds = {name.removeprefix("kind:") for name in names if name.startswith("kind:")}
    return {name: case for name, case in programs.items() if name in names or case["kind"] in kinds}


def main() -> int:
    """Run, compare, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recorded", type=Path, default=DATA)
    parser.add_argument("--strict", action="store_true", help="listed deviations count as differences")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # the SDK warns of each duplicate event
    logging.disable(logging.ERROR)
    file = options.recorded / "known.json" if options.recorded.is_dir() else options.recorded
    app = next(folder for folder in (file.parent / "app", DATA / "app") if folder.is_dir())
    programs = chosen(json.loads(file.read_text()), options.names)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as state:
        cases = asyncio.run(run(programs, app, Path(state)))
    agreed: collections.Counter[str] = collections.Counter()
    failed = 0
    for name, case in cases.items():
        program = case.program
        found = difference(program["seen"], case.seen, "seen")
        if found is None and program.get("trigger"):
            recorded = {key: value for key, value in program["trigger"].items() if value is not None}
            ours = {key: value for key, value in (case.trigger or {}).items() if key in recorded}
            found = difference(recorded, ours, "trigger")
        if found is None:
            agreed[program["kind"]] += 1
        elif name in DEVIATIONS and not options.strict:
            agreed["listed deviation"] += 1
        else:
            failed += 1
            print(f"{name} ({program['kind']}) {found}")
    print(f"{len(cases) - failed} of {len(cases)} as recorded in {time.perf_counter() - began:.1f} s: {dict(agreed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
