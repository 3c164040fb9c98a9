"""The seams of the standalone host: what its parts promise one another.

Three parts, each replaceable by its contract alone:

    edge     HTTP server, durable HTTP API, timer triggers, pages, command line    uses Engine, Workers, Clock
    engine   store, dispatcher, the extension's state machine                      uses Workers, Clock
    workers  the processes (or, with none, this process) in which the app is loaded

Texts named `*_json` are JSON text that nobody on the way parses without need. Instants are aware UTC datetimes.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

JsonText = str
MOST_COUNTED = 10_000
ENDLESS = -1
"""The number of retries of a policy that never ends."""

ALLOW_LIST = "AzureFunctionsJobHost__functions__"
"""With a number behind it: a setting that names one of the only functions to be run, as `func start --functions` has it."""


class Clock(Protocol):
    """The only source of time in the host. Real time, real time plus an offset, or time that stands until it is moved."""

    @property
    def virtual(self) -> bool:
        """True when time stands still between moves."""

    @property
    def offset(self) -> timedelta:
        """How far a clock that goes by itself is ahead of the real time."""

    def now(self) -> datetime:
        """The host's time, aware UTC."""

    def move_to(self, instant: datetime) -> None:
        """Set the time to `instant`, never back; whoever listens hears of it. With a real clock it grows the offset."""

    def on_move(self, listener: Callable[[], None]) -> None:
        """Have `listener` called on the event loop after each move, so that sleeps can be cut short."""

    def seconds_until(self, instant: datetime) -> float | None:
        """Real seconds to sleep until `instant` (0 when past); None when only a move can bring it about."""


@dataclass(frozen=True)
class RetryPolicy:
    """How often a run that fails is run again, and the bounds of the pauses before; one bound that is both is a fixed delay."""

    most: int  # runs beyond the first; `ENDLESS`
    shortest: timedelta
    longest: timedelta


@dataclass(frozen=True)
class FunctionInfo:
    """One function of the app, as its decorators declare it."""

    name: str
    kind: str  # "http" "timer" "orchestrator" "activity" "entity", or the trigger's own type when it cannot be served
    trigger: Mapping[str, Any]  # the trigger binding as the library states it: route, methods, authLevel, schedule, …
    bindings: Sequence[Mapping[str, Any]] = ()
    disabled: bool = False
    retries: RetryPolicy | None = None


@dataclass(frozen=True)
class HttpCall:
    """An HTTP request on its way to a function."""

    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    query: Sequence[tuple[str, str]]
    route_params: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class HttpAnswer:
    """What a function answered. `headers` may repeat a name."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


@dataclass(frozen=True)
class Retry:
    """Which try of a run this is: how many were before it, of how many at most, and what the last of them failed with."""

    number: int = 0
    most: int = 0
    failure: str = ""


@dataclass(frozen=True)
class TimerCall:
    """What a timer function is told. `last`: when it was last started by its schedule; `due`: when this run was due, or when the next is.

    Both in the zone of the schedule; `due` is None for a function whose schedule is not monitored. `invocation_id` is that of all tries of
    the run; empty, for a run by hand, where each try has its own (TriggeredFunctionExecutor.cs, JobHost.cs in azure-webjobs-sdk).
    """

    past_due: bool = False
    last: datetime | None = None
    due: datetime | None = None
    retry: Retry = Retry()
    invocation_id: str = ""


class FunctionFailed(Exception):
    """A function raised, or its worker died. `message` is what the extension would put after "failed: "."""

    def __init__(self, message: str, stack: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.stack = stack


class AppDoesNotLoad(Exception):
    """The app fails at import: the message is one screen that names file and line."""


class Workers(Protocol):
    """Where the app's code runs: N processes, or this one."""

    async def start(self) -> Sequence[FunctionInfo]:
        """Load the app in every worker and answer its functions. Raises AppDoesNotLoad."""

    async def stop(self) -> None:
        """End every worker; what it ran is abandoned."""

    async def call_http(self, function: str, call: HttpCall) -> HttpAnswer:
        """Run an HTTP function. Raises FunctionFailed."""

    async def call_timer(self, function: str, call: TimerCall) -> None:
        """Run a timer function once. Raises FunctionFailed."""


@dataclass(frozen=True)
class Line:
    """A line of the app's code. `text` is empty where the file is no longer what was loaded."""

    file: str  # relative to the app's folder, where it lies in it
    number: int
    function: str
    text: str = ""


