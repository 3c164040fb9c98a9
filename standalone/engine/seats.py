"""Who has a seat in a worker. Pure of what sits there: instances are numbers, and who sits down or leaves is told by two calls.

An instance gets a seat when there is something to do for it, and keeps it while it rests, until others need the room. While `most_active`
are busy the others wait, first come, first served; but not for long activities: after a moment without a free seat as many are let in as
there would be room for if what waits for activities had none. Where it is the workers or the disk that are slow, only few are: every
seat is memory, and the slower they are the more would come.
"""

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from standalone.engine.messages import Arrival

PATIENCE = 0.5  # seconds for which those that wait for a seat wait at most without any of them getting one
FEW = 16  # one part in so many of `most_active`
_numbers = itertools.count(1)


@dataclass
class Seat:
    """An instance that is loaded in a worker."""

    worker: int
    unanswered: dict[int, Arrival] = field(default_factory=dict)  # delivered, not yet in an episode
    running: int = 0  # activities
    uncommitted: int = 0  # episodes on their way to the disk
    fresh: bool = False
    number: int = field(default_factory=lambda: next(_numbers))  # its own: an instance may have one after the other

    @property
    def rests(self) -> bool:
        """Is there nothing under way?"""
        return not (self.unanswered or self.running or self.uncommitted or self.fresh)

    @property
    def waits(self) -> bool:
        """Is there nothing under way but activities?"""
        return bool(self.running) and not (self.unanswered or self.uncommitted or self.fresh)


class Seats:
    """The seats of all workers. `sit_down` is called when it is an instance's turn, and may `take` one; `leave` when it loses its own."""

    def __init__(
        self, most_active: int, most_resting: int, patience: float, sit_down: Callable[[int], None], leave: Callable[[int, Seat], None]
    ) -> None:
        self.most_active, self.most_resting, self.patience = most_active, most_resting, patience
        self._sit_down, self._leave = sit_down, leave
        self._taken: dict[int, Seat] = {}
        self._resting: OrderedDict[int, None] = OrderedDict()
        self._waiting: dict[int, None] = {}
        self._served = 0  # of those that waited
        self._let_in: asyncio.TimerHandle | None = None

    def of(self, n: int) -> Seat | None:
        """The seat of an instance."""
        return self._taken.get(n)

    def all(self) -> Iterable[Seat]:
        """Every seat that is taken."""
        return self._taken.values()

    @property
    def crowded(self) -> bool:
        """Does anybody wait for a seat?"""
        return bool(self._waiting)

    def waits(self, n: int) -> bool:
        """Does this one wait for a seat?"""
        return n in self._waiting

    def ask(self, n: int) -> None:
        """A seat for an instance that has none: now, or when it is its turn."""
        self._waiting[n] = None
        self._serve()
        if self._waiting:
            self._have_more_let_in()

    def take(self, n: int, seat: Seat) -> None:
        """An instance sits down."""
        self._taken[n] = seat

    def wake(self, n: int) -> None:
        """There is something to do for one that may have rested."""
        self._resting.pop(n, None)

    def rest(self, n: int) -> None:
        """Nothing is under way: keep the instance for a while, and give its place to one that waits."""
        self._resting[n] = None
        while len(self._resting) > self.most_resting:
            self.free(next(iter(self._resting)))
        self._serve()

    def free(self, n: int) -> None:
        """Take an instance's seat away, if it has one or waits for one."""
        self._waiting.pop(n, None)
        self._resting.pop(n, None)
        seat = self._taken.pop(n, None)
        if seat is not None:
            self._leave(n, seat)

    def lose(self, worker: int) -> list[tuple[int, Seat]]:
        """The seats in a worker that is gone, which nobody has any more."""
        lost = [(n, seat) for n, seat in self._taken.items() if seat.worker == worker]
        for n, _ in lost:
            del self._taken[n]
            self._resting.pop(n, None)
        return lost

    def clear(self) -> None:
        """Everybody leaves, and nobody waits."""
        self.close()
        self._waiting.clear()
        for n in list(self._taken):
            self.free(n)

    def close(self) -> None:
        """Let nobody in any more by the clock."""
        if self._let_in is not None:
            self._let_in.cancel()
            self._let_in = None

    def _serve(self) -> None:
        while self._waiting and len(self._taken) - len(self._resting) < self.most_active:
            self._serve_one(next(iter(self._waiting)))

    def _serve_one(self, n: int) -> None:
        del self._waiting[n]
        self._served += 1
        self._sit_down(n)

    def _have_more_let_in(self) -> None:
        """After a moment in which none of those that wait got a seat, seat some of them beside those that are busy."""
        served = self._served

        def let_in() -> None:
            self._let_in = None
            if self._served == served:
                for n in list(itertools.islice(self._waiting, self._room())):
                    self._serve_one(n)
            if self._waiting:
                self._have_more_let_in()

        if self._let_in is None:
            self._let_in = asyncio.get_running_loop().call_later(self.patience, let_in)

    def _room(self) -> int:
        """How many may sit down beside those whose activities take long: a few at least, for a worker that is stuck must not stop all."""
        busy = sum(not (seat.waits or seat.rests) for seat in self._taken.values())
        return max(self.most_active - busy, self.most_active // FEW, 1)
