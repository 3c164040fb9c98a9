"""Why an instance stands still, in words: from where Python stands and where the engine stands, which need not be the same place."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from standalone.contracts import Asked, Inspection, InstanceStatus, Place, Whereabouts
from standalone.engine import history as h
from standalone.engine.orchestration import ENDED

MOST_NAMED = 6  # parts of a fan-out that a sentence names
_NOUNS = {
    "activity": "the activity",
    "child": "the sub-orchestration",
    "event": "the event",
    "entity": "the entity operation",
    "http": "HTTP",
}

ORDER = "The engine takes up what Python asks for one after the other, and schedules nothing before all that was asked for earlier is done."
NO_END = "An instance cannot end, fail or continue as new while a timer, an activity or a sub-orchestration of it is open."
ADVICE = "In the code: never yield a task that is done together with new ones, and cancel a timer before anything else is yielded."
CANCEL = "In the code: cancel a timer as soon as it has lost its race."
AWAIT = "In the code: an activity or a sub-orchestration cannot be called off. Race none, and await whatever is started."
ELSEWHERE = (
    "What came went to another task of the code: a task counts for the compound that it was given to last, and a new task that occurs "
    "twice in what is yielded is scheduled twice. In the code: give each task to one compound, once."
)
SPELLING = "Names of events are compared letter by letter in Python, and without regard to case in the engine."
EDITED = (
    "A file was edited after the host had loaded it: the line numbers are those of the code that runs. Start the host again to run the new."
)


@dataclass(frozen=True)
class Row:
    """One thing that is open: what it is, how it stands, since when, and when it is due."""

    what: Asked
    state: str


@dataclass(frozen=True)
class Explanation:
    """`lead` is the answer in a sentence, `places` the lines that it speaks of; `stuck`: Python and the engine do not stand at the same."""

    lead: str
    places: Sequence[tuple[str, Place]] = ()
    stuck: bool = False
    notes: Sequence[str] = ()
    rows: Sequence[Row] = field(default_factory=list)
    failure: str = ""  # of one that failed: what and, where it is told, its stack


def explain(found: InstanceStatus, seen: Inspection, now: datetime) -> Explanation:
    """Why the instance stands where it does; what failed it, when it has ended."""
    whereabouts = seen.whereabouts
    if found.runtime_status in ENDED:
        return _ended(found, whereabouts)
    notes = _notes(seen)
    if found.runtime_status == "Pending" and not seen.events:
        return Explanation("It has not begun.", stuck=bool(notes), notes=notes or ["It waits for a worker to run it for the first time."])
    if whereabouts is None or (whereabouts.differs and not whereabouts.place):
        last = in_short(found)
        return Explanation(
            f"When it last ran, it came to stand at {last}." if last else "It has not come to stand yet.", stuck=True, notes=notes
        )
    told = _suspended(whereabouts, seen.events, now) if found.runtime_status == "Suspended" else _where_it_stands(whereabouts, now)
    stuck = told.stuck or bool(whereabouts.differs)
    return replace(told, stuck=stuck, notes=[*told.notes, *notes], rows=rows(whereabouts, seen.events))


def in_short(found: InstanceStatus) -> str:
    """Where an instance stood after its last episode, or what failed it: a line, without a look at its code."""
    if found.runtime_status == "Failed":
        return first_line(str(json.loads(found.output_json or '""')))
    if found.runtime_status in ENDED or found.standing is None:
        return ""
    python = {"ahead": "Python has gone on", "done": "Python is done", "raised": "Python has raised"}.get(found.standing.python)
    return first_line((f"{python}; the engine waits for " if python else "") + " or ".join(found.standing.engine))


def _ended(found: InstanceStatus, whereabouts: Whereabouts | None) -> Explanation:
    lead = f"{_ENDS.get(found.runtime_status, found.runtime_status)} after {span(found.last_updated - found.created)}"
    if found.runtime_status == "Terminated":
        reason = json.loads(found.output_json or "null")
        return Explanation(f"{lead}: {reason}." if reason else f"{lead}.")
    if found.runtime_status != "Failed":
        return Explanation(f"{lead}.")
    failure = failed_with(str(json.loads(found.output_json or '""')))
    if whereabouts is None or whereabouts.python != "raised" or not whereabouts.place:
        return Explanation(f"{lead}.", failure=failure)
    notes = [EDITED] if whereabouts.edited else []
    return Explanation(f"{lead}, at {at(whereabouts.place)}.", [("It was raised at", whereabouts.place)], notes=notes, failure=failure)


_ENDS = {"Completed": "It completed", "Failed": "It failed", "Terminated": "It was terminated"}


def failed_with(output: str) -> str:
    """A failure's message, and the stack that the SDK's exceptions hold in the JSON behind a blank, a newline and a blank."""
    message, _, details = output.partition(" \n {")
    stack = stack_of("{" + details) if details else None
    return output if stack is None else f"{message.strip()}\n\n{stack}".rstrip()


def stack_of(details: str) -> str | None:
    """The stack in the details of a failure, which are a .NET exception as JSON; None where they are anything else."""
    try:
        exception = json.loads(details)
    except ValueError:
        return None
    if not isinstance(exception, dict) or "ClassName" not in exception:
        return None
    inner = exception.get("InnerException") or {}
    return str(exception.get("RemoteStackTraceString") or inner.get("RemoteStackTrace") or "").rstrip()


def _notes(seen: Inspection) -> list[str]:
    notes = [seen.trouble] if seen.trouble else []
    whereabouts = seen.whereabouts
    if whereabouts is not None:
        if whereabouts.differs:
            notes.append(f"The code no longer does what this history says: when the instance goes on, it will {whereabouts.differs}")
            notes += [f"It cannot be run: {whereabouts.error}"] if whereabouts.error and whereabouts.python != "raised" else []
        if whereabouts.edited:
            notes.append(EDITED)
        if whereabouts.unclaimed:
            spelled = ", ".join(f"“{name}”" for name in whereabouts.unclaimed)
            notes.append(f"Came, and nothing in the code has asked for it so far: {spelled}. {SPELLING}")
    return notes


def _where_it_stands(s: Whereabouts, now: datetime) -> Explanation:
    python = {"done": "Python is done", "raised": f"Python is through, it raised “{first_line(s.error)}”"}.get(s.python, "")
    engine = " or ".join(words(each, now) for each in s.awaited)
    where = place_of(s.awaited or s.left_open)
    places = [({"done": "Python’s last yield", "raised": "Python raised at"}.get(s.python, "Python stands at"), s.place)]
    both = places if where == s.place else [*places, ("The engine waits for what was asked for at", where)]
    if s.awaited and python:
        return Explanation(f"{python}; the engine waits for {engine} of {at(where)}.", both, True, [f"{ORDER} {NO_END}", ADVICE])
    if s.awaited and s.behind:
        lead = f"Python has gone on to {at(s.place)}; the engine still waits for {engine} of {at(where)}."
        return Explanation(lead, both, True, [ORDER, ADVICE])
    if python and s.left_open:
        left_over = listed(f"{words(each, now)} of {at(each.place)}" for each in s.left_open)
        verb = "is" if len(s.left_open) == 1 else "are"
        return Explanation(
            f"{python}; the engine waits for {left_over}, which {verb} still open.", both, True, [NO_END, *_advice(s.left_open)]
        )
    if s.wanted is not None and not (s.awaited or s.left_open):
        lead = f"Python waits for {words(s.wanted, now)}; for the engine all has come that it was asked for."
        return Explanation(lead, places, True, [] if s.unclaimed else [ELSEWHERE])
    if s.wanted is not None:
        return Explanation(f"It waits for {words(s.wanted, now)}.", [("", s.place)])
    return Explanation(f"It waits for {engine}." if engine else "It is on its way: look again.", [("", s.place)])


def _advice(left_open: Sequence[Asked]) -> Sequence[str]:
    """What would have kept these from being left open."""
    kinds = {each.kind for each in left_open}
    return [*([CANCEL] if "timer" in kinds else []), *([AWAIT] if kinds - {"timer"} else [])]


def _suspended(s: Whereabouts, events: Sequence[Mapping[str, Any]], now: datetime) -> Explanation:
    """Python runs on with what comes, and nothing that it asks for is scheduled before the resume."""
    last: Mapping[str, Any] = next((each for each in reversed(events) if each["EventType"] == h.EXECUTION_SUSPENDED), {})
    since = f" for {span(now - h.instant(last['Timestamp']))}" if last else ""
    reason = f" (“{last['Reason']}”)" if last.get("Reason") else ""
    under = _where_it_stands(s, now)
    ahead = " Python has gone on with what came; the engine takes it up when it is resumed." if under.stuck else ""
    waits = " or ".join(words(each, now) for each in s.awaited)
    lead = f"It has been suspended{since}{reason}" + (f", while it waits for {waits}." if waits else ".") + ahead
    return Explanation(lead, under.places, True)


def rows(s: Whereabouts, events: Sequence[Mapping[str, Any]]) -> Sequence[Row]:
    """All that is open, each once: awaited, left open, asked for, and cancelled timers that have not fired."""
    told: dict[tuple[str, str, Any], Row] = {}

    wanted = list(leaves(s.wanted)) if s.wanted else []
    long = [leaf.place for leaf in wanted if leaf.kind == "timer" and not leaf.numbers]  # the engine knows its steps only

    def tell(things: Iterable[Asked], state: str) -> None:
        for leaf in (leaf for each in things for leaf in leaves(each)):
            if not (leaf.done or leaf.cancelled):
                step = leaf.kind == "timer" and leaf.numbers and leaf.place in long
                told.setdefault(
                    (leaf.kind, leaf.name, tuple(leaf.numbers) or leaf.since), Row(leaf, f"{state}, a step on the way" if step else state)
                )

    tell(s.awaited, "awaited")
    tell(s.left_open, "open")
    tell(s.behind, "not scheduled yet")
    tell(wanted, "awaited by Python")
    fired = {each["TimerId"] for each in events if each["EventType"] == h.TIMER_FIRED}
    ghosts = [each for each in s.asked if each.cancelled and each.numbers and not fired.issuperset(each.numbers)]
    return [*told.values(), *(Row(each, "cancelled; wakes it once more") for each in ghosts)]


def leaves(asked: Asked) -> Iterable[Asked]:
    """What a compound consists of, or the thing itself."""
    if asked.kind not in ("any", "all"):
        yield asked
    for part in asked.parts:
        yield from leaves(part)


def words(asked: Asked, now: datetime) -> str:
    """What is waited for."""
    if asked.kind in ("any", "all"):
        return _several(asked, now)
    if asked.kind == "timer":
        return f"a timer until {when(asked.due)}{left(asked.due, now)}" if asked.due else "a timer"
    told = f"{_NOUNS.get(asked.kind, asked.kind)} “{asked.name}”"
    if asked.attempts and asked.due:
        return f"{told}, which has failed {times(asked.attempts)} and is tried again {when(asked.due)}{left(asked.due, now)}"
    return f"{told} (attempt {asked.attempts})" if asked.attempts > 1 else told


def _several(asked: Asked, now: datetime) -> str:
    still = [part for part in asked.parts if not part.done]
    if len(asked.parts) == 1 or (asked.kind == "all" and len(still) == 1 and len(asked.parts) <= 2):
        return words((still or asked.parts)[0], now)
    if asked.kind == "any":
        return listed((words(part, now) for part in asked.parts), "or")
    done = len(asked.parts) - len(still)
    progress = f", of which {done} {'is' if done == 1 else 'are'} done" if done else ""
    return f"all of {len(asked.parts)}{progress}" + (f": {listed(words(part, now) for part in still)}" if still else "")


def listed(things: Iterable[str], conjunction: str = "and") -> str:
    """A list in words, cut where it grows long."""
    told = [f"{count} × {each}" if count > 1 else each for each, count in Counter(things).items()]
    if len(told) > MOST_NAMED:
        told = [*told[: MOST_NAMED - 1], f"{len(told) - MOST_NAMED + 1} more"]
    return f" {conjunction} ".join(filter(None, [", ".join(told[:-1]), *told[-1:]]))


def place_of(things: Sequence[Asked]) -> Place:
    """The place of the first of them that is not done."""
    found = [leaf.place for each in things for leaf in leaves(each) if leaf.place and not leaf.done]
    return next(iter(found or [each.place for each in things if each.place]), ())


def at(place: Place) -> str:
    """A place in a sentence."""
    return f"{place[-1].file}, line {place[-1].number}" if place else "a line that is not known"


def times(count: int) -> str:
    """How often."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def first_line(text: str) -> str:
    """A text's first line, not too long."""
    line = text.strip().split("\n", 1)[0]
    return line if len(line) <= 200 else f"{line[:199]}…"


def when(instant: datetime | None) -> str:
    """An instant as the pages show it."""
    return instant.strftime("%a %d %b %Y, %H:%M:%S UTC") if instant else "–"


def left(due: datetime | None, now: datetime) -> str:
    """How long it is until then, in brackets."""
    return "" if due is None else f" (in {span(due - now)})" if due > now else " (now)"


def span(length: timedelta) -> str:
    """A length of time in its two largest units; below a minute with a decimal, below a second in milliseconds."""
    seconds = max(length.total_seconds(), 0.0)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    days, hours, minutes = whole // 86_400, whole // 3_600 % 24, whole // 60 % 60
    told = [f"{days:,} d" if days else "", f"{hours} h" if hours else "", f"{minutes} min" if minutes else "", f"{whole % 60} s"]
    begin = next(place for place, each in enumerate(told) if each)
    return " ".join(each for each in told[begin : begin + 2] if each and each != "0 s")
