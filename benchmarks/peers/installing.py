"""Peers are installed by the benchmark itself, pinned, below a cache folder: nothing of them is a dependency of this project."""

import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

MINUTES = 10


class CannotBeInstalled(Exception):
    """One line: why."""


@dataclass(frozen=True)
class Needs:
    """What a peer is made of."""

    folder: str
    python: tuple[str, ...]
    npm: tuple[str, ...] = ()


DBOS = Needs("dbos", ("dbos==3.4.0",))
DURABLETASK = Needs("durabletask", ("durabletask==1.12.0",))
_PLATFORM = {"x86_64": "linux-x64", "aarch64": "linux-arm64"}.get(platform.machine(), "linux-x64")
RESTATE = Needs(
    "restate",
    ("restate-sdk[serde]==1.3.0", "hypercorn==0.18.0", "uvloop==0.22.1"),
    ("@restatedev/restate-server@1.7.12", f"@restatedev/restate-server-{_PLATFORM}@1.7.12"),
)


def restate_server(folder: Path) -> Path:
    """The binary that the npm package holds."""
    return folder / f"node_modules/@restatedev/restate-server-{_PLATFORM}/bin/restate-server"


def install(needs: Needs, cache: Path) -> Path:
    """A folder with the peer, `bin/python` its interpreter; nothing is done when it is there already. Raises CannotBeInstalled."""
    folder = (cache / needs.folder).resolve()
    stamp, wanted = folder / "installed", "\n".join([platform.python_version(), *needs.python, *needs.npm])
    if stamp.is_file() and stamp.read_text("utf-8") == wanted:
        return folder
    print(f"installing {needs.folder} into {cache / needs.folder}", file=sys.stderr, flush=True)
    _run(sys.executable, "-m", "venv", "--clear", str(folder))
    _run(str(folder / "bin/python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", *needs.python)
    if needs.npm:
        _run("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *needs.npm)
    stamp.write_text(wanted, "utf-8")
    return folder


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=MINUTES * 60)
    except FileNotFoundError:
        raise CannotBeInstalled(f"there is no {command[0]} here") from None
    except subprocess.TimeoutExpired:
        raise CannotBeInstalled(f"{command[0]} took longer than {MINUTES} minutes") from None
    except subprocess.CalledProcessError as error:
        lines = [line for line in f"{error.stdout}\n{error.stderr}".splitlines() if line.strip()]
        raise CannotBeInstalled(lines[-1].strip() if lines else f"{Path(command[0]).name} failed") from None
