"""The order of messages to entities: the extension's MessageSorter, which delivers each once and after the one sent before it.

Whoever sends puts on each message its own stamp and that of the message sent to the same entity before; the entity remembers the last
stamp of each sender for half an hour. What it remembers is part of its state, in the form of MessageSorter.cs of the Durable extension.

Stamps are .NET's: seven decimals less the zeros at the end, a `Z` unless the instant was counted on from another.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from standalone.engine import history as h

Message = Mapping[str, Any]

_EXTENSION = "Microsoft.Azure.WebJobs.Extensions.DurableTask"
REQUEST_TYPE = f"{_EXTENSION}.RequestMessage, {_EXTENSION}"
RESPONSE_TYPE = f"{_EXTENSION}.ResponseMessage, {_EXTENSION}"
NEVER = "0001-01-01T00:00:00"
_FIRST = datetime.fromisoformat(NEVER)
WINDOW = timedelta(minutes=30)  # host.json's default of entityMessageReorderWindowInMinutes
BETWEEN_SWEEPS = timedelta(seconds=10)


def stamp(instant: datetime) -> str:
    """An instant as .NET writes it."""
    return f"{h.stamp(instant)[:-1].rstrip('0').rstrip('.')}Z"


def ticks(text: str) -> int:
    """A stamp in tenths of microseconds since the year 1."""
    seconds, _, fraction = text.rstrip("Z").partition(".")
    return int((datetime.fromisoformat(seconds) - _FIRST) / timedelta(seconds=1)) * 10_000_000 + int(fraction.ljust(7, "0") or 0)


def _text(count: int, *, utc: bool) -> str:
    seconds, fraction = divmod(count, 10_000_000)
    text = (_FIRST + timedelta(seconds=seconds)).isoformat()
    decimals = f".{fraction:07}".rstrip("0").rstrip(".")
    return text + decimals + ("Z" if utc else "")


def _earlier(text: str, by: timedelta) -> str:
    return _text(ticks(text) - by // timedelta(microseconds=1) * 10, utc=text.endswith("Z"))


class Sent:
    """What an orchestration has sent to entities: the last stamp for each."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}
        self._horizon = datetime.min.replace(tzinfo=UTC)

    def label(self, entity: str, now: datetime) -> tuple[str, str]:
        """The stamp of a message to `entity`, and that of the one before."""
        if self._horizon + WINDOW + BETWEEN_SWEEPS < now:
            self._horizon = now - WINDOW
            horizon = ticks(stamp(self._horizon))
            self._last = {known: last for known, last in self._last.items() if ticks(last) >= horizon}
        before, made = self._last.get(entity, NEVER), stamp(now)
        if ticks(made) <= ticks(before):
            made = _text(ticks(before) + 1, utc=False)
        self._last[entity] = made
        return made, before


class Received:
    """What an entity has received: the last stamp of each sender, and what waits for a message before it."""

    def __init__(self, stored: Mapping[str, Any]) -> None:
        self._senders: dict[str, dict[str, Any]] = {name: dict(kept) for name, kept in stored.get("ReceivedFromInstance", {}).items()}
        self._horizon: str = stored.get("ReceiveHorizon", NEVER)

    def stored(self) -> dict[str, Any]:
        """As it is kept in the entity's state."""
        kept: dict[str, Any] = {}
        if self._senders:
            kept["ReceivedFromInstance"] = self._senders
        if self._horizon != NEVER:
            kept["ReceiveHorizon"] = self._horizon
        return kept

    def take(self, message: Message) -> list[Message]:
        """What is to be done now that `message` has come: in order, nothing twice. A client's messages take no part in the order."""
        sender, sent = message.get("parent"), message.get("Timestamp", NEVER)
        if sender is None or sent == NEVER:
            return [message]
        ready = self._sweep(sent)
        if ticks(sent) < ticks(self._horizon):
            return [*ready, message]
        execution = message.get("parentExecution")
        fresh = {"Last": NEVER} if execution is None else {"Last": NEVER, "ExecutionId": execution}
        kept = self._senders.setdefault(sender, fresh)
        if kept.get("ExecutionId") != execution:
            ready += kept.get("Buffered", {}).values()
            self._senders[sender] = kept = fresh
        before = ticks(message.get("Predecessor", NEVER))
        if ticks(sent) <= ticks(kept["Last"]):
            return ready
        if before > ticks(kept["Last"]) and before >= ticks(self._horizon):
            kept["Buffered"] = dict(sorted({**kept.get("Buffered", {}), sent: message}.items(), key=lambda entry: ticks(entry[0])))
            return ready
        kept["Last"] = sent
        return [*ready, message, *self._released(kept)]

    def _sweep(self, sent: str) -> list[Message]:
        """Now and then: forget senders of whom nothing came for long, and stop to wait for what never came."""
        if ticks(self._horizon) + (WINDOW + BETWEEN_SWEEPS) // timedelta(microseconds=1) * 10 >= ticks(sent):
            return []
        self._horizon = _earlier(sent, WINDOW)
        ready: list[Message] = []
        for sender, kept in list(self._senders.items()):
            if ticks(kept["Last"]) < ticks(self._horizon):
                kept["Last"] = NEVER
            ready += self._released(kept)
            if kept["Last"] == NEVER and not kept.get("Buffered"):
                del self._senders[sender]
        return ready

    def _released(self, kept: dict[str, Any]) -> list[Message]:
        """What no longer waits for a message before it."""
        ready: list[Message] = []
        waiting = kept.get("Buffered") or {}
        for sent, message in list(waiting.items()):
            before = ticks(message["Predecessor"])
            if before > ticks(kept["Last"]) and before >= ticks(self._horizon):
                break
            ready.append(waiting.pop(sent))
            kept["Last"] = sent if ticks(sent) >= ticks(self._horizon) else NEVER
        return ready
