"""The names that two sides must agree on: orchestrators, activities, external events. The only domain module an orchestrator imports."""

APPROVAL = "approval"

ADVANCE = "advance"
VALIDATE = "validate"
ASSESS = "assess"
PLAN = "plan"
NOTIFY = "notify"
FOLLOW_UP = "follow_up"

ACTIVITIES = frozenset({ADVANCE, VALIDATE, ASSESS, PLAN, NOTIFY, FOLLOW_UP})
ORCHESTRATORS = frozenset({APPROVAL})

_FACT_EVENT = "fact-"


def fact_event(number: int) -> str:
    """The external event that announces fact `number`: waited for once, raised for one purpose (durable.md A1)."""
    if number < 1:
        raise ValueError(f"facts are numbered from 1, not {number}")
    return f"{_FACT_EVENT}{number}"


def fact_number(event: str) -> int:
    """The inverse of `fact_event`. Raises ValueError for any other name."""
    if not event.startswith(_FACT_EVENT):
        raise ValueError(f"{event!r} announces no fact")
    return int(event.removeprefix(_FACT_EVENT))
