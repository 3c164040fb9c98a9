"""Who gets a seat: first come, first served, nobody twice, and nobody waits for what takes long."""

import asyncio
from typing import Any

from standalone.engine.messages import Arrival
from standalone.engine.seats import Seat, Seats

HERE, THERE = 0, 1


class Room:
    """Seats, and a record of who sat down and who left. Whoever sits down has a message to take, or an activity that runs."""

    def __init__(self, *, running: int = 0, **options: Any) -> None:
        self.running = running
        self.sat_down: list[int] = []
        self.left: list[int] = []
        self.seats = Seats(**{"most_active": 2, "most_resting": 2, "patience": 3600.0, **options}, sit_down=self.sit_down, leave=self.leave)

    def sit_down(self, n: int) -> None:
        self.sat_down.append(n)
        self.seats.take(n, Seat(n % 2, {} if self.running else {1: Arrival(1, "")}, self.running))

    def leave(self, n: int, _seat: Seat) -> None:
        self.left.append(n)

    async def filled(self) -> list[int]:
        """How many sat, one moment after the other, until nobody waited any more."""
        seen = [len(self.sat_down)]
        async with asyncio.timeout(5):
            while self.seats.crowded:
                await asyncio.sleep(0)
                seen += [len(self.sat_down)] if len(self.sat_down) != seen[-1] else []
        return seen


async def test_those_who_wait_are_seated_in_their_order_when_others_rest() -> None:
    """Whoever comes later waits longer, also where a seat is free for a moment."""
    room = Room()
    for n in (1, 2, 3, 4, 3):
        room.seats.ask(n)
    assert (room.sat_down, room.seats.waits(3), room.seats.crowded) == ([1, 2], True, True)
    room.seats.rest(1)
    room.seats.rest(2)
    assert (room.sat_down, room.seats.crowded) == ([1, 2, 3, 4], False)
    room.seats.close()


async def test_one_that_waits_when_a_worker_dies_is_seated_once() -> None:
    """The dead worker's seats are free at once. A second seat would lose what the first was told."""
    room = Room()
    for n in (2, 4, 6):
        room.seats.ask(n)
    assert [n for n, _ in room.seats.lose(HERE)] == [2, 4]
    room.seats.ask(6)
    room.seats.rest(6)
    assert room.sat_down == [2, 4, 6]
    assert room.seats.lose(THERE) == []


async def test_of_those_that_rest_the_one_that_rested_longest_leaves() -> None:
    """A seat is memory: few are kept for those that may come back."""
    room = Room()
    for n in (1, 2, 3, 4):
        room.seats.ask(n)
        room.seats.rest(n)
    assert room.left == [1, 2]
    room.seats.wake(3)
    room.seats.ask(5)
    room.seats.rest(5)
    assert room.left == [1, 2]


async def test_nobody_waits_long_for_those_whose_activities_take_hours() -> None:
    """After a moment in which nobody was served, as many again are let in."""
    room = Room(patience=0.0, running=1)
    for n in range(1, 8):
        room.seats.ask(n)
    seen = await room.filled()
    assert (seen, room.sat_down) == ([2, 4, 6, 7], list(range(1, 8)))


async def test_while_the_workers_or_the_disk_are_slow_only_few_are_let_in() -> None:
    """Were as many again loaded each moment, a disk that stands for some seconds would fill the memory. But none waits for ever."""
    room = Room(most_active=32, patience=0.0)
    for n in range(1, 39):
        room.seats.ask(n)
    assert await room.filled() == [32, 34, 36, 38]


async def test_who_leaves_or_is_cleared_out_waits_no_more() -> None:
    """What is deleted does not come back, and a room that is begun anew is empty."""
    room = Room()
    for n in (1, 2, 3, 4):
        room.seats.ask(n)
    room.seats.free(3)
    room.seats.rest(1)
    assert room.sat_down == [1, 2, 4]
    room.seats.clear()
    assert (sorted(room.left), list(room.seats.all()), room.seats.crowded) == ([1, 2, 4], [], False)