Place = Sequence[Line]
"""Where in the code: from the orchestrator through each `yield from` to the line itself."""


@dataclass(frozen=True)
class Asked:
    """Something that an orchestrator has asked for.

    `kind`: "activity", "child", "timer", "event", "entity", "http", "signal", "renewal", "any", "all"; `parts` are those of the last two.
    """

    kind: str
    name: str = ""
    place: Place = ()
    instance: str = ""  # of a child or an entity
    since: datetime | None = None  # when Python asked for it
    until: datetime | None = None  # when it was done
    due: datetime | None = None  # of a timer; of a retry that pauses, when it is tried again
    attempts: int = 0
    done: bool = False
    cancelled: bool = False
    numbers: Sequence[int] = ()  # of the history's events that it made
    parts: Sequence["Asked"] = ()


@dataclass(frozen=True)
class Whereabouts:
    """Where an instance stands, by a replay of its whole history with the code that is loaded now."""

    python: str  # "waits"; "ahead", "done" or "raised" while the engine may still wait
    error: str = ""  # what it raised, or why it cannot be run
    place: Place = ()  # the yield at which Python waits, the line that raised, or the last yield of what returned
    wanted: Asked | None = None  # what Python waits for
    awaited: Sequence[Asked] = ()  # what the engine waits for: any of these
    behind: Sequence[Asked] = ()  # what Python has asked for since, and the engine has not come to
    left_open: Sequence[Asked] = ()  # timers, activities, children that must end before the instance can
    asked: Sequence[Asked] = ()  # all that Python asked for, parts of others among them
    unclaimed: Sequence[str] = ()  # events that came and nobody has waited for
    differs: str = ""  # what the code would do otherwise than the history has it: it was changed
    edited: bool = False  # a file is no longer what was loaded


@dataclass(frozen=True)
class Inspection:
    """An instance seen from within: its raw history, and where it is, or why that cannot be told."""

    events: Sequence[Mapping[str, Any]]
    inputs: Mapping[int, JsonText | None]  # of activities, by their number
    renewed: bool = False  # there were executions before, whose histories are gone
    whereabouts: Whereabouts | None = None
    trouble: str = ""


class InstanceWorkers(Protocol):
    """The engine's side of the workers: messages of `standalone.engine.messages` to and from where instances are loaded."""

    def attach(
        self,
        receive: Callable[[int, Any], None],
        lost: Callable[[int, str, frozenset[int]], None],
        changed: Callable[[], None],
    ) -> None:
        """Have `receive(worker, message)`, `lost(worker, why, running)`, `changed()` called.

        `lost`: a worker died while the episodes of the instances `running` ran in it; before it had run anything, `why` is empty.
        `changed`: an activity parks or wakes.
        """

    def send(self, worker: int, message: Any) -> None:
        """Say something to a worker; in order."""

    def place(self, n: int) -> int:
        """The worker that takes instance number `n`."""

    def next_due(self) -> int | None:
        """When the first of them wakes, in microseconds since 1970."""

    def known(self) -> Any:
        """The app's durable functions (`standalone.engine.decisions.Known`)."""

    async def inspect(self, load: Any) -> Whereabouts:
        """Replay an instance (a `standalone.engine.messages.Load`) for somebody who looks at it. Raises FunctionFailed."""

    def quiet(self, running: int) -> bool:
        """Is nothing under way, when `running` activities are open? One that sleeps on a virtual clock is not under way."""


@dataclass(frozen=True)
class Standing:
    """Where an instance stands: in Python, and on the engine's side, which may be far behind."""

    python: str  # "waits"; "ahead", "done" or "raised" while the engine still stands at `engine`
    engine: Sequence[str]  # what the engine awaits, in words
    events: Sequence[str] = ()  # the external events among that, by name, that have not come

    def sentences(self) -> tuple[str, str]:
        """Where it stands, and why, where that needs saying."""
        if self.python == "waits":
            return f"It stands at {', '.join(self.engine)}.", ""
        python = {"ahead": "has gone on", "done": "is done"}.get(self.python, "is through: it raised")
        return (
            f"Python {python}; the engine still stands at {', '.join(self.engine)}.",
            "The extension awaits one action after the other, whatever Python has seen, and ends nothing while a task is open.",
        )


