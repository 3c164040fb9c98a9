"""Where in its code an orchestrator asked for what: a replay that takes notes of lines. For the pages only; no episode runs this way.

The SDK replays the orchestrator as always. What it gets in place of the function hands on to it, and notes the line at each yield and
at each call of the context that makes a task. Nothing of the notes reaches the answer.
"""

import ast
import io
import sys
import tokenize
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import CodeType, FrameType, GeneratorType
from typing import Any

from azure.durable_functions.models.Task import CompoundTask, RetryAbleTask, TaskBase, WhenAnyTask

from standalone.contracts import Line, Place
from standalone.engine.whereabouts import Places, Wanted

MAKERS = (
    "call_activity", "call_activity_with_retry", "call_entity", "call_http", "call_sub_orchestrator", "call_sub_orchestrator_with_retry",
    "create_timer", "wait_for_external_event",
)  # fmt: skip
"""What makes tasks of an orchestration context."""

LONG_TIMER: Any = getattr(sys.modules[TaskBase.__module__], "LongTimerTask", ())
"""A timer of several steps; an older SDK has no such class."""

LONGEST_STATEMENT = 300
"""Characters of code that are shown as a line."""

Step = tuple[CodeType, int]
"""A line before it is looked up: the code that ran, and the line's number."""

Note = tuple[Sequence[Step], datetime]
"""Where something was asked for, and when, by the orchestration's clock."""


