"""A Functions host that runs the app for the tests: `$HOST start --port N` in a folder of its own, with the real clock.

The folder links to the app's packages and holds a policy of seconds; the app's own files stay as they are. Whatever host it is,
it is started, watched and ended in the same way; only where the state lies and what to kill differs, and stands in `KINDS`.
"""

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.live.mailbox import free_port

APP = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent

LINKED = ("activities", "clients", "domain", "orchestrators", "services", "examples", "standalone", ".venv")
COPIED = ("function_app.py", "local.settings.json", "requirements.txt")
OURS = ("policy.toml", "gated_rule.py")

READY_WITHIN = 120.0
"""Seconds to the first answer; the first start of all may install things."""

SOONER = "00:01:00"
"""How long a message stays with a host that died (the real extension; 5 minutes unless told)."""


@dataclass(frozen=True)
class Kind:
    """What differs between hosts. `keeps`: the options by which the state is kept in a folder; `crash`: names of processes, as
    the host prints them, that die in a crash (none: all of them; the storage of the real one is not what crashes).
    `fails_instances`: an instance whose worker dies in its episode is Failed; standalone runs the episode again.
    """

    keeps: tuple[str, ...] = ()
    crash: tuple[str, ...] = ()
    fails_instances: bool = True


KINDS: Mapping[str, Kind] = {
    "realhost": Kind(keeps=("--state", "{state}"), crash=("host", "bridge")),
    "standalone": Kind(keeps=("--state", "{state}"), fails_instances=False),
    "func": Kind(),
}


def kind_of(command: Sequence[str]) -> str:
    """Which of `KINDS` a command starts. Raises ValueError."""
    for name in KINDS:
        if any(Path(word).name == name for word in command):
            return name
    raise ValueError(f"{shlex.join(command)} is none of {', '.join(KINDS)}")


def app_folder(folder: Path, probe: bool, storage: Mapping[str, object]) -> Path:
    """The app in `folder`: links to its packages, copies of its few files, a policy and a rule of the tests'.

    `probe` adds `worker_probe`, imported by the copy of function_app.py. `storage` is merged into storageProvider of host.json.
    """
    folder.mkdir(parents=True)
    for name in LINKED:
        if (APP / name).exists():
            (folder / name).symlink_to(APP / name)
    for name in COPIED:
        shutil.copy(APP / name, folder / name)
    for name in OURS:
        shutil.copy(HERE / name, folder / name)
    settings = json.loads((APP / "host.json").read_text())
    settings["extensions"]["durableTask"]["storageProvider"] |= storage
    (folder / "host.json").write_text(json.dumps(settings))
    if probe:
        shutil.copy(HERE / "worker_probe.py", folder)
        with (folder / "function_app.py").open("a") as file:
            file.write("\nimport worker_probe  # noqa: E402, F401\n")
    return folder


class Host:
    """One host with one app. `start` again after `kill` or `stop` carries on with the same state and port."""

    def __init__(self, command: str, folder: Path, keep: bool = False) -> None:
        self.command = shlex.split(command)
        self.kind_name = kind_of(self.command)
        self.kind = KINDS[self.kind_name]
        self.folder, self.keep = folder, keep
        self.settings: Mapping[str, str] = {}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "host.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._log_begins = 0

    async def start(self, http: aiohttp.ClientSession) -> None:
        """Start it and wait until the app answers. Raises AssertionError with the log when it does not."""
        self.spawn()
        until = time.monotonic() + READY_WITHIN
        while not await self.answers(http):
            patient = self.running() and time.monotonic() < until
            assert patient, f"the host did not become ready:\n{self.logs()[-4000:]}"
            await asyncio.sleep(0.2)

    async def answers(self, http: aiohttp.ClientSession) -> bool:
        """Whether the app (not the host in its place) says how it is, and the host, where it does so, which processes it has."""
        try:
            async with http.get(f"{self.url}/api/health") as response:
                return response.content_type.endswith("json") and (not self.kind.crash or bool(self.printed_pids()))
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def fails_to_start(self, http: aiohttp.ClientSession) -> None:
        """Start it with an app that does not load, and see that it serves nothing."""
        self.spawn()
        until = time.monotonic() + 5
        while self.running() and time.monotonic() < until:
            assert not await self.answers(http), "an app that does not load is served"
            await asyncio.sleep(0.2)
        await self.stop()

    @contextmanager
    def app_broken(self) -> Iterator[None]:
        """Within, the app fails at import."""
        path = self.folder / "function_app.py"
        sound = path.read_text()
        path.write_text("raise ImportError('broken by a test')\n")
        try:
            yield
        finally:
            path.write_text(sound)

    def spawn(self) -> None:
        """Start the process, in a session of its own."""
        keeps = [word.format(state=self.folder / "host-state") for word in self.kind.keeps] if self.keep else []
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **self.settings, "PATH": path}
        with self.log.open("ab") as log:
            self._log_begins = log.tell()
            self._process = subprocess.Popen(
                [*self.command, "start", "--port", str(self.port), *keeps],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def workers(self) -> list[int]:
        """Process ids of living workers that have loaded the app (with a probe only)."""
        return [pid for pid in (int(path.name) for path in (self.folder / "workers").glob("*")) if alive(pid)]

    def die_in_episode_of(self, instance: str) -> None:
        """Have the worker kill itself in the next episode of this instance."""
        (self.folder / "die-in-episode").write_text(instance)

    def kill_workers(self) -> None:
        """SIGKILL every worker; the host starts others."""
        for pid in self.workers():
            kill(pid, signal.SIGKILL)

    async def kill(self) -> None:
        """SIGKILL, as a crash of the machine's host would be; the storage of the real host is let end in order."""
        assert self._process is not None
        doomed = [int(pid) for name in self.kind.crash for pid in re.findall(rf"\b{name} (\d+)", self.printed_pids())]
        if not doomed:
            doomed = [self._process.pid, *descendants(self._process.pid)]
        for pid in {*doomed, *self.workers()}:
            kill(pid, signal.SIGKILL)
        await self.gone(60)

    async def stop(self) -> None:
        """End it in order, as Ctrl-C would."""
        if self.running():
            assert self._process is not None
            kill(self._process.pid, signal.SIGTERM)
            await self.gone(60)

    async def gone(self, patience: float) -> None:
        """Wait for the end of the process and of all that it started."""
        assert self._process is not None
        family = [self._process.pid, *descendants(self._process.pid), *self.workers()]
        until = time.monotonic() + patience
        while self._process.poll() is None and time.monotonic() < until:
            await asyncio.sleep(0.1)
        for pid in family:
            kill(pid, signal.SIGKILL)
        self._process.wait(5)

    def printed_pids(self) -> str:
        """The newest line in which the host has said its process ids, empty when it does not."""
        lines = [line for line in self.log.read_text("utf-8", "replace")[self._log_begins :].splitlines() if line.startswith("pids ")]
        return lines[-1] if lines else ""

    def logs(self) -> str:
        """All that the host and its processes have written."""
        texts = [self.log.read_text("utf-8", "replace")]
        for folder in re.findall(r"^logs +(\S+)$", texts[0], re.MULTILINE):
            texts += [path.read_text("utf-8", "replace") for path in Path(folder).glob("*.log")]
        return "\n".join(texts)


def kill(pid: int, number: int) -> None:
    """Send a signal to one process; one that is gone is no matter."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def descendants(pid: int) -> list[int]:
    """The process ids below `pid`, deepest last."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    found = [int(child) for child in children]
    return found + [grandchild for child in found for grandchild in descendants(child)]
