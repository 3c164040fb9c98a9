"""docs/api.md and the OpenAPI document say what the code does: all of it, and nothing else."""

import re
from pathlib import Path
from typing import Any

from openapi_pydantic import OpenAPI

import clients
from clients.openapi import document
from clients.operations import ACTS
from clients.problem import TYPES

ROOT = Path(__file__).resolve().parents[3]


def registered() -> set[tuple[str, str]]:
    """Every (method, path) that the app serves, the operators' acts one by one."""
    found = set()
    for blueprint in clients.BLUEPRINTS:
        for builder in blueprint._function_builders:
            trigger: Any = builder._function.get_trigger()
            if trigger is None or trigger.get_binding_name() != "httpTrigger":
                continue
            for method in trigger.methods:
                routes = [trigger.route]
                if "{action}" in trigger.route:
                    routes = [trigger.route.replace("{action}", act) for act in ACTS]
                found |= {(str(getattr(method, "value", method)).lower(), f"/{route}") for route in routes}
    return found


def test_every_route_is_in_the_openapi_document_and_no_other() -> None:
    """A caller's generated client must neither miss a route nor call one that is not there."""
    described = {(method, path) for path, item in document()["paths"].items() for method in item if method != "parameters"}
    assert described == registered()


def test_the_document_is_openapi_3_1() -> None:
    """Generators choke on what is nearly OpenAPI."""
    assert OpenAPI.model_validate(document()).openapi.startswith("3.1")


def test_every_reference_of_the_document_leads_somewhere() -> None:
    """A schema under another name is a client without a type."""
    named = set(re.findall(r"#/components/schemas/(\w+)", str(document())))
    assert named <= set(document()["components"]["schemas"])


def test_operation_ids_are_each_their_own() -> None:
    """They become function names."""
    names = [entry["operationId"] for item in document()["paths"].values() for method, entry in item.items() if method != "parameters"]
    assert len(names) == len(set(names))


def test_every_route_and_problem_is_in_the_api_page() -> None:
    """What is not documented is found by nobody."""
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for method, path in registered():
        path = re.sub(rf"({'|'.join(ACTS)})$", "{action}", path) if path.startswith("/operations/proposals/{id}/") else path
        rows = [line for line in page.splitlines() if f"| `{path}` |" in line or (f"`{path}`" in line and line.startswith("| "))]
        assert any(method.upper() in row for row in rows), (method, path)
    for code, (status, title) in TYPES.items():
        assert f"| `{code}` | {status} | {title} |" in page
    for act in ACTS:
        assert f"`{act}`" in page
