"""What is called by name exists: an unknown activity would hang an approval in silence (durable.md A7)."""

import ast
from pathlib import Path

from domain import names
from standalone.workers.registry import durable_name
from tests.app.greenlight import Greenlight

ROOT = Path(__file__).resolve().parents[2]


async def test_every_activity_and_orchestrator_that_is_named_is_registered_under_that_name(greenlight: Greenlight) -> None:
    """Calls go by string; the engine does not complain of a name that nobody has."""
    registered = {(function.kind, durable_name(function)) for function in greenlight.host.functions}
    assert {name for kind, name in registered if kind == "activity"} == names.ACTIVITIES
    assert {name for kind, name in registered if kind == "orchestrator"} == names.ORCHESTRATORS


async def test_function_names_differ_in_more_than_case(greenlight: Greenlight) -> None:
    """The extension ignores the case of function names."""
    functions = [function.name.casefold() for function in greenlight.host.functions]
    assert len(set(functions)) == len(functions)


def test_the_orchestrator_calls_activities_by_the_shared_names_only() -> None:
    """A literal name would escape the test above."""
    tree = ast.parse((ROOT / "orchestrators/approval.py").read_text(encoding="utf-8"))
    literals = [
        node.args[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.startswith("call_")
        if isinstance(node.args[0], ast.Constant)
    ]
    assert literals == []
