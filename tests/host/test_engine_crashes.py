"""Kill -9 at any instant loses nothing acknowledged: real processes, killed at each named point, started again, histories compared."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from standalone.engine import faults

ROOT = Path(__file__).resolve().parents[2]
IN_WORKERS = ("episode run", "activity started", "activity ended")
INSTANCES = 3
TIMES_RUN = 2  # each activity of the app, in an undisturbed run: once in each of two executions


def run_host(state: Path, kill_at: str = "", instances: int = INSTANCES) -> subprocess.CompletedProcess[str]:
    """One run of the host, until all is done or it is killed."""
    state.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.host.crashing_host", str(state), str(instances)],
        capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
        env={**os.environ, "STANDALONE_KILL_AT": kill_at, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def told(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What a run found at its end, without what differs from run to run: ids, and the order of parallel results."""
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    for instance in found.values():
        for event in instance["history"]:
            if event[0] == "EventRaised" and "-" in event[1] and not event[1].startswith("decision"):
                event[1] = "an answer"
        instance["history"].sort(key=json.dumps)
    return found


def effects(state: Path) -> Counter[str]:
    """How often each activity ran."""
    return Counter((state / "effects").read_text().splitlines())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run finds that nobody kills."""
    state = tmp_path_factory.mktemp("undisturbed")
    found = told(run_host(state))
    assert set(effects(state).values()) == {TIMES_RUN}
    return found


@pytest.mark.parametrize("count", [2, 11])
@pytest.mark.parametrize("point", [name for name in faults.NAMES if name not in IN_WORKERS])
def test_a_host_killed_anywhere_ends_as_if_it_had_not_been(undisturbed: dict[str, Any], tmp_path: Path, point: str, count: int) -> None:
    """What was acknowledged is there once; what was not may be repeated by whoever asked; an activity runs again at most once."""
    killed = run_host(tmp_path / "state", f"{point}:{count}")
    if killed.returncode == 0:
        pytest.skip(f"the run comes to {point!r} fewer than {count} times")
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    assert told(run_host(tmp_path / "state")) == undisturbed
    assert all(TIMES_RUN <= times <= TIMES_RUN + 1 for times in effects(tmp_path / "state").values())


def test_a_worker_killed_in_an_episode_runs_it_again_elsewhere(undisturbed: dict[str, Any], tmp_path: Path) -> None:
    """The real engine fails the instance for good; here nothing has left the worker, so nothing is lost (a listed deviation)."""
    found = told(run_host(tmp_path / "state", f"episode run:1:{tmp_path / 'killed'}", instances=1))

    assert (tmp_path / "killed").exists()
    assert found == {name: instance for name, instance in undisturbed.items() if "instance-0" in name}


@pytest.mark.parametrize("point", ["activity started", "activity ended"])
def test_a_worker_killed_in_an_activity_fails_it_as_on_azure(tmp_path: Path, point: str) -> None:
    """Nobody knows what it has done, so it is not run again behind the orchestrator's back."""
    found = told(run_host(tmp_path / "state", f"{point}:1:{tmp_path / 'killed'}"))

    failed = [instance for instance in found.values() if instance["status"] == "Failed"]
    assert failed
    assert all("Activity function 'step' failed: python exited with code 137 (0x89)" in instance["output"] for instance in failed)


def test_a_point_that_does_not_exist_is_refused() -> None:
    """A typing error must not make a crash test pass."""
    with pytest.raises(ValueError, match="there is no point 'nowhere'"):
        faults.arm("nowhere")
    faults.arm(None)
