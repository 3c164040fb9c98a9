"""Why an app does not load, on one screen: what is wrong, in which file and line, and the app's own part of the stack."""

import inspect
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LONGEST_MESSAGE = 2000  # characters: some libraries write novels
MOST_FRAMES = 8
ENVIRONMENT = ("__getitem__", "os>")  # the frame of os.environ["…"], whatever the version calls the file


def screen(error: BaseException, app_dir: Path, script: str) -> str:
    """What a person needs to see of an error that importing the app raised."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(app_dir)]
    if isinstance(error, SyntaxError) and error.filename:
        return _lines(f"{type(error).__name__}: {error.msg}", f"{error.filename}, line {error.lineno}", _marked(error))
    where = f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else script
    told = str(error)[:LONGEST_MESSAGE]
    own = [f'  File "{each.filename}", line {each.lineno}, in {each.name}\n    {each.line}' for each in frames[-MOST_FRAMES:]]
    kind = type(error).__name__
    return _lines(f"{kind}: {told}" if told else kind, where, "\n".join(own), _advice(error, app_dir))


def _lines(what: str, where: str, below: str, advice: str = "") -> str:
    parts = [f"The app does not load: {what}\n  in {where}", below.rstrip(), advice]
    return "\n\n".join(part for part in parts if part)


def _marked(error: SyntaxError) -> str:
    """The line, with a mark below the place."""
    text = (error.text or "").rstrip()
    indent = len(text) - len(text.lstrip())
    return f"    {text.lstrip()}\n    {' ' * max((error.offset or 1) - 1 - indent, 0)}^" if text else ""


def _advice(error: BaseException, app_dir: Path) -> str:
    """What usually helps."""
    if isinstance(error, ModuleNotFoundError) and not (app_dir / str(error.name).partition(".")[0]).exists():
        own = app_dir / ".venv" / "bin" / "python"
        if own.exists() and Path(sys.prefix) != app_dir / ".venv":
            return f"The app has a virtual environment of its own: run it with {own} -m standalone"
        return f"Is it in requirements.txt, and installed? {sys.executable} -m pip install -r {app_dir / 'requirements.txt'}"
    last = traceback.extract_tb(error.__traceback__)[-1:]
    if isinstance(error, KeyError) and last and last[0].name == ENVIRONMENT[0] and last[0].filename.endswith((ENVIRONMENT[1], "os.py")):
        return f"Is {error} a setting? It belongs to Values in local.settings.json, or into the environment."
    return ""


def place_of(call: Any) -> str:
    """File and line of a function, under whatever the SDK has wrapped around it."""
    for name in ("orchestrator_function", "entity_function"):
        call = getattr(call, name, call)
    code = getattr(inspect.unwrap(call), "__code__", None)
    return f"{code.co_filename}, line {code.co_firstlineno}" if code else "an unknown place"


def no_script(app_dir: Path, script: str) -> str:
    """The folder holds no app of this model."""
    described = sorted(each.parent.name for each in app_dir.glob("*/function.json"))
    if described:
        return (
            f"{app_dir} holds no {script}; its functions ({', '.join(described[:5])}) are described by function.json: "
            "that is the Python v1 programming model, which this host does not run."
        )
    return f"{app_dir} holds no {script}: not a Functions app of the Python v2 programming model."


def not_one_app(names: Sequence[str], blueprints: Sequence[str], script: str) -> str:
    """The script holds none, or several."""
    wanted = f"{script} must hold one function app at its top level, as in `app = df.DFApp()`"
    if names:
        return f"{wanted}; it holds {len(names)}: {', '.join(names)}."
    if blueprints:
        return f"{wanted}; the blueprint {blueprints[0]} is none: register it with `app.register_functions({blueprints[0]})`."
    return f"{wanted}; it holds none."
