"""What is called by name exists: an unknown activity would hang an approval in silence (durable.md A7)."""

import ast
from pathlib import Path

from domain import names

ROOT = Path(__file__).resolve().parents[2]


def registered() -> dict[str, str]:
    """Function name -> trigger type, as the library itself lists the app."""
    from function_app import app

    return {function.get_function_name(): function.get_trigger().type for function in app.get_functions()}  # type: ignore[union-attr]


REGISTERED = registered()


def test_every_activity_and_orchestrator_that_is_named_is_registered_under_that_name() -> None:
    """Calls go by string; the engine does not complain of a name that nobody has."""
    assert {name for name, kind in REGISTERED.items() if kind == "activityTrigger"} == names.ACTIVITIES
    assert {name for name, kind in REGISTERED.items() if kind == "orchestrationTrigger"} == names.ORCHESTRATORS


def test_function_names_differ_in_more_than_case() -> None:
    """The extension ignores the case of function names."""
    assert len({name.casefold() for name in REGISTERED}) == len(REGISTERED)


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
