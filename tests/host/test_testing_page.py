"""docs/testing.md is true: all its examples together are a project, and its tests pass, or fail as the page says."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from standalone.testing import DurableHost, Entity, Instance, Response

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\S+)\n")
ENDED_BADLY = "naive/test_naive.py"
"""The one example that shows a failure."""


@dataclass(frozen=True)
class Run:
    """What pytest said of the project."""

    outcomes: dict[str, str]  # "tests/test_first.py::test_silence_is_a_no" -> "passed" "failed"
    text: str


def blocks(language: str) -> Iterator[str]:
    """The page's code blocks in a language."""
    return (found[2] for found in _BLOCK.finditer(PAGE) if found[1] == language)


def files() -> dict[str, str]:
    """The files that the page's blocks are; each names its own in its first line."""
    found: dict[str, str] = {}
    for block in [*blocks("python"), *blocks("toml")]:
        named = _FILE.match(block)
        assert named, f"this block names no file: {block[:60]}"
        assert named[1] not in found, f"{named[1]} stands twice on the page"
        found[named[1]] = block
    return found


def promised(file: str, code: str) -> list[str]:
    """The tests in a file, without their parameters."""
    functions = [each for each in ast.walk(ast.parse(code)) if isinstance(each, ast.FunctionDef)] if file.endswith(".py") else []
    return [f"{file}::{each.name}" for each in functions if each.name.startswith("test_")]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The page's project, `standalone` copied beside the app, and a run of pytest in it that has no plugin for async tests."""
    project = tmp_path_factory.mktemp("expenses")
    for name, text in files().items():
        path = project / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (project / "standalone").symlink_to(ROOT / "standalone")
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "CI")}
    environment |= {"COLUMNS": "250", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    options = ["--junitxml=results.xml", "-o", "junit_family=xunit1", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options], cwd=project, env=environment, capture_output=True, text=True, timeout=110, check=False
    )
    results = ET.parse(project / "results.xml")
    outcomes: dict[str, str] = {}
    for case in results.iter("testcase"):
        name = f"{case.get('file')}::{str(case.get('name')).partition('[')[0]}"
        failed = any(case.find(kind) is not None for kind in ("failure", "error", "skipped"))
        outcomes[name] = "failed" if failed or outcomes.get(name) == "failed" else "passed"
    return Run(outcomes, ran.stdout)


def test_every_test_on_the_page_is_run_and_passes_but_the_one_that_shall_fail(run: Run) -> None:
    """An example that does not work is worse than none."""
    wanted = {test: "failed" if file == ENDED_BADLY else "passed" for file, code in files().items() for test in promised(file, code)}
    assert run.outcomes == wanted, run.text


def test_the_failure_on_the_page_is_what_pytest_prints(run: Run) -> None:
    """It shows what a reader will see, to the letter."""
    printed = [line.rstrip() for line in run.text.splitlines()]
    for shown in blocks("text"):
        lines = [line.rstrip() for line in shown.splitlines()]
        begin = printed.index(lines[0])
        assert printed[begin : begin + len(lines)] == lines


def test_no_block_of_the_page_is_left_out() -> None:
    """A block of another language would be run by nobody."""
    assert {found[1] for found in _BLOCK.finditer(PAGE)} == {"python", "toml", "text"}


@pytest.mark.parametrize("kind", [DurableHost, Entity, Instance, Response])
def test_all_that_is_public_is_on_the_page(kind: type) -> None:
    """What is not written down is used by nobody, or by accident."""
    public = {name for name in dir(kind) if not name.startswith("_")}
    assert {name for name in public if not re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`", PAGE)} == set()
