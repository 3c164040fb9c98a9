"""The extension's side of an orchestration: a pure function from a history and the SDK's answer to what happens next.

Two state machines run every orchestration (durable.md A3). Python replays the user's generator and returns the list of all actions
so far. The extension then goes through the same history with that list: it awaits action after action, in order, and schedules an
action only once every earlier one is done. What it schedules must be what the history says was scheduled; what is left over is new.
The instance ends when the list is through and no timer, activity or child is open.

Each episode goes through all of it: the list may say today of an action made long ago that it is cancelled, and everything behind it
then happens earlier than it did. Where that cannot be, `Replayer` goes on from the episode before. The originals:
OutOfProcOrchestrationShim.cs and DurableOrchestrationContext.cs of the Durable extension, TaskOrchestrationContext.cs and
TaskOrchestrationExecutor.cs of DurableTask.Core.
"""

import itertools
import json
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from standalone.engine import descriptions, wording
from standalone.engine import history as h
from standalone.engine.decisions import Answer, Decision, Ending, Known, Outcome
from standalone.engine.sorter import NEVER, REQUEST_TYPE, Sent, stamp
from standalone.engine.tasks import Awaited, HttpCall, Retried, RetryOptions, finished, when_all, when_any

LARGEST_CUSTOM_STATUS = 16  # whole KB of UTF-16: 8,703 units pass (durable.md A14)
HTTP_ACTIVITY = "BuiltIn::HttpActivity"


class NonDeterministic(Exception):
    """The history holds what this replay did not do."""


class OrchestrationFails(Exception):
    """An action that fails the orchestration as soon as it is looked at."""


def replay(history: Sequence[h.Event], answer: Answer, known: Known) -> Outcome:
    """Go through `history` with the SDK's `answer` and tell what is new."""
    return Replay(answer, known).run(history)


