"""What the main process and a worker say to each other about instances: values only, so that they can travel.

The main process owns the file, the worker the code. An instance that is loaded belongs to one worker; the worker turns what arrives
for it into episodes, the main process writes them down and says so, and only then does the worker start what the episode asks for.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from standalone.contracts import FunctionInfo


class Arrival(NamedTuple):
    """A message for an instance.

    `execution`: the execution it is meant for, "" for whichever runs. `timer`: (due, number) of a timer that fired.
    """

    seq: int
    event: str  # its JSON; empty for a timer
    execution: str = ""
    timer: tuple[int, int] | None = None


class Load(NamedTuple):
    """An instance as the file has it; only the first three of one that is not there yet.

    `lost`: how the worker died in which its activities ran, all but those `unstarted`; they have failed. `strikes`: how often one died
    in an episode of this, without any other in between.
    """

    n: int
    instance: str
    name: str
    episodes: int = 0  # how many the file holds; they are numbered on from here
    rows: Sequence[str] = ()
    tasks: Sequence[str | None] = ()
    status: str = "Pending"
    custom: str | None = None
    output: str | None = None
    running: int = 0  # activities that are open
    fresh: bool = False
    lost: str = ""
    strikes: int = 0
    unstarted: frozenset[int] = frozenset()
    state: str | None = None  # of an entity
    default_version: str = ""  # for children that are given none
    refused: bool = False  # it is of a version that fails here
    seat: int = 0  # the seat's number, which each episode names


class Deliver(NamedTuple):
    """Messages for a loaded instance."""

    n: int
    arrivals: Sequence[Arrival]


class Committed(NamedTuple):
    """Episode `episode` of instance `n` is on disk: what it asks for may start."""

    n: int
    episode: int


class Unload(NamedTuple):
    """Forget an instance."""

    n: int


class Call(NamedTuple):
    """Run a function of another trigger, or look at an instance: its Load is the argument then."""

    number: int
    kind: str  # "http" "timer" "inspect"
    function: str
    argument: Any


class Time(NamedTuple):
    """The host's time: microseconds since 1970, and whether it stands."""

    microseconds: int
    virtual: bool


class Send(NamedTuple):
    """What an episode sends to another instance. `kind`: "start" (text: the ExecutionStarted event) or "event"."""

    kind: str
    instance: str
    text: str
    execution: str = ""
    name: str = ""
    due: int = 0  # microseconds since 1970; 0: now


class Episode(NamedTuple):
    """An episode, to be written down as one. Where nothing `ran`, all that arrived was dropped; an entity's has no `events`."""

    n: int
    seat: int  # the one that it was run for
    number: int
    seqs: Sequence[int]  # of the messages it took
    fired: Sequence[tuple[int, int]]  # due, number: of the timers it took
    updated: int  # microseconds since 1970
    ran: bool
    before: str = ""  # the status until then, as far as it is known
    status: str = "Running"
    custom: str | None = None
    output: str | None = None
    waits: str | None = None  # what the extension stands at
    events: str = ""
    tasks: str | None = None
    running: int = 0  # activities that are open once it is committed
    timers: Sequence[tuple[int, int]] = ()  # due, number
    timers_gone: Sequence[tuple[int, int]] = ()
    sends: Sequence[Send] = ()
    renews: bool = False  # the history so far is replaced
    fresh: bool = False  # there is more to run without any message
    input: str | None = None  # of a new execution; an entity's state

    def activities(self) -> Sequence[int]:
        """The numbers of the activities that it schedules."""
        return [number for number, *_ in json.loads(self.tasks)["activities"]] if self.tasks else []


class Answered(NamedTuple):
    """The outcome of a Call: `value`, or the message and stack of the failure."""

    number: int
    value: Any
    failure: tuple[str, str] | None


class Begin(NamedTuple):
    """The first thing that a worker is told."""

    app_dir: str
    client_binding: str
    threads: int | None
    timeout: timedelta | None
    time: Time


class Loaded(NamedTuple):
    """The first thing that a worker says: what the app consists of, or why it does not load."""

    functions: Sequence[FunctionInfo]
    trouble: str | None
