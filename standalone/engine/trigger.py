"""What an orchestrator is called with."""

import json
from collections.abc import Mapping
from typing import Any

from standalone.engine import history as h

SAME_IN_EACH = {
    "upperSchemaVersion": 1,
    "upperSchemaVersionNew": 3,
    "longRunningTimerIntervalDuration": "3.00:00:00",
    "maximumShortTimerDuration": "6.00:00:00",
    "defaultHttpAsyncRequestSleepTimeMillseconds": 30000,
}


class Trigger:
    """The JSON that the extension gives the function (durable.md B) as its `str`; what it is made of for whoever has no need of a text.

    `events` are the history, `input` is the orchestration's in JSON. `read` is the reader's own: it is handed on from one trigger of an
    execution to the next, whose events are the same ones and some more.
    """

    __slots__ = ("events", "input", "read", "who")

    def __init__(
        self,
        events: list[h.Event],
        input_json: str,
        instance: str,
        parent: str | None,
        read: list[Any],
        *,
        replaying: bool,
        source: str | None = None,
    ) -> None:
        self.events, self.input, self.read = events, input_json, read
        self.who = {"instanceId": instance, "isReplaying": replaying, "parentInstanceId": parent, "sourceInstanceId": source}

    def __str__(self) -> str:
        others = json.dumps({**self.who, **SAME_IN_EACH})
        return f'{{"history":[{h.texts(self.events)}],"input":{self.input},{others[1:]}'

    def others(self) -> Mapping[str, Any]:
        """All fields but "history"."""
        return {"input": json.loads(self.input), **self.who, **SAME_IN_EACH}
