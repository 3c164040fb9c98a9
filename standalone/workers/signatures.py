"""Whether functions fit their bindings, as the Python worker checks it when it loads an app (azure_functions_worker/functions.py).

One function that does not fit keeps the whole app from loading there, and so it does here. Parameters are compared by name; annotations are
held against what the library's converters accept: no unions, no `Optional`, and a response or a text from an HTTP function.
"""

import collections.abc
import inspect
import types
import typing
from collections.abc import Mapping
from typing import Any

import azure.functions as func

from standalone.contracts import AppDoesNotLoad
from standalone.workers.load_errors import place_of

CONTEXT, RETURN = "context", "$return"
HANDLES = ("orchestrator_function", "entity_function")
"""What the SDK's own wrapper of an orchestrator or entity holds. Its parameter is `context`, whatever the function's is."""
_NOT_GENERIC = (None, typing.Union, types.UnionType, tuple, typing.ClassVar, collections.abc.Callable)


def check(indexed: Any) -> None:
    """Raises AppDoesNotLoad, with the place of the function."""
    call = indexed.get_user_function()
    if reason := _unfitting(call, {each.name: each for each in indexed.get_bindings()}):
        raise AppDoesNotLoad(f"The function {indexed.get_function_name()} cannot be run: {reason}\n  in {place_of(call)}")


def _unfitting(call: Any, bindings: Mapping[str, Any]) -> str | None:
    try:
        annotations = typing.get_type_hints(call)
    except (NameError, TypeError) as error:
        return f"its annotations cannot be read: {error}"
    wanted = set(inspect.signature(call).parameters)
    bound = set(bindings) - {RETURN}
    if bound != {CONTEXT} and any(hasattr(call, name) for name in HANDLES):
        return f"its context_name must be {CONTEXT!r}: the SDK gives it by that name"
    if CONTEXT in wanted and CONTEXT not in bound:
        wanted.remove(CONTEXT)
        if annotations.pop(CONTEXT, func.Context) is not func.Context:
            return f"its parameter {CONTEXT}, which no binding has, must be annotated as func.Context or not at all"
    if wanted != bound:
        return _by_name(wanted, bound)
    for name in wanted & set(annotations):
        if reason := _parameter(annotations[name], bindings[name]):
            return f"its parameter {name} {reason}"
    if RETURN in bindings and "return" in annotations:
        return _returned(annotations["return"], bindings[RETURN].type)
    return None


def _by_name(wanted: set[str], bound: set[str]) -> str:
    told = []
    if more := sorted(wanted - bound):
        told.append(f"no binding has the name of its parameter {', '.join(more)}")
    if less := sorted(bound - wanted):
        told.append(f"it has no parameter for the binding {', '.join(less)}")
    return ", and ".join(told)


def _is_generic(annotation: Any) -> bool:
    return typing.get_origin(annotation) not in _NOT_GENERIC


def _parameter(annotation: Any, binding: Any) -> str | None:
    if typing.get_origin(annotation) is func.Out or annotation is func.Out:
        return None  # an output: of bindings that are not served
    if not isinstance(annotation, type) and not _is_generic(annotation):
        return f"has an annotation that is no type, {annotation!r}; on Azure none of the app's functions would load"
    converter = func.get_binding_registry().get(binding.type)
    if converter is None or annotation in (str, bytes) or _accepted(converter.check_input_type_annotation, annotation):
        return None
    return f"is annotated as {_name(annotation)}, which its binding, {binding.type}, never is"


def _returned(annotation: Any, kind: str) -> str | None:
    converter = func.get_binding_registry().get(kind)
    if not isinstance(annotation, type) or typing.get_origin(annotation) is not None:
        return f"what it returns has an annotation that is no type, {annotation!r}; on Azure none of the app's functions would load"
    if converter is None or _accepted(converter.check_output_type_annotation, annotation):
        return None
    return f"it is annotated to return {_name(annotation)}, where an HTTP function returns func.HttpResponse or str"


def _accepted(check: Any, annotation: Any) -> bool:
    try:
        return bool(check(annotation))
    except TypeError:  # issubclass, of what is no class
        return False


def _name(annotation: Any) -> str:
    return getattr(annotation, "__name__", None) or repr(annotation)