class Trace:
    """Stands in for the orchestrator function `run` in one replay, and knows its lines afterwards."""

    def __init__(self, run: Callable[[Any], Any], app_dir: Path) -> None:
        self._run, self._sources = run, Sources(app_dir)
        self._context: Any = None
        self._generator: Any = None
        self._raised: Sequence[Step] = ()
        self._yields: list[Note] = []
        self._made: dict[int, Note] = {}
        self._kept: list[Any] = []  # what `_made` knows by its id
        self._task: Any = None  # yielded last

    def __call__(self, context: Any) -> Any:
        """What the SDK calls in place of the orchestrator. On an SDK that is made otherwise no notes are taken."""
        try:
            self._watch(context)
        except AttributeError:
            return self._run(context)
        made = self._run(context)
        if not isinstance(made, GeneratorType):
            return made
        self._generator = made
        return self._through(made)

    def _watch(self, context: Any) -> None:
        add, makers = context._add_to_actions, {name: getattr(context, name) for name in MAKERS}

        def note_and_add(action: Any) -> None:
            if not context.will_continue_as_new:  # the SDK adds nothing more then
                self._yields.append((self._steps(), self._now()))
            add(action)

        self._context = context
        context._add_to_actions = note_and_add
        for name, make in makers.items():
            setattr(context, name, self._noting(make))

    def _noting(self, make: Callable[..., Any]) -> Callable[..., Any]:
        def made(*arguments: Any, **options: Any) -> Any:
            task = make(*arguments, **options)
            for action in _leaves(task.action_repr):
                self._kept.append(action)
                self._made[id(action)] = [_step(sys._getframe(1))], self._now()
            return task

        return made

    def _through(self, generator: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """The generator again, with a look at what it yields and raises."""
        value, thrown = None, None
        while True:
            try:
                self._task = generator.send(value) if thrown is None else generator.throw(thrown)
            except StopIteration as end:
                return end.value
            except Exception as error:
                self._raised = self._sources.own((frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__))
                raise
            value, thrown = None, None
            try:
                value = yield self._task
            except Exception as error:
                thrown = error

    def _now(self) -> datetime:
        now: datetime = self._context.current_utc_datetime
        return now.astimezone(UTC)

    def _steps(self) -> Sequence[Step]:
        """Where the generator is suspended, through each `yield from`; where it ran last if it is over."""
        steps: list[Step] = []
        generator = self._generator
        while isinstance(generator, GeneratorType) and generator.gi_frame is not None:
            steps.append(_step(generator.gi_frame))
            generator = generator.gi_yieldfrom
        return steps

    @property
    def edited(self) -> bool:
        """Was a file looked at that is no longer what was loaded?"""
        return self._sources.edited

    @property
    def place(self) -> Place:
        """Where it waits, where it raised, or, once it has returned, its last yield."""
        return self._lines(self._raised or self._steps() or (self._yields[-1][0] if self._yields else ()))

    def look_up(self, state: Mapping[str, Any]) -> tuple[Places, Wanted | None]:
        """Of the answer `state`: where and when its actions were asked for, and what Python waits for.

        That is where an action was made, else where it was yielded. What is waited for consists of the answer's own dicts, those
        among them that an earlier yield has brought there.
        """
        found: dict[int, tuple[Place, datetime]] = {}
        told_of: dict[int, Mapping[str, Any]] = {}

        def note(told: Mapping[str, Any], action: Any, noted: Note) -> None:
            told_of[id(action)] = told
            steps, at = self._made.get(id(action), noted)
            found[id(told)] = self._lines(steps), at
            for part, inner in zip(told.get("compoundActions", ()), getattr(action, "compound_tasks", ()), strict=False):
                note(part, inner, noted)

        actions = [each for group in state.get("actions", ()) for each in group]
        mine = [each for group in self._context._actions for each in group] if self._context else []
        for told, action, noted in zip(actions, mine, self._yields, strict=False):
            note(told, action, noted)
        return found, self._wanted(self._task, told_of, found) if isinstance(self._task, TaskBase) else None

    def _wanted(self, task: TaskBase, told_of: Mapping[int, Mapping[str, Any]], places: dict[int, tuple[Place, datetime]]) -> Wanted:
        if isinstance(task, LONG_TIMER):  # what it consists of are steps on the way
            due = {"actionType": 5, "fireAt": task.action.fire_at.isoformat(), "isCanceled": task.is_canceled()}
            steps, at = self._made[id(next(_leaves(task.action_repr)))]
            places[id(due)] = self._lines(steps), at
            return Wanted(due, task.is_completed)
        if isinstance(task, CompoundTask) and not isinstance(task, RetryAbleTask):
            parts = tuple(self._wanted(each, told_of, places) for each in task.children)
            return Wanted({"actionType": 11 if isinstance(task, WhenAnyTask) else 12}, task.is_completed, parts)
        action = next(_leaves(task.action_repr))
        return Wanted(told_of.get(id(action)) or action.to_json(), task.is_completed)

    def _lines(self, steps: Sequence[Step]) -> Place:
        return tuple(self._sources.line(*step) for step in steps)


def _leaves(action: Any) -> Iterator[Any]:
    """The actions that a task's action consists of."""
    parts = getattr(action, "compound_tasks", None)
    if parts is None:
        yield action
    else:
        for part in parts:
            yield from _leaves(part)


def _step(frame: FrameType) -> Step:
    return frame.f_code, frame.f_lineno


class Sources:
    """The text of lines, as long as the files hold what was loaded."""

    def __init__(self, app_dir: Path) -> None:
        self._app_dir = app_dir
        self._files: dict[str, tuple[Mapping[int, str], frozenset[CodeType]]] = {}
        self._lines: dict[tuple[int, int], tuple[CodeType, Line]] = {}
        self.edited = False

    def own(self, steps: Iterable[Step]) -> Sequence[Step]:
        """Those of the steps that are in the app's folder and in no library; all but ours where none is."""
        others = [step for step in steps if step[0].co_filename != __file__]
        paths = [Path(code.co_filename) for code, _ in others]
        mine = [step for step, path in zip(others, paths, strict=True) if self._is_mine(path)]
        return mine or others

    def _is_mine(self, path: Path) -> bool:
        return path.is_relative_to(self._app_dir) and "site-packages" not in path.parts

    def line(self, code: CodeType, number: int) -> Line:
        """A line of code that runs here; without its text where the file has been changed since."""
        key = id(code), number
        if key not in self._lines:
            self._lines[key] = code, self._read_line(code, number)  # the code is kept, and with it its id
        return self._lines[key][1]

    def _read_line(self, code: CodeType, number: int) -> Line:
        file = code.co_filename
        if file not in self._files:
            self._files[file] = _read(file)
        statements, loaded = self._files[file]
        path = Path(file)
        name = str(path.relative_to(self._app_dir)) if path.is_relative_to(self._app_dir) else file
        if code in loaded and number in statements:
            return Line(name, number, code.co_name, statements[number])
        self.edited = self.edited or path.is_file()
        return Line(name, number, code.co_name)


def _read(file: str) -> tuple[Mapping[int, str], frozenset[CodeType]]:
    """The statements of a file by each of their lines, and the code that they compile to: none if they do not."""
    try:
        with tokenize.open(file) as source:
            text = source.read()
        codes = frozenset(_codes(compile(text, file, "exec", dont_inherit=True)))
        return statements(text), codes
    except (OSError, SyntaxError, ValueError):
        return {}, frozenset()


def statements(text: str) -> Mapping[int, str]:
    """What to show of a module for each of its lines: the whole statement, on one line; of one that holds others, what is before them."""
    lines = text.split("\n")
    found = {number: line.strip() for number, line in enumerate(lines, 1)}
    for each in tokenize.generate_tokens(io.StringIO(text).readline):
        if each.type == tokenize.COMMENT:
            row, column = each.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(text)):  # what is within another comes after it
        if isinstance(node, ast.stmt):
            within = getattr(node, "body", None) or getattr(node, "cases", None)
            before = getattr(within[0], "pattern", within[0]).lineno - 1 if within else node.end_lineno or node.lineno
            if before > node.lineno:
                shown = _on_one_line(lines[node.lineno - 1 : before])
                found |= dict.fromkeys(range(node.lineno, before + 1), shown)
    return found


def _on_one_line(lines: Sequence[str]) -> str:
    """A statement as its author would have written it, had there been room."""
    told = ""
    for line in filter(None, map(str.strip, lines)):
        if told.endswith(("(", "[", "{")) or not told:
            told += line
        elif line.startswith((")", "]", "}")):
            told = told.removesuffix(",") + line
        else:
            told += f" {line}"
    return told if len(told) <= LONGEST_STATEMENT else f"{told[:LONGEST_STATEMENT]}…"


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