class Replayer:
    """Replays an orchestration episode after episode, with the outcomes of `replay`.

    What happened up to an action that is not done was decided by the actions up to it. As long as an answer begins with those, and the
    history with the events seen, a replay may go on where the last one stopped.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._last: Replay | None = None

    def replay(self, history: Sequence[h.Event], answer: Answer) -> Outcome:
        """The same as `replay`. `history`: that of the last call and what has been added to it."""
        if self._last is None or not self._last.goes_on(answer):
            self._last = Replay(answer, self._known)
        return self._last.run(history)


class Replay:
    """One pass through a history. `standalone.engine.whereabouts` watches one for the pages."""

    def __init__(self, answer: Answer, known: Known) -> None:
        self.answer, self.known = answer, known
        self.now = datetime.min.replace(tzinfo=UTC)
        self.name = self.instance = self.execution = self.parent = self.version = ""
        self.counter = self.guids = 0
        self.made: dict[int, Decision] = {}  # scheduled by this replay, not yet seen in the history
        self.held: dict[int, Decision] = {}  # the same, put aside while suspended
        self.open: dict[int, Awaited] = {}  # timers, activities, children: the instance cannot end before they do
        self.waiters: dict[str, list[Awaited]] = defaultdict(list)  # by event name: a stack
        self.buffered: dict[str, deque[str | None]] = defaultdict(deque)
        self.suspended = False
        self.while_suspended: deque[h.Event] = deque()
        self.ended: tuple[str, str | None, str | None] | None = None  # the function's task: status, result, details
        self.ending: Ending | None = None
        self.renewed: str | None = None
        self.renewing = False
        self.carried: list[h.Event] = []
        self.sent = Sent()  # to entities
        self.custom_status: str | None = None
        self.groups: list[Sequence[Mapping[str, Any]]] = []  # of actions: a group is awaited until any of it is done
        self.awaiting: Awaited | None = None
        self.position = 0
        self.played = 0

    def goes_on(self, answer: Answer) -> bool:
        """Take a later answer, if all that was done so far would have been done with it too."""
        waits = self.awaiting is not None and not self.awaiting.done
        if not waits or self.ended or self.ending or answer.broken is not None:
            return False
        try:
            groups = self.groups_of(answer.state)
            if groups[: self.position] != self.groups[: self.position]:
                return False
            self.set_custom_status(answer.state.get("customStatus"))
        except Exception:  # whatever is wrong with the answer, a replay of its own will find it
            return False
        self.answer, self.groups = answer, groups
        return True

    def run(self, history: Sequence[h.Event]) -> Outcome:
        try:
            for event in itertools.islice(history, self.played, None):
                if event["EventType"] == h.ORCHESTRATOR_STARTED:
                    self.now = h.instant(event["Timestamp"])
                else:
                    self.process(event)
                self.played += 1
            if not self.open and self.ended is not None:
                self.complete(*self.ended)
        except NonDeterministic as error:
            result = wording.non_deterministic(str(error))
            self.complete("Failed", result, wording.non_deterministic_details(result))
        decisions = [self.made[number] for number in sorted(self.made)]
        waits, events = self.describe_waits(history), self.events_to_come()
        return Outcome(decisions, self.ending, self.custom_status, self.played, waits, self.python(), events)

    def process(self, event: h.Event) -> None:
        kind = event["EventType"]
        if self.suspended and kind not in (h.EXECUTION_RESUMED, h.EXECUTION_TERMINATED):
            if kind != h.EXECUTION_SUSPENDED:
                self.while_suspended.append(event)
            return
        handler = _HANDLERS.get(kind)
        if handler is not None:
            handler(self, event)

    def on_started(self, event: h.Event) -> None:
        ids = event["OrchestrationInstance"]
        self.name, self.instance, self.execution = event["Name"], ids["InstanceId"], ids["ExecutionId"]
        parent = event.get("ParentInstance")
        self.parent = parent["OrchestrationInstance"]["InstanceId"] if parent else ""
        self.version = event.get("Version") or ""
        self.begin()

    def on_terminated(self, event: h.Event) -> None:
        self.complete("Terminated", event.get("Input"), None)

    def on_suspended(self, _: h.Event) -> None:
        self.suspended = True
        self.held.update(self.made)
        self.made.clear()

    def on_resumed(self, _: h.Event) -> None:
        self.suspended = False
        self.made.update(self.held)
        self.held.clear()
        while self.while_suspended:
            self.process(self.while_suspended.popleft())

    def on_raised(self, event: h.Event) -> None:
        if self.renewing:
            self.carried.append(event)
            return
        name = event["Name"].casefold()
        stack = self.waiters.get(name)
        if stack:
            stack.pop().finish(event.get("Input"))
            self.advance()
        else:
            self.buffered[name].append(event.get("Input"))

    def on_completed(self, event: h.Event) -> None:
        self.close(event["TaskScheduledId"], event.get("Result"))

    def on_failed(self, event: h.Event) -> None:
        self.close(event["TaskScheduledId"], event.get("Reason"), failed=True)

    def on_fired(self, event: h.Event) -> None:
        self.close(event["TimerId"], None)

    def close(self, number: int, result: Any, *, failed: bool = False) -> None:
        """An answer for an open task; one that nobody waits for (a cancelled timer's) is ignored."""
        task = self.open.get(number)
        if task is None:
            return
        try:
            task.finish(result, failed=failed)
        except Exception as failure:  # of a retry's or a poll's next step
            self.fail(failure)
        self.open.pop(number, None)
        self.advance()

    def fail(self, failure: Exception) -> None:
        """As in .NET, whatever goes wrong with an action or with the answer fails the orchestration."""
        why = str(failure)
        self.ended = ("Failed", wording.orchestrator_failed(self.name, why), wording.refused_details(why))

    def on_task_scheduled(self, event: h.Event) -> None:
        number, name = event["EventId"], event["Name"]
        made = self.taken(number, "activity", wording.activity_missing(number, name), lambda c: wording.activity_replaced(number, name, c))
        if made.name.casefold() != name.casefold():
            raise NonDeterministic(wording.activity_renamed(number, name, made.name))
        del self.made[number]

    def on_timer_created(self, event: h.Event) -> None:
        number = event["EventId"]
        self.taken(number, "timer", wording.timer_missing(number), lambda c: wording.timer_replaced(number, c))
        del self.made[number]

    def on_child_created(self, event: h.Event) -> None:
        of = (event["EventId"], event["Name"], event.get("Version") or "", event["InstanceId"])
        made = self.taken(of[0], "child", wording.child_missing(*of), lambda c: wording.child_replaced(*of, c))
        if made.name.casefold() != of[1].casefold():
            raise NonDeterministic(wording.child_renamed(*of, made.name))
        del self.made[of[0]]

    def on_event_sent(self, event: h.Event) -> None:
        of = (event["EventId"], event["Name"], event["InstanceId"])
        self.taken(of[0], "send", wording.event_missing(*of), lambda c: wording.event_replaced(*of, c))
        del self.made[of[0]]

    def taken(self, number: int, kind: str, missing: str, replaced: Callable[[str], str]) -> Decision:
        """What this replay made under the number that the history names."""
        made = self.made.get(number)
        if made is None:
            raise NonDeterministic(missing)
        if made.kind != kind:
            raise NonDeterministic(replaced(wording.ACTION_CLASSES[made.kind]))
        return made

    def begin(self) -> None:
        """The function has been called: take its answer and start to await its actions."""
        if self.answer.broken is not None:
            broken = self.answer.broken
            self.ended = ("Failed", wording.orchestrator_failed(self.name, broken), wording.broken_details(broken))
            return
        state = self.answer.state
        try:
            self.set_custom_status(state.get("customStatus"))
            self.groups = self.groups_of(state)
        except Exception as failure:
            self.fail(failure)
            return
        self.advance()

    @staticmethod
    def groups_of(state: Mapping[str, Any]) -> list[Sequence[Mapping[str, Any]]]:
        actions = state["actions"]
        if state.get("schemaVersion", 0) == 0:
            return list(actions)
        if len(actions) == 1:
            return [[action] for action in actions[0]]
        raise OrchestrationFails(wording.actions_not_in_one_list(state["schemaVersion"], len(actions)))

    def set_custom_status(self, value: Any) -> None:
        self.custom_status = None
        if value is None:
            return
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        kilobytes = len(text.encode("utf-16-le", "surrogatepass")) // 1024
        if kilobytes > LARGEST_CUSTOM_STATUS:
            raise OrchestrationFails(wording.custom_status_too_large(kilobytes))
        self.custom_status = text

    def advance(self) -> None:
        """Go on with the list as far as it goes: until something that is not done."""
        if self.ended is not None:
            return
        try:
            while self.awaiting is None or self.awaiting.done:
                if self.position == len(self.groups):
                    self.end()
                    return
                group = self.groups[self.position]
                self.position += 1
                started = [self.invoke(action) for action in group]
                self.awaiting = started[0] if len(started) == 1 else when_any(started) if started else finished()
        except Exception as failure:
            self.fail(failure)

    def end(self) -> None:
        """The list is through: the function has failed, is done, or goes on another time."""
        state = self.answer.state
        if state.get("error"):
            why = state["error"]
            self.ended = ("Failed", wording.orchestrator_failed(self.name, why), wording.orchestrator_details(why))
        elif state.get("isDone"):
            output = state.get("output")
            self.ended = ("Completed", None if output is None else json.dumps(output, ensure_ascii=False, separators=(",", ":")), None)

    def complete(self, status: str, result: str | None, details: str | None) -> None:
        number = self.number()
        if status == "Completed" and self.renewing:
            self.ending = Ending(number, "ContinuedAsNew", self.renewed, None, tuple(self.carried))
        elif self.ending is None:
            self.ending = Ending(number, status, result, details)

    def number(self) -> int:
        self.counter += 1
        return self.counter - 1

    def invoke(self, action: Mapping[str, Any]) -> Awaited:
        """Do what an action says; what it gives is awaited before the next is looked at."""
        made = _ACTIONS.get(action["actionType"])
        if made is None:
            raise OrchestrationFails(f"Received an unexpected action type from the out-of-proc function: '${action['actionType']}'.")
        return made(self, action)

    def call_activity(self, action: Mapping[str, Any]) -> Awaited:
        return self.activity(str(action["functionName"]), action.get("input"))

    def call_activity_with_retry(self, action: Mapping[str, Any]) -> Awaited:
        name, given = str(action["functionName"]), action.get("input")
        return Retried(RetryOptions.of(dict(action)), lambda: self.activity(name, given), self.timer, lambda: self.now)

    def activity(self, name: str, given: Any) -> Awaited:
        if name.casefold() not in self.known.activities and name.casefold() not in self.known.disabled and name != HTTP_ACTIVITY:
            raise OrchestrationFails(wording.unknown_function(name, "activity", self.known.activities.values()))
        return self.schedule(Decision("activity", self.number(), name, given))

    def schedule(self, decision: Decision) -> Awaited:
        task = Awaited()
        self.made[decision.number] = decision
        self.open[decision.number] = task
        return task

    def call_child(self, action: Mapping[str, Any]) -> Awaited:
        return self.child(action)

    def call_child_with_retry(self, action: Mapping[str, Any]) -> Awaited:
        return Retried(RetryOptions.of(dict(action)), lambda: self.child(action), self.timer, lambda: self.now)

    def child(self, action: Mapping[str, Any]) -> Awaited:
        name, instance = str(action["functionName"]), action.get("instanceId") or ""
        if name.casefold() not in self.known.orchestrators:
            raise OrchestrationFails(wording.unknown_function(name, "orchestrator", self.known.orchestrators.values()))
        if instance and instance.casefold() in (self.instance.casefold(), self.parent.casefold()):
            return finished(wording.CHILD_NAMED_AS_PARENT, failed=True)
        if instance.startswith("@"):
            return finished("instanceId", failed=True)
        number = self.number()
        target = instance.strip() or f"{self.execution}:{number}"
        return self.schedule(Decision("child", number, name, action.get("input"), target, action.get("version") or ""))

    def create_timer(self, action: Mapping[str, Any]) -> Awaited:
        task = self.timer(h.instant(action["fireAt"]))
        if action.get("isCanceled"):
            self.open = {number: each for number, each in self.open.items() if each is not task}
            task.finish(failed=True)
        return task

    def timer(self, fire_at: datetime) -> Awaited:
        return self.schedule(Decision("timer", self.number(), fire_at=fire_at))

    def wait_for_event(self, action: Mapping[str, Any]) -> Awaited:
        return self.wait(action["externalEventName"])

    def wait(self, name: str) -> Awaited:
        """Newest waiter first, oldest buffered event first; the case of names does not matter here, as it does in Python."""
        key = name.casefold()
        if self.buffered.get(key):
            return finished(self.buffered[key].popleft())
        task = Awaited()
        self.waiters[key].append(task)
        return task

    def continue_as_new(self, action: Mapping[str, Any]) -> Awaited:
        self.renewing = True
        self.renewed = json.dumps(action.get("input"), ensure_ascii=False, separators=(",", ":"))
        return finished()

    def any_of(self, action: Mapping[str, Any]) -> Awaited:
        return when_any([self.invoke(each) for each in action["compoundActions"]])

    def all_of(self, action: Mapping[str, Any]) -> Awaited:
        return when_all([self.invoke(each) for each in action["compoundActions"]])

    def call_entity(self, action: Mapping[str, Any]) -> Awaited:
        return self.wait(self.ask_entity(action, signal=False, due=None))

    def signal_entity(self, action: Mapping[str, Any]) -> Awaited:
        self.ask_entity(action, signal=True, due=None)
        return finished()

    def signal_entity_later(self, action: Mapping[str, Any]) -> Awaited:
        self.ask_entity(action, signal=True, due=action["fireAt"])
        return finished()

    def ask_entity(self, action: Mapping[str, Any], *, signal: bool, due: str | None) -> str:
        """Send an entity a request; answer the request's id, which is the name of the event that will answer it."""
        target = action["instanceId"]
        name, key = target[1:].split("@", 1)
        if name.casefold() not in self.known.entities:
            raise OrchestrationFails(wording.unknown_function(name, "entity", self.known.entities.values()))
        request, entity, given = str(self.guid()), f"@{name.lower()}@{key}", action.get("input")
        message = {"$type": REQUEST_TYPE, "op": action["operation"]}
        if signal:
            message["signal"] = True
        if given is not None:
            message["input"] = json.dumps(given, ensure_ascii=False, separators=(",", ":"))
        message |= {"id": request, "parent": self.instance, "parentExecution": self.execution}
        if due is not None:
            message["due"] = due
        sent, before = self.sent.label(entity, self.now) if due is None else (NEVER, NEVER)
        message |= {"Timestamp": sent, "Predecessor": before, "requestTime": f"{stamp(self.now)[:-1]}+00:00"}
        number = self.number()
        title, fire_at = ("op", None) if due is None else (f"op@{due}", h.instant(due))
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        self.made[number] = Decision("send", number, title, text, entity, fire_at=fire_at)
        return request

    def guid(self) -> uuid.UUID:
        name = f"{self.instance}_{h.stamp(self.now)}_{self.guids}"
        self.guids += 1
        return uuid.uuid5(uuid.NAMESPACE_URL, name)

    def call_http(self, action: Mapping[str, Any]) -> Awaited:
        request = action["httpRequest"]
        if why := wording.http_method_refused(str(request.get("method", "GET"))):
            raise OrchestrationFails(why)

        def send(asked: Mapping[str, Any]) -> Awaited:
            return self.activity(HTTP_ACTIVITY, json.dumps(asked))

        return HttpCall(request, send, self.timer, lambda: self.now)

    def python(self) -> str:
        """Where the SDK is, which may be far ahead."""
        if self.answer.state.get("error"):
            return "raised"
        if self.answer.state.get("isDone"):
            return "done"
        return "ahead" if self.position < len(self.groups) else "waits"

    def describe_waits(self, history: Sequence[h.Event]) -> Sequence[str]:
        """The actions that the list stands at; where it is through, what is still open; nothing at the end."""
        if self.ending is not None or self.awaiting is None:
            return ()
        if self.awaiting.done:
            return tuple(
                descriptions.open_task(number, self.made.get(number) or self.held.get(number), history) for number in sorted(self.open)
            ) or (descriptions.NOTHING,)
        return tuple(descriptions.describe(action) for action in self.groups[self.position - 1])

    def events_to_come(self) -> Sequence[str]:
        """The external events that the list stands at, as the app names them, without those of them that have come."""
        if self.ending is not None or self.awaiting is None or self.awaiting.done:
            return ()
        names = [name for action in self.groups[self.position - 1] for name in descriptions.event_names(action)]
        return tuple(name for name in names if self.waiters.get(name.casefold()))


_HANDLERS: Mapping[int, Callable[[Replay, h.Event], None]] = {
    h.EXECUTION_STARTED: Replay.on_started,
    h.EXECUTION_TERMINATED: Replay.on_terminated,
    h.TASK_SCHEDULED: Replay.on_task_scheduled,
    h.TASK_COMPLETED: Replay.on_completed,
    h.TASK_FAILED: Replay.on_failed,
    h.CHILD_CREATED: Replay.on_child_created,
    h.CHILD_COMPLETED: Replay.on_completed,
    h.CHILD_FAILED: Replay.on_failed,
    h.TIMER_CREATED: Replay.on_timer_created,
    h.TIMER_FIRED: Replay.on_fired,
    h.EVENT_SENT: Replay.on_event_sent,
    h.EVENT_RAISED: Replay.on_raised,
    h.EXECUTION_SUSPENDED: Replay.on_suspended,
    h.EXECUTION_RESUMED: Replay.on_resumed,
}

_ACTIONS: Mapping[int, Callable[[Replay, Mapping[str, Any]], Awaited]] = {
    0: Replay.call_activity,
    1: Replay.call_activity_with_retry,
    2: Replay.call_child,
    3: Replay.call_child_with_retry,
    4: Replay.continue_as_new,
    5: Replay.create_timer,
    6: Replay.wait_for_event,
    7: Replay.call_entity,
    8: Replay.call_http,
    9: Replay.signal_entity,
    10: Replay.signal_entity_later,
    11: Replay.any_of,
    12: Replay.all_of,
}
