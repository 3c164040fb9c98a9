"""How the SDK gets what an orchestrator is called with: not as a text of the whole history that it would parse in each episode.

It makes an object of each history event that it reads. Those of an execution are the same ones in each of its episodes, and some more:
they are made once, and copied for each episode, for the app gets them (`context.histories`) and may change what it gets.
"""

import sys
from types import FunctionType
from typing import Any

from azure.durable_functions.orchestrator import Orchestrator

from standalone.engine import history as h
from standalone.engine.trigger import Trigger

_Context: Any = sys.modules["azure.durable_functions.models.DurableOrchestrationContext"]
_HANDLE = Orchestrator.create(lambda _: (_ for _ in range(0))).__code__
_MADE = "made"


class FromJson(classmethod):  # type: ignore[type-arg]
    """A `DurableOrchestrationContext.from_json` that takes a Trigger too; by its type it is known."""


class TriggerReader:
    """What stands in the SDK for `HistoryEvent`, where contexts are made, and for `DurableOrchestrationContext.from_json`."""

    def __init__(self, module: Any) -> None:
        self._event, self._from_json = module.HistoryEvent, vars(module.DurableOrchestrationContext)["from_json"].__func__

    def event(self, **fields: Any) -> Any:
        """What HistoryEvent gives; of one that was made before, another that is equal."""
        made = fields.get(_MADE)
        if made is None:
            return self._event(**fields)
        again = object.__new__(type(made))
        again.__dict__ = _deeply(made.__dict__) if made._event_type == h.EXECUTION_STARTED else made.__dict__.copy()
        return again

    def context(self, kind: Any, given: Any) -> Any:
        """What `kind.from_json` gives; a Trigger is as good as its text."""
        if type(given) is not Trigger:
            return self._from_json(kind, given)
        read, event = given.read, self._event
        read += [event(**fields) for fields in given.events[len(read) :]]
        for each, fields in zip(read, given.events, strict=True):
            each._is_played = fields["IsPlayed"]
        return kind(history=[{_MADE: each} for each in read], **given.others())


def _deeply(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: _deeply(value) if type(value) is dict else value for name, value in fields.items()}


def takes_triggers(call: Any) -> bool:
    """May this be called with a Trigger? The SDK's own handle of an orchestrator, while `from_json` is ours.

    No object that stands for the handle, as libraries that trace calls have it: it answers for the handle's attributes, and sees the call.
    """
    ours = type(vars(_Context.DurableOrchestrationContext)["from_json"]) is FromJson
    return type(call) is FunctionType and call.__code__ is _HANDLE and ours
