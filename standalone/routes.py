"""The app's routes: which function takes a request. The most telling template goes first, as in ASP.NET.

The Functions host tries them in the order of the functions' names instead (github.com/Azure/azure-functions-host/issues/3153): where that
would choose another function, `surprises` says so.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from standalone.contracts import FunctionInfo
from standalone.route_templates import Template, TemplateWrong, template, values_for

_ENCODED_SLASH = re.compile("%2f", re.IGNORECASE)
ALL_METHODS = frozenset({"GET", "POST", "DELETE", "HEAD", "PATCH", "PUT", "OPTIONS"})


class RouteWrong(Exception):
    """A route that cannot be understood; the message names its function."""


@dataclass(frozen=True)
class Route:
    """An HTTP function's template and methods."""

    function: FunctionInfo
    template: Template
    methods: frozenset[str]


def _decoded(path: str) -> str:
    """A path as ASP.NET matches it: percent-decoded, but for a slash within a segment."""
    return unquote(_ENCODED_SLASH.sub("%252F", path))


def path_of(function: FunctionInfo, prefix: str) -> str:
    """The template of an HTTP function with the app's prefix: its own, else its name."""
    return "/".join(part for part in (prefix, str(function.trigger.get("route") or function.name).strip("/")) if part)


def methods_of(function: FunctionInfo) -> frozenset[str]:
    """The methods that an HTTP function takes."""
    return frozenset(str(method).upper() for method in function.trigger.get("methods") or ALL_METHODS)


def route(function: FunctionInfo, prefix: str) -> Route:
    """The route of an HTTP function. Raises RouteWrong."""
    try:
        understood = template(path_of(function, prefix))
    except TemplateWrong as error:
        raise RouteWrong(f"the route of {function.name} is not understood: {path_of(function, prefix)}: {error}") from None
    return Route(function, understood, methods_of(function))


class RouteTable:
    """The app's routes, the most telling first. Raises RouteWrong."""

    def __init__(self, functions: Iterable[FunctionInfo], prefix: str) -> None:
        routes = [route(function, prefix) for function in functions if function.kind == "http" and not function.disabled]
        self.routes: Sequence[Route] = sorted(routes, key=lambda each: (each.template.precedence, each.function.name.lower()))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route that takes a request for `path`, which is percent-encoded, and the values of its parameters."""
        decoded = _decoded(path)
        for each in self.routes:
            if method in each.methods and (values := each.template.match(decoded)) is not None:
                return each, values
        return None

    def surprises(self) -> Iterator[tuple[Route, Route]]:
        """Routes that take requests here which on Azure another one takes, whose function's name comes first; and that other one."""
        for position, first in enumerate(self.routes):
            path = _example(first)
            for later in self.routes[position + 1 :]:
                earlier_on_azure = later.function.name.lower() < first.function.name.lower()
                if path and earlier_on_azure and first.methods & later.methods and later.template.match(path) is not None:
                    yield first, later


def _example(of: Route) -> str:
    """A path that it matches; empty when none is easily found."""
    values = values_for(of.template)
    if values is None:
        return ""
    parts = [[part if isinstance(part, str) else values[part.name] for part in segment.parts] for segment in of.template.segments]
    return "/".join("".join(segment) for segment in parts)
