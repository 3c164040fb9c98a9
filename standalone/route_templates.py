"""Route templates: how they are read and what they match, as in ASP.NET (RoutePatternParser, RoutePatternMatcher of dotnet/aspnetcore).

    orders/{id:int}             a segment that is a literal, a segment that is a parameter
    report-{id}.{format?}       a segment of several parts; an optional one at its end must follow a single dot
    files/{*rest}               the rest of the path, slashes and all
    pages/{number=1}            a default

Paths match without regard to case. A segment of several parts is matched from its end, each literal where it occurs last, and nothing is
tried a second time.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from standalone.route_constraints import CONSTRAINTS, ConstraintWrong, constraint

_TOKEN = re.compile(r"\{(?!\{)(?P<parameter>(?:[^{}]|\{\{|\}\})+)\}|(?P<literal>(?:[^{}/]|\{\{|\}\})+)|(?P<slash>/)")
_NAME = re.compile(r"[^:=/{}?*]+")
_POLICY = re.compile(r":(\w+\(.*?\)(?=[:=]|$)|[^:=(]*)", re.DOTALL)  # a parenthesis is closed before `:`, `=` or the end only


class TemplateWrong(Exception):
    """A route template that is not understood; the message says at what."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a route."""

    name: str
    constraints: Sequence[tuple[str, str]] = ()
    optional: bool = False
    catch_all: bool = False
    default: str | None = None

    @property
    def may_be_left_out(self) -> bool:
        """At the end of a path."""
        return self.optional or self.catch_all or self.default is not None

    def accepts(self, value: str | None) -> bool:
        """Whether a value, or its absence, meets every constraint."""
        if value is None:
            return self.optional or not self.constraints
        return all(CONSTRAINTS[name](value, argument) for name, argument in self.constraints)


Part = str | Parameter


@dataclass(frozen=True)
class Segment:
    """What stands between two slashes."""

    parts: Sequence[Part]

    @property
    def only(self) -> Part | None:
        """The part, where there is but one."""
        return self.parts[0] if len(self.parts) == 1 else None

    def match(self, text: str) -> dict[str, str] | None:
        """The parameters' values; None when it does not match."""
        if isinstance(self.only, str):
            return {} if text.lower() == self.only.lower() else None
        if isinstance(self.only, Parameter):
            return {self.only.name: text}
        last = self.parts[-1]
        if not (isinstance(last, Parameter) and last.optional):
            return self._match(text, self.parts)
        found = self._match(text, self.parts)
        if found is None and not text.endswith("."):
            found = self._match(text, self.parts[:-2])
        return found

    def _match(self, text: str, parts: Sequence[Part]) -> dict[str, str] | None:
        values: dict[str, str] = {}
        end, open_parameter = len(text), ""
        for position in range(len(parts) - 1, -1, -1):
            part = parts[position]
            if isinstance(part, Parameter):
                open_parameter = part.name
                continue
            before = end - 1 if open_parameter else end  # a parameter has a character at least
            at = text.lower().rfind(part.lower(), 0, max(before, 0))
            if at < 0 or (position == len(self.parts) - 1 and at + len(part) != len(text)):
                return None
            if open_parameter:
                values[open_parameter] = text[at + len(part) : end]
                if not values[open_parameter]:
                    return None
                open_parameter = ""
            end = at
        if open_parameter:
            values[open_parameter] = text[:end]
            return values if end else None
        return values if end == 0 else None


@dataclass(frozen=True)
class Template:
    """A template, ready to match."""

    text: str
    segments: Sequence[Segment]

    def parameters(self) -> Iterator[Parameter]:
        """All of them, in their order."""
        return (part for segment in self.segments for part in segment.parts if isinstance(part, Parameter))

    @property
    def precedence(self) -> tuple[int, ...]:
        """The smaller, the more telling: literals before constrained parameters, those before bare ones, catch-alls last."""
        return tuple(_rank(segment) for segment in self.segments)

    def match(self, path: str) -> dict[str, str] | None:
        """The parameters' values for a decoded path without its slash in front; None when it does not match."""
        values = self._matched(path)
        if values is None:
            return None
        for parameter in self.parameters():
            if parameter.default is not None:
                values.setdefault(parameter.name, parameter.default)
            if not parameter.accepts(values.get(parameter.name)):
                return None
        return values

    def _matched(self, path: str) -> dict[str, str] | None:
        values: dict[str, str] = {}
        given = path.removesuffix("/").split("/") if path not in ("", "/") else []
        for position, text in enumerate(given):
            if not text or position >= len(self.segments):
                return None
            segment = self.segments[position]
            if isinstance(segment.only, Parameter) and segment.only.catch_all:
                return values | {segment.only.name: path.split("/", position)[position]}
            found = segment.match(text)
            if found is None:
                return None
            values |= found
        left = [segment.only for segment in self.segments[len(given) :]]
        return values if all(isinstance(only, Parameter) and only.may_be_left_out for only in left) else None


