"""The guide to plug-ins is held to the code: a hook or a limit that is not in it would be found by nobody."""

import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest

from domain.facts import Outcome, Severity
from services.plugins import LONGEST_MESSAGE, MOST_FINDINGS, Hook, Hooks

GUIDE = (Path(__file__).parents[3] / "docs" / "plugins.md").read_text("utf-8")
TABLE = {cells[1].strip(" `"): cells for line in GUIDE.splitlines() if len(cells := line.split("|")) == 6}


def test_every_hook_is_in_the_guides_table_and_no_other() -> None:
    """What a company's developers read first."""
    assert {name for name in TABLE if name in get_args(Hook) or name.endswith(("_proposal", "_decision"))} == set(get_args(Hook))


@pytest.mark.parametrize("hook", get_args(Hook))
def test_the_guide_says_what_a_hook_gets(hook: str) -> None:
    """A parameter that the hook does not give is an error when the plug-in is loaded."""
    given = [name for name in inspect.signature(getattr(Hooks, hook)).parameters if name != "self"]
    assert re.findall(r"`(\w+)`", TABLE[hook][3]) == given


def test_every_hook_of_the_code_has_a_specification() -> None:
    """And the other way round."""
    assert {name for name in vars(Hooks) if not name.startswith("_")} == set(get_args(Hook))


def test_the_guide_names_every_severity_every_outcome_and_the_limits() -> None:
    """An answer beyond them is a rule that failed."""
    assert [word for word in (*get_args(Severity), *get_args(Outcome)) if word not in GUIDE] == []
    assert f"{LONGEST_MESSAGE:,} characters" in GUIDE
    assert f"{MOST_FINDINGS} findings" in GUIDE


def test_the_guides_first_rule_is_short_and_works() -> None:
    """Plug in your rules in fifteen lines: what stands there is run here."""
    code = GUIDE.split("```python\n")[1].split("```")[0]
    assert len(code.strip().splitlines()) <= 15
    module = ModuleType("acme.ceilings")
    exec(compile(code, "docs/plugins.md", "exec"), module.__dict__)
    rule: Any = module.assess_proposal
    assert rule({"budget": {"amount": "250000.00"}})[0]["severity"] == "warning"
    assert rule({"budget": {"amount": "100000.00"}}) is None
