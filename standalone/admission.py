"""What the Functions host does not let an app's functions be, said at the start; and what this host leaves out of them.

The rules are those of azure-functions-host 4.1038 and later (Utility.ValidateName, Utility.ValidateBinding, ScriptHost.ValidateFunction).
There, a function that breaks one is missing, and a line of the log says so; here the host does not start.
"""

import re
from collections.abc import Iterator, Sequence

from standalone.contracts import FunctionInfo
from standalone.routes import methods_of, path_of

_FUNCTION_NAME = re.compile(r"(?!host$)[a-z][a-z0-9_-]{0,127}", re.IGNORECASE | re.ASCII)
_BINDING_NAME = re.compile(r"(?!.*__)[a-z_][a-z0-9_]{0,127}|\$return", re.IGNORECASE | re.ASCII)
_RESERVED = ("admin", "runtime")
SERVED = ("http", "timer", "orchestrator", "activity", "entity")
FILLED = ("http", "durableClient")
"""Bindings beside a trigger that this host fills."""


class FunctionWrong(Exception):
    """A function that the Functions host refuses; the message names it and says why."""


def check(functions: Sequence[FunctionInfo], wanted: Sequence[str] = ()) -> None:
    """`wanted`: the names that were asked for. Raises FunctionWrong."""
    there = {function.name.lower() for function in functions}
    if missing := [name for name in wanted if name.lower() not in there]:
        raise FunctionWrong(f"only some functions are to be run, and the app has none of the name {missing[0]}")
    taken: list[FunctionInfo] = []
    names: dict[str, str] = {}
    for function in functions:
        twin = names.setdefault(function.name.lower(), function.name)
        if twin != function.name:
            raise FunctionWrong(f"the functions {twin} and {function.name} have one name: the case of letters counts for nothing")
        reason = _name(function) or (_route(function, taken) if function.kind == "http" else None)
        if reason:
            raise FunctionWrong(f"the function {function.name} cannot be run: {reason}")
        if function.kind == "http":
            taken.append(function)


def _name(function: FunctionInfo) -> str | None:
    if not _FUNCTION_NAME.fullmatch(function.name):
        return "its name must be a letter with up to 127 letters, digits, _ and - behind it, and not 'host'"
    for binding in (function.trigger, *function.bindings):
        if not _BINDING_NAME.fullmatch(str(binding.get("name"))):
            return f"the name of its binding {binding.get('name')!r} must be letters, digits and single underscores, with no digit in front"
    return None


def _route(function: FunctionInfo, taken: Sequence[FunctionInfo]) -> str | None:
    path = path_of(function, "")
    if path.lower().startswith(_RESERVED):
        return f"its route, {path}, begins like those of the host: {' and '.join(_RESERVED)} are reserved"
    for other in taken:
        if path.lower() == path_of(other, "").lower() and (common := methods_of(function) & methods_of(other)):
            return f"its route, {path}, is also that of {other.name}, for {', '.join(sorted(common))}"
    return None


def not_served(functions: Sequence[FunctionInfo]) -> Iterator[str]:
    """A line for each function that is never run here, each retry policy that is not applied, each binding that stays empty."""
    for function in functions:
        if function.kind not in SERVED:
            yield f"{function.name} is never run: this host does not serve {function.kind}"
        if function.retries and function.kind != "timer":
            yield f"{function.name}: its retry policy is not applied: of the triggers that are served, Azure has policies for timers only"
        for binding in function.bindings:
            if binding.get("type") not in FILLED:
                yield f"{function.name}: the binding {binding.get('name')} is not filled: {binding.get('type')}"
