"""Whose code a worker is running, in memory that outlives it: after its death the main process reads who was at work.

A message would not do: what was to be sent when the process died is gone with it, and one for each episode would cost too much.
"""

import mmap
import os
import sys
from tempfile import TemporaryFile

_PLACES = 64  # for an orchestration, and for entities, which may run beside it and beside one another
_SIZE = 8 * _PLACES
_NOWHERE = -1


def allocate() -> int:
    """The descriptor of new shared memory, to be handed to a worker and closed."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("under-way")
    else:
        with TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, _SIZE)
    return descriptor


class UnderWay:
    """Numbers of instances. `descriptor`: of memory that is shared with another process; without one nobody else sees them."""

    def __init__(self, descriptor: int | None = None) -> None:
        self._places = memoryview(bytearray(_SIZE) if descriptor is None else mmap.mmap(descriptor, _SIZE)).cast("q")
        self._free = list(range(1, _PLACES))

    def orchestration(self, n: int) -> None:
        """The orchestration whose episode runs; 0: none."""
        self._places[0] = n

    def enter(self, n: int) -> int:
        """An entity begins a batch. Answers what `leave` is to be told."""
        if not self._free:
            return _NOWHERE
        place = self._free.pop()
        self._places[place] = n
        return place

    def leave(self, place: int) -> None:
        """It has ended."""
        if place != _NOWHERE:
            self._places[place] = 0
            self._free.append(place)

    def seen(self) -> frozenset[int]:
        """All that are under way."""
        return frozenset(self._places) - {0}
