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
        ("a/{id}", "api/a//1", None),
        ("files/{*rest}", "api/files/a//b/", {"rest": "a//b/"}),
        ("a/{b?}/c", "api/a/c", None),
        ("a/{b=1}/{c=2}", "api/a/x", {"b": "x", "c": "2"}),
        ("a/{id:int?}", "api/a", {}),
        ("a/{*rest:alpha}", "api/a", None),
        ("a/{id}.{format?}", "api/a/report.pdf", {"id": "report", "format": "pdf"}),
        ("a/{id}.{format?}", "api/a/report", {"id": "report"}),
        ("a/{id}.{format?}", "api/a/report.", None),
        ("a/{id}.{format?}", "api/a/a.b.c", {"id": "a.b", "format": "c"}),
        ("a/{id}.{format?}", "api/a/.pdf", {"id": ".pdf"}),
        ("a/{id:int}.{format:alpha?}", "api/a/7.1", None),
        ("a/{from}-{to}", "api/a/x-y-z", {"from": "x-y", "to": "z"}),
        ("a/{from}-{to}", "api/a/x-", None),
        ("a/{from}-{to}", "api/a/x--", {"from": "x", "to": "-"}),
        ("a/{from}-{to}", "api/a/x", None),
        ("a/{from}..{to}.json", "api/a/1..2.JSON", {"from": "1", "to": "2"}),
        ("a/v{n}", "api/a/V2", {"n": "2"}),
        ("a/v{n}", "api/a/vv2", None),  # the literal is sought from the end, and found at the second v
        ("a/x{n}y", "api/a/xy", None),
        ("a/{{{n}-{{", "api/a/%7B5-%7B", {"n": "5"}),
        ("a/{p:regex(^x/y$)}", "api/a/z", None),
        ("a/{p:regex(^(a|b)c:((d))$)}", "api/a/bc:d", {"p": "bc:d"}),
        ("a/{p:regex(^a=b$)=a=b}", "api/a", {"p": "a=b"}),
        ("a/{n:int:min(5):max(7)}", "api/a/8", None),
        ("a/{n:int}", "api/a/+7", {"n": "+7"}),
        ("a/{n:int}", "api/a/2147483648", None),
        ("a/{n:long}", "api/a/2147483648", {"n": "2147483648"}),
        ("a/{n:decimal}", "api/a/1,234.5", {"n": "1,234.5"}),
        ("a/{n:decimal}", "api/a/1e5", None),
        ("a/{n:double}", "api/a/1e5", {"n": "1e5"}),
        ("a/{n:guid}", "api/a/urn:uuid:0f8fad5bd9cb469fa16570867728950e", None),
        ("a/{d:datetime}", "api/a/2016-12-31%207:32pm", {"d": "2016-12-31 7:32pm"}),
        ("a/{d:datetime}", "api/a/31.12.2016", None),
        ("a/{*path:nonfile}", "api/a/b/c.txt", None),
        ("a/{*path:file}", "api/a/b/c.txt", {"path": "b/c.txt"}),
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


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("a/{id:colour}", "the constraint 'colour' is not known"),
        ("a/{id:int(3)}", "the constraint int takes no argument"),
        ("a/{id:min}", "the constraint min takes an argument"),
        ("a/{id:range(1)}", "'1' is nothing for the constraint range"),
        ("a/{id:regex(])[)}", "is nothing for the constraint regex"),
        ("a/{id", "a brace is missing"),
        ("a/id}", "a brace is missing"),
        ("a/{}", "a brace is missing"),
        ("a//b", "two slashes"),
        ("a/{id}/{ID}", "stands in it twice"),
        ("a/{b}{c}", "nothing parts {b} from {c}"),
        ("a/{b}-{c?}", "behind a single dot"),
        ("a/{b?}.{c}", "must be the end of its segment"),
        ("a/{*rest}/b", "must be the last segment"),
        ("a/{b=1?}", "cannot be optional too"),
        ("a/b?", "a question mark"),
    ],
)
def test_a_template_that_is_not_understood_is_refused_at_the_start(template: str, told: str) -> None:
    """A typing error must not become a route that matches everything, or nothing."""
    with pytest.raises(RouteWrong, match="the route of f is not understood") as refusal:
        table(f=template)
    assert told in str(refusal.value)


def test_where_azure_would_choose_another_function_it_is_told() -> None:
    """There the functions' names decide, so that what is tested here would fail there."""
    surprising = table(recent="items/recent", item="items/{id}", number="items/{id:int}", zero="{*all}")
    assert [(one.function.name, other.function.name) for one, other in surprising.surprises()] == [("recent", "item"), ("number", "item")]
    assert not list(table(a_recent="items/recent", item="items/{id}").surprises())
