"""How the SDK gets what an orchestrator is called with: not as a text of the whole history that it would parse in each episode.

It makes an object of each history event that it reads. Those of an execution are the same ones in each of its episodes, and some more:
they are made once, as long as the app does not ask for them.
"""

import copy
import sys
from types import FunctionType
from typing import Any

from azure.durable_functions.orchestrator import Orchestrator

from standalone.engine import history as h
from standalone.engine.trigger import Trigger

_Context: Any = sys.modules["azure.durable_functions.models.DurableOrchestrationContext"]
_HANDLE = Orchestrator.create(lambda _: (_ for _ in range(0))).__code__
_MADE = "made"


class FromJson(classmethod):  # type: ignore[type-arg] # it takes none when the program runs
    """A `DurableOrchestrationContext.from_json` that takes a Trigger too; by its type it is known."""


class TriggerReader:
    """What stands in the SDK for `HistoryEvent`, where contexts are made, and for their `from_json` and `histories`."""

    def __init__(self, module: Any) -> None:
        self._event, self._from_json = module.HistoryEvent, vars(module.DurableOrchestrationContext)["from_json"].__func__
        self._latest: Any = None  # the context that was made last,
        self._read: list[Any] = []  # the events that it has
        self._asked = False  # and whether it was asked for them

    def event(self, **fields: Any) -> Any:
        """What HistoryEvent gives; one that was made before as it is."""
        return fields[_MADE] if _MADE in fields else self._event(**fields)

    def context(self, kind: Any, given: Any) -> Any:
        """What `kind.from_json` gives; a Trigger is as good as its text."""
        if type(given) is not Trigger:
            return self._from_json(kind, given)
        read = given.read
        read += [self._event(**_own(fields)) for fields in given.events[len(read) :]]
        read[0] = self._event(**given.events[0])  # its `decision_started_event`
        for each, fields in zip(read, given.events, strict=True):
            each._is_played = fields["IsPlayed"]
        made = kind(history=[{_MADE: each} for each in read], **given.others())
        self._latest, self._read, self._asked = made, read, False
        return made

    def histories(self, context: Any) -> Any:
        """What `context.histories` gives.

        The SDK asks once; then it is the app, which may change what it gets, so that the next episode gets others.
        """
        if context is self._latest:
            if self._asked:
                self._read.clear()
            self._asked = True
        return context._histories


def _own(fields: dict[str, Any]) -> dict[str, Any]:
    """An event's fields of which nothing is the engine's; in those of other events there are but texts and numbers."""
    return copy.deepcopy(fields) if fields["EventType"] == h.EXECUTION_STARTED else fields


def takes_triggers(call: Any) -> bool:
    """May this be called with a Trigger? The SDK's own handle of an orchestrator, while `from_json` is ours.

    No object that stands for the handle, as libraries that trace calls have it: it answers for the handle's attributes, and sees the call.
    """
    ours = type(vars(_Context.DurableOrchestrationContext)["from_json"]) is FromJson
    return type(call) is FunctionType and call.__code__ is _HANDLE and ours