@dataclass(frozen=True)
class InstanceStatus:
    """An instance as a query shows it; what is JSON stays text. `history_json` only when asked for."""

    instance_id: str
    name: str
    runtime_status: str
    input_json: JsonText | None
    custom_status_json: JsonText | None
    output_json: JsonText | None
    created: datetime
    last_updated: datetime
    history_json: JsonText | None = None
    version: str = ""  # of the orchestration, "" when it was given none
    parent_id: str = ""  # of the orchestration whose child it is
    waits_json: JsonText | None = None  # its Standing

    @property
    def standing(self) -> Standing | None:
        """Where it stands; None before its first episode, between episodes that follow at once, and at its end."""
        return Standing(**json.loads(self.waits_json)) if self.waits_json else None


@dataclass(frozen=True)
class InstanceQuery:
    """A page of instances, oldest first; by id where a prefix is given, as the real engine lists always. No `statuses`: all of them."""

    created_from: datetime | None = None
    created_to: datetime | None = None
    statuses: frozenset[str] = frozenset()
    id_prefix: str | None = None
    top: int = 100
    continuation: str | None = None
    newest_first: bool = False


@dataclass(frozen=True)
class InstancePage:
    """`continuation` is None on the last page."""

    instances: Sequence[InstanceStatus] = field(default_factory=list)
    continuation: str | None = None


class InstanceNotFound(Exception):
    """No instance has this id."""


class InstanceExists(Exception):
    """The id is in use by an instance that has not ended."""


class InstanceEnded(Exception):
    """The instance has ended, so there is nothing left to do this to."""


class InstanceNotInState(Exception):
    """The verb does not fit the instance's state: suspending twice, rewinding what did not fail, purging what runs."""


class FunctionUnknown(Exception):
    """The app has no durable function of this name and kind. The message names those it has."""


class HistoryUnreadable(Exception):
    """The history cannot be told: two of its tasks have one number, after a non-determinism error for one. The real engine answers 400."""


class StoreFailed(Exception):
    """The engine's file cannot be written: nothing is accepted any more."""


class Engine(Protocol):
    """The durable engine's verbs: what the durable HTTP API, the host and its pages need. Nothing returns before it is on disk."""

    async def start_instance(
        self, name: str, input_json: JsonText | None, instance_id: str | None = None, version: str | None = None
    ) -> str:
        """Start an orchestration, answer its id. An unknown name is accepted, and fails. No version: the host's. Raises InstanceExists."""

    async def get(
        self, instance_id: str, *, history: bool = False, history_outputs: bool = False, history_inputs: bool = True
    ) -> InstanceStatus | None:
        """The instance, or None. Raises HistoryUnreadable."""

    async def inspect(self, instance_id: str) -> Inspection | None:
        """An orchestration from within, or None. Replays it in a worker, and changes nothing."""

    async def query(self, query: InstanceQuery) -> InstancePage:
        """One page; costs the page, not the table."""

    def counts(self) -> Mapping[str, int]:
        """How many instances there are of each status, counted up to `MOST_COUNTED`."""

    async def raise_event(self, instance_id: str, event: str, input_json: JsonText) -> None:
        """Raises InstanceNotFound, InstanceEnded."""

    async def terminate(self, instance_id: str, reason: str | None) -> None:
        """Raises InstanceNotFound, InstanceEnded."""

    async def suspend(self, instance_id: str, reason: str | None) -> None:
        """Raises InstanceNotFound, InstanceEnded, InstanceNotInState."""

    async def resume(self, instance_id: str, reason: str | None) -> None:
        """Raises InstanceNotFound, InstanceEnded, InstanceNotInState."""

    async def rewind(self, instance_id: str, reason: str | None) -> None:
        """Raises InstanceNotFound, InstanceNotInState."""

    async def restart(self, instance_id: str, *, new_id: bool) -> str:
        """Start the same orchestration with the same input; answer its id. Raises InstanceNotFound, InstanceExists."""

    async def purge(self, instance_id: str) -> None:
        """Delete an ended instance, or an entity. Raises InstanceNotFound, InstanceNotInState."""

    async def purge_matching(self, query: InstanceQuery) -> int:
        """Delete what matches and answer how many (running ones too when no status is given, as the real engine does)."""

    async def signal_entity(self, name: str, key: str, operation: str, input_json: JsonText | None) -> None:
        """Send an entity an operation. Raises FunctionUnknown."""

    async def entity_state(self, name: str, key: str) -> JsonText | None:
        """An entity's state, "null" when it has none; None for one that nobody ever touched."""

    def next_due(self) -> datetime | None:
        """When the earliest durable timer is due."""

    async def settle(self) -> None:
        """Return once nothing is left to do at the present time: no message, no episode, no activity under way."""
