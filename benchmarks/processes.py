"""What a process and its descendants use, read from /proc (Linux)."""

import os
import signal
from collections.abc import Iterable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def _fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on (man 5 proc)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _fields(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, left = [], [pid]
    while left:
        found.append(left.pop())
        left += children.get(found[-1], [])
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time so far."""
    return sum(int(fields[11]) + int(fields[12]) for pid in pids if (fields := _fields(pid))) / TICKS


def memory(pids: Iterable[int]) -> tuple[float, float]:
    """Resident and proportional set size in MiB; the second counts shared pages once."""
    found = {"Rss:": 0, "Pss:": 0}
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, *rest = line.split()
            if name in found:
                found[name] += int(rest[0])
    return found["Rss:"] / 1024, found["Pss:"] / 1024


def kill(pids: Iterable[int]) -> None:
    """SIGKILL to each, at once."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
