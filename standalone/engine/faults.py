"""Named points at which a test may have the process killed, as a power cut would: nothing is flushed, nobody is told.

`STANDALONE_KILL_AT="name"` or `"name:3"` kills the process, by SIGKILL, when it comes to the point for the first or third time;
`"name:3:FILE"` does so only if FILE is not there, and makes it: once, whatever is started again. Unset, a point costs a look at an
empty dict. The names are the steps of an instance's way through the engine, in order:

    message posted      it is in the group, nobody was told
    episode run         (worker) nothing has left the worker
    episode received    it is in the group
    commit begins       the transaction has not begun
    commit written      all statements have run, COMMIT has not
    committed           it is on disk, nobody knows
    acknowledged        whoever waited has been told
    activity started    (worker) nothing has been done
    activity ended      (worker) its result is known to nobody
    timer rung          its message is under way, its row is there
"""

import os
import signal
from pathlib import Path

NAMES = (
    "message posted", "episode run", "episode received", "commit begins", "commit written", "committed", "acknowledged",
    "activity started", "activity ended", "timer rung",
)  # fmt: skip

_armed: dict[str, int] = {}
_once: dict[str, str] = {}


def arm(setting: str | None) -> None:
    """Take a setting of the form above. Raises ValueError for a name that is no point."""
    _armed.clear()
    if setting:
        name, count, once = [*setting.split(":", 2), "", ""][:3]
        if name not in NAMES:
            raise ValueError(f"STANDALONE_KILL_AT: there is no point {name!r}; there are {', '.join(NAMES)}.")
        if not (once and Path(once).exists()):
            _armed[name] = int(count or 1)
            _once[name] = once


def point(name: str) -> None:
    """Here the process may be killed."""
    if name in _armed:
        _armed[name] -= 1
        if _armed[name] == 0:
            if _once[name]:
                Path(_once[name]).touch()
            os.kill(os.getpid(), signal.SIGKILL)


arm(os.environ.get("STANDALONE_KILL_AT"))
