"""The durable engine's verbs: each judges by what stands, posts a message, and answers when that is on disk."""

import asyncio
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from standalone import contracts
from standalone.contracts import Inspection, InstancePage, InstanceQuery, InstanceStatus
from standalone.engine import entity, presentation, queries, versions, wording
from standalone.engine import history as h
from standalone.engine.dispatcher import Dispatcher, EngineSettings
from standalone.engine.messages import Load
from standalone.engine.orchestration import ENDED, EPOCH, STATUS_NUMBERS
from standalone.engine.store import Row, Store

LONGEST_LOOK = 3.0  # seconds that somebody who looks at an instance is kept waiting for a worker


class Engine:
    """The engine over the file at `path`. `workers` must have been started before `start`, and outlive `stop`."""

    def __init__(
        self, path: Path, clock: contracts.Clock, workers: contracts.InstanceWorkers, *, settings: EngineSettings | None = None
    ) -> None:
        self.path, self.clock, self.workers = path, clock, workers
        self.settings = settings or EngineSettings()

    async def start(self) -> None:
        """Open the file and go on with what was under way. Raises StoreUnusable."""
        self._store = Store(self.path, synchronous=self.settings.synchronous)
        self._dispatcher = Dispatcher(self._store, self.clock, self.workers, self.settings)

    async def stop(self) -> None:
        """Write what has come in and close the file. What runs is abandoned, and runs again at the next start."""
        await self._dispatcher.close()
        self._store.close()

    async def start_instance(self, name: str, input_json: str | None, instance_id: str | None = None, version: str | None = None) -> str:
        """Start an orchestration. Raises InstanceExists, StoreFailed."""
        return await self._start(name, input_json, instance_id, version, None)

    async def _start(
        self, name: str, input_json: str | None, instance_id: str | None, version: str | None, tags: Mapping[str, str] | None
    ) -> str:
        self._dispatcher.commits.check()
        instance = instance_id or uuid.uuid4().hex
        found = self._dispatcher.find(instance)
        if found and found.status not in ENDED and not self.settings.replaces_running:
            raise contracts.InstanceExists(f"An Orchestration instance with the status {found.status} already exists.")
        input_json = input_json and h.well_formed(input_json)
        at = self.clock.now()
        if version is None:
            version = self.settings.default_version or None
        execution = str(uuid.uuid4())  # with dashes only where a client starts it, as there
        event = h.execution_started(h.stamp(at), name, input_json, instance, execution, version, None, tags)
        self._dispatcher.begin(instance, name, input_json, h.text(event), at)
        await self._dispatcher.commits.written()
        return instance

    async def get(
        self, instance_id: str, *, history: bool = False, history_outputs: bool = False, history_inputs: bool = True
    ) -> InstanceStatus | None:
        """The instance, or None. Raises HistoryUnreadable."""
        row = self._shown(instance_id)
        if row is None:
            return None
        told = None
        if history and presentation.is_entity(row):
            told = presentation.entity_history(row)
        elif history and row.status != "Pending":
            rows = [events for events, _ in self._store.history(row.n)]
            told = presentation.history(rows, inputs=history_inputs, outputs=history_outputs)
        return presentation.status(row, self._store.beginning(row.n), told)

    async def inspect(self, instance_id: str) -> Inspection | None:
        """An orchestration from within, or None. An episode of its own may run meanwhile: then this tells of the moment before."""
        row = self._store.find(instance_id)
        found = None if row is None or presentation.is_entity(row) else self._store.load(row.n)
        if row is None or found is None:
            return None
        episodes, rows = self._store.episodes(row.n), self._store.history(row.n)
        events = h.parse([events for events, _ in rows])
        inputs = {number: given for _, tasks in rows if tasks for number, _, given in json.loads(tasks)["activities"]}
        seen = Inspection(events, inputs, bool(episodes) and episodes[0][0] > 1, trouble=self._held_back(row, events))
        if not events:
            return seen
        *_, fresh, _custom, _output, _input = found
        if fresh:
            return replace(seen, trouble=seen.trouble or "It has continued as new, and the new execution has not run yet.")
        load = Load(row.n, row.id, row.name, rows=[events for events, _ in rows], status=row.status)
        try:
            return replace(seen, whereabouts=await asyncio.wait_for(self.workers.inspect(load), LONGEST_LOOK))
        except TimeoutError:
            return replace(seen, trouble=f"No worker had time to look at the code within {LONGEST_LOOK:.0f} s: look again.")
        except contracts.FunctionFailed as failure:
            return replace(seen, trouble=f"The code could not be looked at: {failure.message}")

    def _held_back(self, row: Row, events: Sequence[h.Event]) -> str:
        """Why an instance is not run here, whatever comes for it: it is of another version."""
        known = events or h.parse([event for _, event, _ in self._store.messages_of(row.n)])
        version = next((each["Version"] or "" for each in known if each["EventType"] == h.EXECUTION_STARTED), "")
        own, strategy = self.settings.default_version, self.settings.version_match
        if row.status in ENDED or versions.taken(version, own, strategy):
            return ""
        return f"Its version is “{version}”, that of this host “{own}” ({strategy}, by host.json): it waits for a host that runs it."

    def counts(self) -> Mapping[str, int]:
        """How many instances there are of each status, counted up to `MOST_COUNTED`."""
        return self._store.counts(list(STATUS_NUMBERS), contracts.MOST_COUNTED)

    async def query(self, query: InstanceQuery) -> InstancePage:
        """One page."""
        return queries.page(self._store, query)

    async def restart(self, instance_id: str, *, new_id: bool) -> str:
        """Raises InstanceNotFound, InstanceExists."""
        row = self._existing(instance_id)
        given = h.as_written_by_json_net(json.loads(row.input or "null"))
        tags = {h.SOURCE: instance_id} if new_id else None
        return await self._start(row.name, given, None if new_id else instance_id, None, tags)

    async def raise_event(self, instance_id: str, event: str, input_json: str) -> None:
        """Raises InstanceNotFound, InstanceEnded, StoreFailed."""
        await self._tell(self._unended(instance_id), h.EVENT_RAISED, Name=event, Input=h.well_formed(input_json))

    async def terminate(self, instance_id: str, reason: str | None) -> None:
        """Raises InstanceNotFound, InstanceEnded, StoreFailed."""
        await self._tell(self._unended(instance_id), h.EXECUTION_TERMINATED, Input=reason)

    async def suspend(self, instance_id: str, reason: str | None) -> None:
        """Raises InstanceNotFound, InstanceEnded, InstanceNotInState, StoreFailed."""
        row = self._unended(instance_id)
        if row.status == "Suspended":
            raise contracts.InstanceNotInState(
                f"Cannot suspend the orchestration instance {instance_id} because instance is in the Suspended state."
            )
        await self._tell(row, h.EXECUTION_SUSPENDED, Reason=reason)

    async def resume(self, instance_id: str, reason: str | None) -> None:
        """Raises InstanceNotFound, InstanceEnded, InstanceNotInState, StoreFailed."""
        row = self._unended(instance_id)
        if row.status != "Suspended":
            raise contracts.InstanceNotInState(
                f"Cannot resume the orchestration instance {instance_id} because instance is in the {row.status} state."
            )
        await self._tell(row, h.EXECUTION_RESUMED, Reason=reason)

    async def _tell(self, row: Row, kind: int, **fields: Any) -> None:
        self._dispatcher.commits.check()
        self._dispatcher.post(row.n, h.text(h.event(kind, h.stamp(self.clock.now()), **fields)))
        await self._dispatcher.commits.written()

    async def rewind(self, instance_id: str, reason: str | None) -> None:
        """Raises InstanceNotFound, InstanceNotInState, StoreFailed."""
        row = self._existing(instance_id)
        if row.status != "Failed":
            raise contracts.InstanceNotInState(
                f'This orchestration has status {row.status}, but only orchestrations in the "Failed" state can be rewound.'
            )
        self._dispatcher.commits.check()
        self._dispatcher.rewind(row, h.text(h.event(h.GENERIC_EVENT, h.stamp(self.clock.now()), Data=reason)))
        await self._dispatcher.commits.written()

    async def purge(self, instance_id: str) -> None:
        """Raises InstanceNotFound, InstanceNotInState, StoreFailed."""
        row = self._existing(instance_id)
        if row.status not in ENDED and not presentation.is_entity(row):
            raise contracts.InstanceNotInState(
                "Only orchestrations in a terminal state can be purged, but the orchestration with instance ID "
                f"{instance_id} has status {row.status}"
            )
        self._dispatcher.commits.check()
        self._dispatcher.delete(row)
        await self._dispatcher.commits.written()

    async def purge_matching(self, query: InstanceQuery) -> int:
        """Delete what matches, all pages of it, and answer how many."""
        self._dispatcher.commits.check()
        found = queries.all_matching(self._store, query)
        for row in found:
            self._dispatcher.delete(row)
        await self._dispatcher.commits.written()
        return len(found)

    async def signal_entity(self, name: str, key: str, operation: str, input_json: str | None) -> None:
        """Raises FunctionUnknown, StoreFailed."""
        known = self.workers.known()
        if name.casefold() not in known.entities:
            raise contracts.FunctionUnknown(wording.unknown_function(name, "entity", known.entities.values()))
        self._dispatcher.commits.check()
        told = entity.request(operation, input_json and h.well_formed(input_json), request_id=str(uuid.uuid4()))
        event = h.event(h.EVENT_RAISED, h.stamp(self.clock.now()), Name="op", Input=told)
        self._dispatcher.post(self._dispatcher.entity(entity.entity_id(name, key)), h.text(event))
        await self._dispatcher.commits.written()

    async def entity_state(self, name: str, key: str) -> str | None:
        """An entity's state, "null" when it has none; None for one of which no operation was ever done."""
        row = self._shown(entity.entity_id(name, key))
        return None if row is None or not presentation.is_entity(row) else str(json.loads(row.input or "{}").get("state") or "null")

    def next_due(self) -> datetime | None:
        """When the earliest durable timer, or activity that sleeps on the virtual clock, is due."""
        due = [each for each in (self._dispatcher.alarm.next_due, self.workers.next_due()) if each is not None]
        return EPOCH + timedelta(microseconds=min(due)) if due else None

    async def settle(self) -> None:
        """Return once nothing is left to do at the present time. Raises StoreFailed."""
        while not self._dispatcher.quiet():
            self._dispatcher.changed.clear()
            await self._dispatcher.changed.wait()

    def _shown(self, instance: str) -> Row | None:
        row = self._store.find(instance)
        return None if row is None or presentation.is_unborn(row) else row

    def _existing(self, instance: str) -> Row:
        row = self._dispatcher.find(instance)
        if row is None or presentation.is_unborn(row):
            raise contracts.InstanceNotFound(f'No orchestration with instance ID "{instance}" found.')
        return row

    def _unended(self, instance: str) -> Row:
        row = self._existing(instance)
        if row.status in ENDED:
            raise contracts.InstanceEnded(f"The orchestration {instance} has ended: {row.status}.")
        return row


_implements: type[contracts.Engine] = Engine
