"""What an app that does not come to rest is doing: on which of its own lines its threads and tasks are."""

import asyncio
import linecache
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from standalone.workers.loading import NOT_THE_APP_S


def whereabouts(app_dir: Path, loop: asyncio.AbstractEventLoop) -> str:
    """A line for each thread, and for each task of `loop`, that is in the code of the app in `app_dir`; in words when there is none."""
    lines = [*_lines(app_dir, _threads()), *_lines(app_dir, _tasks(loop))]
    return "\n".join(lines) or "  None of its threads and tasks is in the app's own code."


def _lines(app_dir: Path, stacks: Iterator[tuple[str, Sequence[FrameType]]]) -> Iterator[str]:
    for who, frames in stacks:
        own = [frame for frame in frames if _is_own(app_dir, frame)]
        if own:
            code, line = own[-1].f_code, own[-1].f_lineno
            text = linecache.getline(code.co_filename, line).strip()
            yield f'  {who}: File "{code.co_filename}", line {line}, in {code.co_name}: {text}'


def _is_own(app_dir: Path, frame: FrameType) -> bool:
    path = Path(frame.f_code.co_filename)
    if not path.is_relative_to(app_dir):
        return False
    parts = path.relative_to(app_dir).parts
    return parts[0] not in NOT_THE_APP_S and "site-packages" not in parts


def _threads() -> Iterator[tuple[str, Sequence[FrameType]]]:
    """The stacks of all other threads, outermost frame first."""
    running = sys._current_frames()
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            frames, frame = [], running.get(thread.ident or 0)
            while frame is not None:
                frames.append(frame)
                frame = frame.f_back
            yield f"thread {thread.name}", frames[::-1]


def _tasks(loop: asyncio.AbstractEventLoop) -> Iterator[tuple[str, Sequence[FrameType]]]:
    """What each task has suspended, outermost frame first."""
    for task in asyncio.all_tasks(loop):
        frames: list[FrameType] = []
        awaited: object = task.get_coro()
        while awaited is not None:
            frame = getattr(awaited, "cr_frame", None)
            if frame is not None:
                frames.append(frame)
            awaited = getattr(awaited, "cr_await", None)
        yield f"task {task.get_name()}", frames
