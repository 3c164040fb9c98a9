"""`python scripts/machine.py browser`: have what the tests need beyond Python, or name it in one line.

Chromium comes from the machine's own packages (a browser that Playwright would download is not needed), axe-core from npm.
What cannot be installed is named, and the tests that need it say so when they are skipped; under CI they fail.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
AXE = ROOT / "tests" / "browser" / "node_modules" / "axe-core" / "axe.min.js"


def browser() -> str | None:
    """The path of a Chromium, None when there is none."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def install_browser() -> None:
    """By apt, where we may."""
    if browser() or not shutil.which("apt-get") or os.geteuid() != 0:
        return
    print("installing Chromium for the browser tests", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core"],
    ):
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def install_axe() -> None:
    """By npm, from the lock."""
    if AXE.exists() or not shutil.which("npm"):
        return
    print("installing axe-core for the accessibility tests", flush=True)
    command = ["npm", "ci", "--silent", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=AXE.parents[2], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def missing() -> list[str]:
    """What is not there, each in a few words."""
    lacking = []
    if not browser():
        lacking.append("Chromium (on Debian: apt-get install chromium)")
    if not AXE.exists():
        lacking.append("axe-core (needs Node with npm: npm ci in tests/browser)")
    return lacking


def main() -> int:
    """Always 0: the tests decide what a lack means."""
    install_browser()
    install_axe()
    if lacking := missing():
        print(f"browser tests lack {'; '.join(lacking)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
