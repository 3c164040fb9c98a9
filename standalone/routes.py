"""Routes as ASP.NET has them: parameters with constraints, defaults, optional and catch-all ones; literals before parameters.

https://learn.microsoft.com/aspnet/core/fundamentals/routing. Paths match without regard to case.
"""

import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from urllib.parse import unquote

from standalone.contracts import FunctionInfo

_PARAMETER = re.compile(r"\{((?:[^{}]|\{\{|\}\})+)\}")
_CONSTRAINT = re.compile(r":(\w+)(?:\(((?:[^()\\]|\\.|\([^()]*\))*)\))?")
_ENCODED_SLASH = re.compile("%2f", re.IGNORECASE)
ALL_METHODS = ("GET", "POST", "DELETE", "HEAD", "PATCH", "PUT", "OPTIONS")


class RouteWrong(Exception):
    """A route template that cannot be understood."""


def _guid(value: str) -> bool:
    try:
        uuid.UUID(value.strip("{}()"))
    except ValueError:
        return False
    return True


def _decimal(value: str) -> bool:
    try:
        Decimal(value)
    except InvalidOperation:
        return False
    return True


def _datetime(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _whole(value: str, bits: int) -> bool:
    return bool(re.fullmatch(r"[+-]?\d+", value)) and -(2 ** (bits - 1)) <= int(value) < 2 ** (bits - 1)


def _length(value: str, argument: str) -> bool:
    low, _, high = argument.partition(",")
    return int(low) <= len(value) <= int(high or low)


CONSTRAINTS: Mapping[str, Callable[[str, str], bool]] = {
    "int": lambda value, _: _whole(value, 32),
    "long": lambda value, _: _whole(value, 64),
    "guid": lambda value, _: _guid(value),
    "bool": lambda value, _: value.lower() in ("true", "false"),
    "datetime": lambda value, _: _datetime(value),
    "decimal": lambda value, _: _decimal(value),
    "double": lambda value, _: _decimal(value),
    "float": lambda value, _: _decimal(value),
    "alpha": lambda value, _: bool(re.fullmatch(r"[A-Za-z]*", value)),
    "required": lambda value, _: bool(value),
    "length": _length,
    "minlength": lambda value, argument: len(value) >= int(argument),
    "maxlength": lambda value, argument: len(value) <= int(argument),
    "min": lambda value, argument: _whole(value, 64) and int(value) >= int(argument),
    "max": lambda value, argument: _whole(value, 64) and int(value) <= int(argument),
    "range": lambda value, argument: _whole(value, 64) and int(argument.split(",")[0]) <= int(value) <= int(argument.split(",")[1]),
    "regex": lambda value, argument: bool(re.search(argument.replace("{{", "{").replace("}}", "}"), value, re.IGNORECASE)),
}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a route."""

    name: str
    constraints: Sequence[tuple[str, str]] = ()
    optional: bool = False
    catch_all: bool = False
    default: str | None = None

    def accepts(self, value: str) -> bool:
        """Whether a value meets every constraint."""
        return all(CONSTRAINTS[name](value, argument) for name, argument in self.constraints)


@dataclass(frozen=True)
class Route:
    """A function's template, ready to match."""

    function: FunctionInfo
    template: str
    methods: frozenset[str]
    pattern: re.Pattern[str]
    parameters: Mapping[str, Parameter]
    order: tuple[int, ...] = field(default=())

    def match(self, path: str) -> dict[str, str] | None:
        """The parameters' values for a decoded path without its slash in front; None when it does not match."""
        found = self.pattern.fullmatch(path.rstrip("/"))
        if not found:
            return None
        values: dict[str, str] = {}
        for name, parameter in self.parameters.items():
            value = found[name]
            if value is None or value == "":
                if parameter.default is not None:
                    values[name] = parameter.default
                continue
            if not parameter.accepts(value):
                return None
            values[name] = value
        return values


def parameter(text: str) -> Parameter:
    """`id:int`, `*rest`, `n?`, `page=1`. Raises RouteWrong."""
    catch_all = text.startswith("*")
    text = text.lstrip("*")
    found = re.match(r"[A-Za-z_]\w*", text)
    if not found:
        raise RouteWrong(f"{{{text}}} names no parameter")
    name, rest = found[0], text[found.end() :]
    constraints = []
    while each := _CONSTRAINT.match(rest):
        if each[1].lower() not in CONSTRAINTS:
            raise RouteWrong(f"the constraint {each[1]} of {{{text}}} is not known")
        constraints.append(_constraint(text, each[1].lower(), each[2] or ""))
        rest = rest[each.end() :]
    if rest and rest != "?" and not rest.startswith("="):
        raise RouteWrong(f"{{{text}}} is not understood at {rest!r}")
    return Parameter(name, tuple(constraints), rest == "?", catch_all, rest[1:] if rest.startswith("=") else None)


def _constraint(text: str, name: str, argument: str) -> tuple[str, str]:
    """A constraint whose argument has been tried out, so that a wrong one is told at the start. Raises RouteWrong."""
    try:
        CONSTRAINTS[name]("1", argument)
    except (ValueError, IndexError, re.error):
        raise RouteWrong(f"{argument!r} is nothing for the constraint {name} of {{{text}}}") from None
    return name, argument


def _decoded(path: str) -> str:
    """A path as ASP.NET matches it: percent-decoded, but for a slash within a segment."""
    return unquote(_ENCODED_SLASH.sub("%252F", path))


def named(function: FunctionInfo, prefix: str) -> Route:
    """The route of an HTTP function. Raises RouteWrong, which names the function."""
    try:
        return compiled(function, prefix)
    except (RouteWrong, re.error) as error:
        raise RouteWrong(f"the route of {function.name} is not understood: {error}") from None


def compiled(function: FunctionInfo, prefix: str) -> Route:
    """The route of an HTTP function. Raises RouteWrong."""
    template = "/".join(part for part in (prefix, str(function.trigger.get("route") or function.name).strip("/")) if part)
    parameters: dict[str, Parameter] = {}
    pattern, order = "", []
    for position, segment in enumerate(template.split("/")):
        piece, rank, optional = "", 0, False
        cursor = 0
        for found in _PARAMETER.finditer(segment):
            each = parameter(found[1])
            parameters[each.name] = each
            piece += re.escape(segment[cursor : found.start()])
            piece += f"(?P<{each.name}>{'.*' if each.catch_all else '[^/]+?'})"
            optional = each.optional or each.catch_all or each.default is not None
            rank = 4 if each.catch_all else 3 if not each.constraints else 2
            cursor = found.end()
        piece += re.escape(segment[cursor:])
        slash = "/" if position else ""
        pattern += f"(?:{slash}{piece})?" if optional else slash + piece
        order.append(rank)
    methods = frozenset(str(method).upper() for method in function.trigger.get("methods") or ALL_METHODS)
    return Route(function, template, methods, re.compile(pattern, re.IGNORECASE), parameters, tuple(order))


class RouteTable:
    """The app's routes, the most telling first."""

    def __init__(self, functions: Iterable[FunctionInfo], prefix: str) -> None:
        routes = [named(function, prefix) for function in functions if function.kind == "http" and not function.disabled]
        self.routes = sorted(routes, key=lambda route: (route.order, route.template))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route that takes a request for `path`, which is percent-encoded, and the values of its parameters."""
        decoded = _decoded(path)
        for route in self.routes:
            if method in route.methods and (values := route.match(decoded)) is not None:
                return route, values
        return None
