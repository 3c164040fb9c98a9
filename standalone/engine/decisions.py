"""What goes into a replay and what comes out of it: values.

In: the functions that the app has, and what the orchestrator function answered. Out: what is newly scheduled, how it ends, where it stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from standalone.engine import history as h


@dataclass(frozen=True)
class Known:
    """The app's durable functions by kind, lower-case name -> name; what the extension has registered."""

    activities: Mapping[str, str] = field(default_factory=dict)
    orchestrators: Mapping[str, str] = field(default_factory=dict)
    entities: Mapping[str, str] = field(default_factory=dict)
    disabled: frozenset[str] = frozenset()  # lower-case names of disabled activities: a call fails, catchably


@dataclass(frozen=True)
class Answer:
    """What came back of the orchestrator function: the SDK's state, or the error of the SDK itself (`broken`)."""

    state: Mapping[str, Any] = field(default_factory=dict)
    broken: str | None = None


class Decision(NamedTuple):
    """Something newly scheduled. `kind`: "activity", "timer", "child", "send"."""

    kind: str
    number: int
    name: str = ""
    input: Any = None
    instance: str = ""
    version: str = ""
    fire_at: datetime | None = None


@dataclass(frozen=True)
class Ending:
    """How an execution ends. `status`: Completed, Failed, Terminated, ContinuedAsNew; `result`: JSON text, or bare text of a failure."""

    number: int
    status: str
    result: str | None
    details: str | None = None
    carried: Sequence[h.Event] = ()


@dataclass(frozen=True)
class Outcome:
    """What an episode comes to. `custom_status`: JSON text or None. `waits`: what the extension stands at, for people."""

    decisions: Sequence[Decision]
    ending: Ending | None
    custom_status: str | None
    played: int  # events gone through: all, unless one did not fit
    waits: Sequence[str] = ()
    python: str = "waits"  # where the SDK is: "waits", or "ahead", "done" or "raised" while the extension still stands at `waits`
    events: Sequence[str] = ()  # names of those among `waits` that have not come
