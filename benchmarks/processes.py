"""What a process and its descendants use, read from /proc (Linux); and their end."""

import os
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def _fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on (man 5 proc)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None


def family(*pids: int) -> list[int]:
    """Processes and all that descend from them."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _fields(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, left = [], list(pids)
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


def end(process: "subprocess.Popen[str]", sig: int = signal.SIGTERM, patience: float = 30) -> None:
    """End a process and its descendants, each by its id; with SIGKILL all at once, as `kill -9` of everything."""
    pids = family(process.pid)  # taken first: when the parent is gone its children cannot be found
    if sig != signal.SIGKILL and process.poll() is None:
        process.send_signal(sig)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            pass
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()
    limit = time.monotonic() + 5
    while time.monotonic() < limit and any((fields := _fields(pid)) and fields[0] != "Z" for pid in pids):
        time.sleep(0.005)
