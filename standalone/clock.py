"""The host's time, and how the whole app comes to see it.

`HostClock` tells real time plus an offset that `move_to` grows, or, virtual, an instant that stands until it is moved.
`WallClock` makes whatever reads the wall clock in this process (datetime.now, date.today, time.time, in any library) see the
host's time, by time-machine; `time.monotonic`, and with it every event loop, stays real.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import time_machine

NOTICEABLE = timedelta(milliseconds=1)
NOT_UTC = timezone(timedelta(hours=1))
"""The zone in which time_machine is given an instant: of UTC it would make the zone of the whole process."""


class HostClock:
    """`contracts.Clock`. `virtual`: time stands between moves."""

    def __init__(self, *, virtual: bool = False, start: datetime | None = None, offset: timedelta = timedelta(0)) -> None:
        self.virtual = virtual
        self._wall = WallClock()
        self._offset = offset
        self._standing = start or datetime.now(UTC)
        self._listeners: list[Callable[[], None]] = []

    @property
    def offset(self) -> timedelta:
        """How far the host's time is ahead of the real one; to be kept over a restart."""
        return self._offset

    def now(self) -> datetime:
        """The host's time, aware UTC."""
        return self._standing if self.virtual else self._wall.real_now() + self._offset

    def move_to(self, instant: datetime) -> None:
        """Set the time, never back, and tell whoever listens."""
        if instant > self.now():
            if self.virtual:
                self._standing = instant
            else:
                self._offset += instant - self.now()
            self._wall.show(self)
        for listener in list(self._listeners):
            listener()

    def on_move(self, listener: Callable[[], None]) -> None:
        """Have `listener` called after each move."""
        self._listeners.append(listener)

    def seconds_until(self, instant: datetime) -> float | None:
        """Real seconds until `instant`; None when only a move brings it about."""
        left = (instant - self.now()).total_seconds()
        if left <= 0:
            return 0.0
        return None if self.virtual else left

    def patch(self) -> "WallClock":
        """A context in which this process's wall clock tells the host's time."""
        self._wall.follow(self)
        return self._wall


class WallClock:
    """The wall clock of this process, as the app reads it. One at a time in a process."""

    def __init__(self) -> None:
        self._travel: time_machine.travel | None = None
        self._patched = False
        self._clock: HostClock | None = None
        self._shown: tuple[bool, timedelta] | None = None

    def follow(self, clock: HostClock) -> None:
        """The clock to show once entered."""
        self._clock = clock

    def real_now(self) -> datetime:
        """The real time, whatever is shown."""
        if self._travel is None:
            return datetime.now(UTC)
        import time_machine

        return datetime.fromtimestamp(time_machine.escape_hatch.time.time(), UTC)

    def __enter__(self) -> Self:
        self._patched = True
        if self._clock is not None:
            self.show(self._clock)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._patched = False
        self.hide()

    def show(self, clock: HostClock) -> None:
        """Let the wall clock tell `clock`'s time; a clock that tells the real time is left alone."""
        self.show_time(clock.now(), clock.offset, stands=clock.virtual)

    def show_time(self, now: datetime, offset: timedelta, *, stands: bool) -> None:
        """The same by its parts: an instant that stands, or `offset` to the real time."""
        if not self._patched or (self._travel is not None and not stands and self._shown == (stands, offset)):
            return
        self.hide()
        if stands or abs(offset) >= NOTICEABLE:
            import time_machine  # not before: it brings 9 MB where pytest is installed

            self._shown = (stands, offset)
            self._travel = time_machine.travel(now.astimezone(NOT_UTC), tick=not stands)
            self._travel.start()

    def hide(self) -> None:
        """Let the wall clock tell the real time again."""
        if self._travel is not None:
            self._travel.stop()
            self._travel = None