def _rank(segment: Segment) -> int:
    only = segment.only
    if isinstance(only, str):
        return 1
    if only is None:
        return 2
    return (2 if only.constraints else 3) + (2 if only.catch_all else 0)


def template(text: str) -> Template:
    """The template of a text without slashes at its ends. Raises TemplateWrong."""
    made = Template(text, [Segment(tuple(parts)) for parts in _segments(text)] if text else [])
    names = [parameter.name.lower() for parameter in made.parameters()]
    if twice := [name for name in names if names.count(name) > 1]:
        raise TemplateWrong(f"the parameter {{{twice[0]}}} stands in it twice")
    for position, segment in enumerate(made.segments):
        _check(segment, last=position == len(made.segments) - 1)
    return made


def _segments(text: str) -> Sequence[Sequence[Part]]:
    segments: list[list[Part]] = [[]]
    end = 0
    while found := _TOKEN.match(text, end):
        end = found.end()
        if found["slash"]:
            segments.append([])
        else:
            segments[-1].append(parameter(_plain(found["parameter"])) if found["parameter"] else _plain(found["literal"]))
    if end != len(text):
        raise TemplateWrong(f"a brace is missing, or one too many, at {text[end:]!r}")
    return segments


def _plain(text: str) -> str:
    """Without the doubling of braces."""
    return text.replace("{{", "{").replace("}}", "}")


def _check(segment: Segment, *, last: bool) -> None:
    """Raises TemplateWrong for what may not stand in a segment."""
    if not segment.parts:
        raise TemplateWrong("two slashes follow one another")
    for position, part in enumerate(segment.parts):
        before = segment.parts[position - 1] if position else None
        if isinstance(part, str):
            if "?" in part:
                raise TemplateWrong(f"a question mark stands outside of a parameter: {part!r}")
        elif part.catch_all and not (last and segment.only is part):
            raise TemplateWrong(f"{{*{part.name}}} must be the last segment, and alone in it")
        elif isinstance(before, Parameter):
            raise TemplateWrong(f"nothing parts {{{before.name}}} from {{{part.name}}}")
        elif part.optional and segment.only is None and (position < len(segment.parts) - 1 or before != "."):
            raise TemplateWrong(f"{{{part.name}?}} must be the end of its segment, behind a single dot")


def parameter(text: str) -> Parameter:
    """`id:int`, `*rest`, `n?`, `page=1`, without the braces. Raises TemplateWrong."""
    inner = text.removeprefix("*").removeprefix("*").removesuffix("?")
    catch_all, optional = text.startswith("*"), text.endswith("?")
    name = _NAME.match(inner)
    if name is None:
        raise TemplateWrong(f"{{{text}}} names no parameter")
    rest, constraints = inner[name.end() :], []
    while found := _POLICY.match(rest):
        rest = rest[found.end() :]
        try:
            constraints.append(constraint(found[1]))
        except ConstraintWrong as error:
            raise TemplateWrong(f"{{{text}}}: {error}") from None
    if rest and not rest.startswith("="):
        raise TemplateWrong(f"{{{text}}} is not understood at {rest!r}")
    if optional and (catch_all or rest):
        raise TemplateWrong(f"{{{text}}} cannot be optional too")
    return Parameter(name[0], tuple(constraints), optional, catch_all, rest[1:] if rest else None)


def values_for(wanted: Template) -> Mapping[str, str] | None:
    """A value for each parameter that meets its constraints, if one is easily found."""
    likely = ("x", "1", "true", "2026-01-01", "0f8fad5b-d9cb-469f-a165-70867728950e", "xxxxxxxx", "100")
    found = {}
    for each in wanted.parameters():
        fitting = next((value for value in likely if each.accepts(value)), None)
        if fitting is None:
            return None
        found[each.name] = fitting
    return found
