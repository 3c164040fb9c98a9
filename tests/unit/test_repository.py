"""What the repository's own files promise: pins, ranges, layers, what is deployed."""

import fnmatch
import importlib.metadata
import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.txt", "requirements-standalone.txt", "requirements-dev.txt")
PYTHONS = ("3.11", "3.12", "3.13")
EXACT = re.compile(r"[a-z0-9-]+==[0-9][0-9a-z.]*( ; .+)?")
AROUND_THE_APP = {"benchmarks", "examples", "scripts", "tests"}
"""Folders with Python that belong to no layer: nothing of the app or the host may need them."""
DEPLOYED = {
    "function_app.py",
    "host.json",
    "policy.toml",
    "requirements.txt",
    "activities",
    "clients",
    "domain",
    "orchestrators",
    "services",
}


def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def lines(file: str) -> list[str]:
    """A requirements file without comments and blank lines."""
    return [line for line in (ROOT / file).read_text("utf-8").splitlines() if line.strip() and not line.startswith("#")]


def environment(python: str) -> dict[str, str]:
    """The markers of Linux with that Python."""
    return {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux", "extra": ""}


def pins(file: str, python: str) -> dict[str, str]:
    """Name -> version, of what that Python installs. Raises AssertionError where a name is pinned twice."""
    found: dict[str, str] = {}
    for requirement in map(Requirement, lines(file)):
        if requirement.marker is None or requirement.marker.evaluate(environment(python)):
            name = canonicalize_name(requirement.name)
            assert name not in found, f"{file} pins {name} twice for Python {python}"
            found[name] = next(iter(requirement.specifier)).version
    return found


@pytest.mark.parametrize("file", LOCKS)
def test_every_requirement_is_pinned_exactly(file: str) -> None:
    """A range in a lock is an installation that nobody has tested."""
    assert [line for line in lines(file) if not EXACT.fullmatch(line)] == []


@pytest.mark.parametrize("python", PYTHONS)
def test_the_locks_agree_with_each_other(python: str) -> None:
    """What was tested is what runs on one machine, and what Azure installs: each lock holds the smaller one, with the same versions."""
    app, standalone, development = (pins(file, python) for file in LOCKS)
    assert app.items() <= standalone.items()
    assert standalone.items() <= development.items()


@pytest.mark.parametrize("python", PYTHONS)
def test_every_pin_is_within_its_range(python: str) -> None:
    """pyproject.toml holds the ranges, the locks the pins: one edited without the other is a lie."""
    table, pinned = project()["project"], pins("requirements-dev.txt", python)
    extras = table["optional-dependencies"]
    for requirement in map(Requirement, [*table["dependencies"], *extras["standalone"], *extras["development"]]):
        if requirement.marker is None or requirement.marker.evaluate(environment(python)):
            assert pinned[canonicalize_name(requirement.name)] in requirement.specifier, str(requirement)


@pytest.mark.parametrize(("python", "line"), [("3.11", "1."), ("3.12", "1."), ("3.13", "2.")])
def test_azure_functions_is_of_the_line_made_for_the_interpreter(python: str, line: str) -> None:
    """Up to 3.12 the Functions host carries the library's first line, from 3.13 the second; neither installs on the other's Pythons."""
    assert pins("requirements.txt", python)["azure-functions"].startswith(line)


@pytest.mark.parametrize("python", PYTHONS)
def test_azure_installs_neither_the_worker_nor_what_only_standalone_needs(python: str) -> None:
    """The platform brings its own worker, and a second one in the app's folder breaks it."""
    assert {"azure-functions-worker", "aiosmtpd", "time-machine", "pytest"} & pins("requirements.txt", python).keys() == set()


def test_the_lock_holds_everything_that_its_packages_need() -> None:
    """A dependency of a dependency that is left open is chosen anew at each deployment."""
    pinned = {canonicalize_name(Requirement(line).name) for line in lines("requirements.txt")}
    waiting = [Requirement(line) for line in project()["project"]["dependencies"]]
    seen: set[tuple[str, str]] = set()
    while waiting:
        parent = waiting.pop()
        if parent.marker is not None and not parent.marker.evaluate():
            continue
        assert canonicalize_name(parent.name) in pinned, parent.name
        for extra in {"", *parent.extras}:
            if (key := (canonicalize_name(parent.name), extra)) in seen:
                continue
            seen.add(key)
            needs = map(Requirement, importlib.metadata.requires(parent.name) or [])
            waiting += [_bare(need) for need in needs if need.marker is None or need.marker.evaluate({"extra": extra})]


def _bare(requirement: Requirement) -> Requirement:
    """Without its marker, which has been judged with the extra that asked for it."""
    requirement.marker = None
    return requirement


def test_a_new_package_without_a_place_in_the_layers_fails() -> None:
    """import-linter looks only at the packages it is told of: one that is forgotten would be free to import anything."""
    found = {path.parent.name for path in ROOT.glob("*/*.py") if not path.parent.name.startswith(".")}
    linter = project()["tool"]["importlinter"]
    layers = next(contract["layers"] for contract in linter["contracts"] if contract["type"] == "layers")
    placed = {name.strip() for layer in layers for name in layer.split("|")} | {"standalone"}
    assert found - AROUND_THE_APP == set(linter["root_packages"]) == placed


def test_all_code_is_type_checked() -> None:
    """A folder that mypy is not told of is checked by nobody."""
    checked = set(project()["tool"]["mypy"]["files"])
    assert {path.parent.name for path in ROOT.glob("*/*.py") if not path.parent.name.startswith(".")} <= checked


def test_azure_gets_the_app_and_nothing_else() -> None:
    """Tests, the embedded host and local settings have no business in the cloud: a new file at the top is the app's, or in .funcignore."""
    patterns = [line.rstrip("/") for line in [*lines(".funcignore"), *lines(".gitignore")]]
    kept = {path.name for path in ROOT.iterdir() if not any(fnmatch.fnmatch(path.name, pattern) for pattern in patterns)}
    assert kept == DEPLOYED


def test_the_extension_bundle_is_a_range_that_resolves() -> None:
    """A narrow range can be impossible to resolve when the host starts (https://learn.microsoft.com/en-us/answers/a/12794340)."""
    host = json.loads((ROOT / "host.json").read_text("utf-8"))
    assert host["extensionBundle"] == {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.*, 5.0.0)"}


def test_the_engine_traces_no_inputs() -> None:
    """Inputs and outputs of activities would stand in Application Insights for whoever may read logs."""
    durable = json.loads((ROOT / "host.json").read_text("utf-8"))["extensions"]["durableTask"]
    assert durable["tracing"] == {"traceInputsAndOutputs": False, "traceReplayEvents": False}


def test_local_settings_hold_no_secret() -> None:
    """They are committed, so that the first start needs no copying."""
    values = json.loads((ROOT / "local.settings.json").read_text("utf-8"))["Values"]
    assert values["AzureWebJobsStorage"] == "UseDevelopmentStorage=true"
    assert values["AZURE_FUNCTIONS_DURABLE_STRICT_TYPING"] == "1"
    assert not [name for name, value in values.items() if re.search(r"(?i)key=|password|[A-Za-z0-9+/]{40,}", value)]


def test_no_lock_names_where_a_package_was_downloaded() -> None:
    """A lock made behind a mirror must install without it."""
    texts = [(ROOT / file).read_text("utf-8") for file in LOCKS]
    texts += [path.read_text("utf-8") for path in ROOT.glob("tests/*/package-lock.json")]
    assert len(texts) > len(LOCKS)
    assert [text for text in texts if re.search(r'"resolved"|https?://|--index|--find-links', text)] == []


def test_make_help_names_every_target() -> None:
    """It is what `make` alone answers; a target that it leaves out is found by nobody."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony is not None
    told = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30).stdout
    assert set(re.findall(r"^  make ([a-z-]+) ", told, re.MULTILINE)) == set(phony[1].split())
