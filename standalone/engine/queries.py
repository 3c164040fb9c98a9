"""Pages of instances: oldest or newest first, or by id where a prefix is given. A page costs what it shows, by index, not the table."""

import base64
import json
from heapq import merge
from typing import Any

from standalone.contracts import InstancePage, InstanceQuery
from standalone.engine import presentation
from standalone.engine.orchestration import microseconds
from standalone.engine.store import Row, Store

LARGEST_PAGE = 1000  # Azure Tables'


def page(store: Store, query: InstanceQuery) -> InstancePage:
    """One page and the token of the next."""
    top = max(0, min(query.top, LARGEST_PAGE))
    rows = _rows(store, query, top + 1, _position(query.continuation))
    shown = rows[:top]
    more = len(rows) > top
    token = _token(query, shown[-1]) if more and shown else query.continuation or _START if more else None
    return InstancePage([presentation.status(row, store.beginning(row.n)) for row in shown if not presentation.is_unborn(row)], token)


def all_matching(store: Store, query: InstanceQuery) -> list[Row]:
    """Everything that matches."""
    return _rows(store, query, -1, None)


_START = base64.urlsafe_b64encode(b"[]").decode()


def _token(query: InstanceQuery, last: Row) -> str:
    position = [last.id] if query.id_prefix else [last.created, last.n]
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def _position(token: str | None) -> list[Any] | None:
    """Where a page begins. A token that is none of ours begins at the start, as the real engine ignores what it cannot read."""
    if not token:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(token.encode()))
    except ValueError:
        return None
    return found if isinstance(found, list) and found else None


def _rows(store: Store, query: InstanceQuery, limit: int, after: list[Any] | None) -> list[Row]:
    conditions, arguments = ["created >= ?", "created <= ?"], [
        microseconds(query.created_from) if query.created_from else 0,
        microseconds(query.created_to) if query.created_to else 1 << 62,
    ]  # fmt: skip
    if query.id_prefix:
        return _by_id(store, query, limit, after, conditions, arguments)
    order = "DESC" if query.newest_first else "ASC"
    if after and len(after) == 2:
        conditions.append(f"(created, n) {'<' if query.newest_first else '>'} (?, ?)")
        arguments += after
    lists = []
    for status in sorted(query.statuses) or [""]:
        here = [*conditions, "status = ?"] if status else conditions
        sql = f"WHERE {' AND '.join(here)} ORDER BY created {order}, n {order} LIMIT ?"
        lists.append(store.select(sql, [*arguments, *([status] if status else []), limit]))
    found = list(merge(*lists, key=lambda row: (row.created, row.n), reverse=query.newest_first))
    return found if limit < 0 else found[:limit]


def _by_id(
    store: Store, query: InstanceQuery, limit: int, after: list[Any] | None, conditions: list[str], arguments: list[Any]
) -> list[Row]:
    prefix = query.id_prefix or ""
    conditions = ["id >= ?", "id < ?", *conditions]
    arguments = [prefix, prefix + "\U0010ffff", *arguments]
    if after and len(after) == 1:
        conditions.append("id > ?")
        arguments.append(after[0])
    if query.statuses:
        conditions.append(f"status IN ({','.join('?' * len(query.statuses))})")
        arguments += sorted(query.statuses)
    return store.select(f"WHERE {' AND '.join(conditions)} ORDER BY id LIMIT ?", [*arguments, limit])
