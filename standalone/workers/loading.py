"""Loading a Python v2 Functions app as the Functions worker does: import the script, find its one app, ask it once for its functions.

An app can be loaded any number of times in one process: `unload` takes out of `sys.modules` what the app brought in, for
`app.get_functions()` works only once per app object.
"""

import contextlib
import importlib
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import azure.functions as func

from standalone.contracts import ALLOW_LIST, AppDoesNotLoad, FunctionInfo
from standalone.workers import load_errors, retry_policies, signatures

SERVED = {
    "httpTrigger": "http",
    "timerTrigger": "timer",
    "orchestrationTrigger": "orchestrator",
    "activityTrigger": "activity",
    "entityTrigger": "entity",
}


def load(app_dir: Path) -> Sequence[Any]:
    """Import the app in `app_dir` and answer the functions that are asked for, as azure.functions has them. Raises AppDoesNotLoad."""
    script = os.environ.get("PYTHON_SCRIPT_FILE_NAME", "function_app.py")
    if not (app_dir / script).is_file():
        raise AppDoesNotLoad(load_errors.no_script(app_dir, script))
    first = [str(app_dir), str(app_dir / ".python_packages" / "lib" / "site-packages")]
    sys.path[:] = [*first, *(folder for folder in sys.path if folder not in first)]
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(Path(script).stem)
        functions = _functions(_only_app(module, script))
    except AppDoesNotLoad:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise AppDoesNotLoad(load_errors.screen(error, app_dir, script)) from error
    wanted = {name.casefold() for setting, name in os.environ.items() if setting.casefold().startswith(ALLOW_LIST.casefold())}
    return [each for each in functions if not wanted or each.get_function_name().casefold() in wanted]


def _only_app(module: ModuleType, script: str) -> Any:
    held = vars(module).items()
    found = {id(each): (name, each) for name, each in held if isinstance(each, func.FunctionRegister)}
    if len(found) != 1:
        names, blueprints = [name for name, _ in found.values()], [name for name, each in held if isinstance(each, func.Blueprint)]
        raise AppDoesNotLoad(load_errors.not_one_app(names, blueprints, script))
    return next(app for _, app in found.values())


def _functions(app: Any) -> Sequence[Any]:
    """The app's functions. What the library refuses names a function, not its place: that is told too. Raises AppDoesNotLoad."""
    try:
        functions: Sequence[Any] = app.get_functions()
    except ValueError as error:
        built = [each._function for each in getattr(app, "_function_builders", ())]
        named = [each for each in built if each.get_function_name() in str(error).split()]
        places = "".join(f"\n  in {load_errors.place_of(each.get_user_function())}" for each in named)
        raise AppDoesNotLoad(f"The app does not load: {error}{places}") from error
    for each in functions:
        signatures.check(each)
    return functions


def describe(function: Any) -> FunctionInfo:
    """What the edge needs to know of a function."""
    trigger = function.get_trigger()
    settings: Mapping[str, Any] = function.get_settings_dict("function_name") or {}
    return FunctionInfo(
        function.get_function_name(),
        SERVED.get(trigger.type, trigger.type),
        _plain(trigger.get_dict_repr()),
        [_plain(each.get_dict_repr()) for each in function.get_bindings() if each is not trigger],
        bool(settings.get("disabled")) or _disabled(function.get_function_name()),
        retry_policies.policy_of(function),
    )


def _disabled(name: str) -> bool:
    """The application setting that disables a function (learn.microsoft.com/azure/azure-functions/disable-function), in any case."""
    names = {f"azurewebjobs.{name}.disabled".casefold(), f"azurewebjobs_{name}_disabled".casefold()}
    return any(value.lower() in ("true", "1") for setting, value in os.environ.items() if setting.casefold() in names)


def _plain(value: Any) -> Any:
    """A binding without the library's enumerations, so that it can travel."""
    if isinstance(value, Enum):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(each) for each in value]
    return value


NOT_THE_APP_S = ("standalone", "tests", "test", "conftest")
"""Packages that may lie in an app's folder and yet are not part of what it runs: this host, and whoever tests the app with it."""

_A_TEST_S = re.compile(r"conftest|test_.*|.*_test")


@contextlib.contextmanager
def kept_modules(app_dir: Path) -> Iterator[None]:
    """Have the app's own modules loaded anew within, whatever was imported of them before, and as they were on leaving.

    So one process can run one app after another, or the same twice, and each begins with fresh module variables. Libraries stay.
    """
    path = list(sys.path)
    aside = {name: module for name, module in sys.modules.items() if belongs(name, module, app_dir)}
    for name in aside:
        del sys.modules[name]
    try:
        yield
    finally:
        sys.path[:] = path
        for name in [name for name, module in sys.modules.items() if belongs(name, module, app_dir)]:
            del sys.modules[name]
        sys.modules.update(aside)


def belongs(name: str, module: ModuleType, app_dir: Path) -> bool:
    """Whether a module is the app's: in its folder or among the packages published with it, and no library of a virtual environment.

    A folder without `__init__.py` is a package too, by its path. Tests that lie beside the app are not its own.
    """
    file = getattr(module, "__file__", None)
    places = [file] if file else getattr(module, "__path__", None) or ()
    folder = f"{app_dir}{os.sep}"
    place = next((place for place in places if str(place).startswith(folder)), None)
    if place is None or name == "__main__":
        return False
    parts = Path(place).relative_to(app_dir).parts
    if name.partition(".")[0] in NOT_THE_APP_S or parts[0] in NOT_THE_APP_S or _A_TEST_S.fullmatch(Path(place).stem):
        return False
    return "site-packages" not in parts or ".python_packages" in parts
