"""The policy file: read when it has changed, and told exactly what is wrong with it."""

import logging
import tomllib
from pathlib import Path

from pydantic import ValidationError

from domain.policy import Policies, parse_policies

log = logging.getLogger("greenlight.policies")


class PolicyUnusable(Exception):
    """The policy file is missing, is no TOML, or says what no policy can say; the message names line or field."""


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
    try:
        return parse_policies(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise PolicyUnusable(f"{path.name} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyUnusable(f"{path.name} is no TOML: {error}") from None
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, each['loc'])) or 'the file'}: {each['msg'].removeprefix('Value error, ')}" for each in error.errors()
        ]
        raise PolicyUnusable(f"{path.name}: {'; '.join(faults)}") from None
