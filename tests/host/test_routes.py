"""Routes as ASP.NET has them."""

import pytest

from standalone.contracts import FunctionInfo
from standalone.routes import RouteTable, RouteWrong


def table(**routes: str) -> RouteTable:
    """Functions by name and template, all with GET."""
    return RouteTable([FunctionInfo(name, "http", {"route": route, "methods": ["GET"]}) for name, route in routes.items()], "api")


def found(routes: RouteTable, path: str, method: str = "GET") -> tuple[str, dict[str, str]] | None:
    """The function that takes a path, and its parameters."""
    match = routes.find(method, path)
    return (match[0].function.name, match[1]) if match else None


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("items/{id:int}", "api/items/42", {"id": "42"}),
        ("items/{id:int}", "api/items/x", None),
        ("items/{id:guid}", "api/items/0f8fad5b-d9cb-469f-a165-70867728950e", {"id": "0f8fad5b-d9cb-469f-a165-70867728950e"}),
        ("items/{id?}", "api/items", {}),
        ("items/{page=1}", "api/items", {"page": "1"}),
        ("files/{*rest}", "api/files/a/b%20c", {"rest": "a/b c"}),
        ("files/{*rest}", "api/files", {}),
        ("a/{id}", "api/a/x%2Fy", {"id": "x%2Fy"}),
        ("a b/{id}", "API/a%20b/%C3%A9", {"id": "é"}),
        ("a/{code:regex(^[A-Z]{{2}}$)}", "api/a/DE", {"code": "DE"}),
        ("a/{code:regex(^[A-Z]{{2}}$)}", "api/a/DEU", None),
        ("a/{n:range(1,9)}", "api/a/9", {"n": "9"}),
        ("a/{n:range(1,9)}", "api/a/10", None),
        ("a/{s:length(2,3)}", "api/a/abc", {"s": "abc"}),
        ("a/{s:minlength(2)}", "api/a/a", None),
        ("a/{b:bool}", "api/a/TRUE", {"b": "TRUE"}),
        ("a/{d:datetime}", "api/a/2026-11-25", {"d": "2026-11-25"}),
        ("Report/{id:alpha}.pdf", "API/report/xyz.PDF", {"id": "xyz"}),
        ("a/{id}/b", "api/a/1/b/", {"id": "1"}),
        ("a/{id}", "api/a/1/2", None),
    ],
)
def test_a_template_matches_what_aspnet_would(template: str, path: str, values: dict[str, str] | None) -> None:
    """Constraints, optional and catch-all parameters, defaults; without regard to case."""
    match = found(table(f=template), path)
    assert match == (None if values is None else ("f", values))


def test_a_literal_wins_over_a_parameter_and_a_constraint_over_none() -> None:
    """Whatever the order in which the app declares them."""
    routes = table(any="a/{id}", number="a/{id:int}", me="a/me", all="a/{*rest}")
    assert [found(routes, f"api/a/{each}") for each in ("me", "7", "x")] == [("me", {}), ("number", {"id": "7"}), ("any", {"id": "x"})]
    assert found(routes, "api/a/x/y") == ("all", {"rest": "x/y"})


def test_a_method_that_is_not_declared_finds_nothing() -> None:
    """HEAD too: the Functions host answers it only where it is declared."""
    assert found(table(f="a"), "api/a", "HEAD") is None


def test_an_unknown_constraint_is_refused_at_the_start() -> None:
    """A typing error must not become a route that matches everything."""
    with pytest.raises(RouteWrong, match="colour"):
        table(f="a/{id:colour}")
