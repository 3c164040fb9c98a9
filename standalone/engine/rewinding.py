"""Rewinding a failed orchestration: its failures are struck out of its history, so that a replay schedules them anew.

As the real engine does (AzureTableTrackingStore.cs, RewindHistoryAsync; recorded in the `f-rewind-…` cases): every failed activity,
caught and retried ones too, loses both its events, a failed child its failure; the children are rewound in turn, and only the deepest
are woken. Struck events stay as GenericEvent, under their numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from standalone.engine import history as h
from standalone.engine.orchestration import STATUS_NUMBERS


@dataclass(frozen=True)
class Struck:
    """What a rewind makes of a stored history: the new rows, and the ids of the children that failed."""

    rows: Sequence[str]
    failed_children: Sequence[str]


def strike(rows: Sequence[str]) -> Struck:
    """Strike the failures out of a stored history, row by row."""
    episodes = [h.parse([row]) for row in rows]
    events = [event for episode in episodes for event in episode]
    failed_tasks = {event["TaskScheduledId"] for event in events if event["EventType"] == h.TASK_FAILED}
    failed_children = {event["TaskScheduledId"] for event in events if event["EventType"] == h.CHILD_FAILED}
    children = [event["InstanceId"] for event in events if event["EventType"] == h.CHILD_CREATED and event["EventId"] in failed_children]
    struck = [[_struck(event, failed_tasks) for event in episode] for episode in episodes]
    return Struck([",".join(map(h.text, episode)) for episode in struck], children)


def _struck(event: h.Event, failed_tasks: set[int]) -> h.Event:
    kind = event["EventType"]
    goes = (
        kind in (h.TASK_FAILED, h.CHILD_FAILED)
        or (kind == h.TASK_SCHEDULED and event["EventId"] in failed_tasks)
        or (kind == h.EXECUTION_COMPLETED and event["OrchestrationStatus"] == STATUS_NUMBERS["Failed"])
    )
    if not goes:
        return event
    kept = {name: event[name] for name in ("EventId", "IsPlayed", "Timestamp")}
    return {"EventType": h.GENERIC_EVENT, **kept, "Data": None}
