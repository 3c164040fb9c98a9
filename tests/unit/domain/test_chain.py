"""Facts as JSON, chained by hash."""

import json
from typing import Any, get_args

from domain import chain
from domain import commands as c
from domain.facts import Body
from tests.unit.domain.world import ANN, BEN, DAY, DIA, OPERATOR, SUBMITTER, World, a_revision, a_stage, in_review


def a_long_way() -> World:
    """A trail with most kinds of facts."""
    world = in_review(a_stage(ANN, BEN, needed=2, reminders=(DAY,), on_expiry="escalate", escalate_to=(DIA,)))
    world.do(c.Extend(world.now + 6 * DAY, "holidays"), OPERATOR)
    world.do(c.Suspend("freeze"), OPERATOR, after=2 * DAY)
    world.do(c.Resume("thaw"), OPERATOR, after=DAY)
    world.pass_time(6 * DAY)
    world.says("r1s1p1", "request_changes", "größer, bitte")
    world.do(a_revision(), SUBMITTER)
    world.do(c.Withdraw(), SUBMITTER)
    return world


def chained(world: World) -> tuple[list[dict[str, Any]], list[str]]:
    """Encoded facts and their hashes."""
    encoded = [chain.encode(fact) for fact in world.trail]
    hashes = [chain.link(chain.ROOT, encoded[0])]
    for fact in encoded[1:]:
        hashes.append(chain.link(hashes[-1], fact))
    return encoded, hashes


def plain(value: Any) -> bool:
    """Only what reads the same everywhere: no float among it."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and plain(each) for key, each in value.items())
    return all(map(plain, value)) if isinstance(value, list) else value is None or isinstance(value, (str, bool, int))


def test_a_fact_is_the_same_after_json() -> None:
    """Decimals, instants and durations come back exactly."""
    for fact in a_long_way().trail:
        encoded = chain.encode(fact)
        assert plain(encoded)
        assert chain.decode(json.loads(json.dumps(encoded))) == fact


def test_a_newer_versions_field_is_ignored() -> None:
    """Old code reads new trails."""
    fact = a_long_way().trail[0]
    encoded = chain.encode(fact)
    assert chain.decode({**encoded, "more": 1, "body": {**encoded["body"], "colour": "red"}}) == fact


def test_every_kind_of_body_can_be_read() -> None:
    """A fact that is written must never be unreadable."""
    assert len(chain.BODIES) == len(get_args(Body))


def test_the_first_broken_fact_is_named() -> None:
    """Whatever was changed, left out or moved."""
    encoded, hashes = chained(a_long_way())
    assert chain.verify(encoded, hashes) is None
    for position, fact in enumerate(encoded):
        changed = [*encoded[:position], {**fact, "at": "2026-01-01T00:00:00+00:00"}, *encoded[position + 1 :]]
        assert chain.verify(changed, hashes) == position + 1
    assert chain.verify([*encoded[:3], *encoded[4:]], [*hashes[:3], *hashes[4:]]) == 4
    assert chain.verify(encoded[:-1], hashes) == len(encoded)
    assert chain.verify(encoded, hashes[:-1]) == len(encoded)
