"""The policy file: read when it has changed, and told exactly what is wrong with it."""

import logging
import re
import tomllib
from pathlib import Path

from pydantic import ValidationError

from domain.policy import Policies, parse_policies

_HEADER = re.compile(r"\s*(?P<array>\[)?\[(?P<path>[^\[\]]+)\]")
_KEY = re.compile(r"\s*(?P<key>[\w-]+|\"[^\"]+\"|'[^']+')\s*=")

log = logging.getLogger("greenlight.policies")


class PolicyUnusable(Exception):
    """The policy file is missing, is no TOML, or says what no policy can say; the message names line and field."""


class PolicyFile:
    """A policy file on disk. A change counts from the next look on; one that is wrong is logged, and the last good one stays."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._policies: Policies | None = None
        self._fault: PolicyUnusable | None = None

    def current(self) -> Policies:
        """The policies as they stand. Raises PolicyUnusable when there has not been a good file yet."""
        try:
            status = self._path.stat()
        except OSError as error:
            raise PolicyUnusable(f"{self._path.name} cannot be read: {error.strerror}") from None
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp != self._stamp:
            self._stamp = stamp
            self._read()
        if self._policies is None:
            assert self._fault is not None
            raise self._fault
        return self._policies

    def fault(self) -> str | None:
        """What is wrong with the file as it is now, None when nothing is."""
        try:
            self.current()
        except PolicyUnusable as fault:
            return str(fault)
        return str(self._fault) if self._fault else None

    def _read(self) -> None:
        try:
            self._policies, self._fault = load(self._path), None
        except PolicyUnusable as fault:
            self._fault = fault
            log.error("%s%s", fault, "; the last good version stays" if self._policies else "")  # the message says it all


def load(path: Path) -> Policies:
    """Parse a policy file. Raises PolicyUnusable."""
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        return parse_policies(tomllib.loads(text))
    except OSError as error:
        raise PolicyUnusable(f"{path.name} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyUnusable(f"{path.name} is no TOML: {error}") from None
    except ValidationError as error:
        faults = [fault_told(text, each["loc"], each["msg"]) for each in error.errors()]
        raise PolicyUnusable(f"{path.name}: {'; '.join(faults)}") from None


def fault_told(text: str, field: tuple[int | str, ...], message: str) -> str:
    """`line 42, policy.1.stages.0.deadline: …`: where a fault is, and what it is."""
    where = f"line {line_of(text, field)}, {'.'.join(map(str, field))}" if field else "the file"
    return f"{where}: {message.removeprefix('Value error, ')}"


def line_of(text: str, field: tuple[int | str, ...]) -> int:
    """The line of a field in a TOML text, counted from 1; of the nearest table around it where the field itself is not written.

    Tables and keys stand on lines of their own in a policy file; what an inline table holds is on the line of its key.
    """
    table: tuple[int | str, ...] = ()
    counts: dict[tuple[int | str, ...], int] = {}
    best, line = 0, 1
    for number, written in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(written)
        key = _KEY.match(written)
        if header:
            table = _entered(tuple(_bare(part) for part in header["path"].split(".")), bool(header["array"]), counts)
            path = table
        elif key:
            path = (*table, _bare(key["key"]))
        else:
            continue
        if field[: len(path)] == path and len(path) > best:
            best, line = len(path), number
    return line


def _entered(names: tuple[str, ...], array: bool, counts: dict[tuple[int | str, ...], int]) -> tuple[int | str, ...]:
    """The full path of a table header, with the positions of the arrays that it lies in. Counts arrays' entries in `counts`."""
    path: tuple[int | str, ...] = ()
    for position, name in enumerate(names, start=1):
        path = (*path, name)
        if array and position == len(names):
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _bare(name: str) -> str:
    return name.strip().strip("\"'")
