"""The state diagram of docs/rules.md shows what the rules do: no arrow too few, none too many."""

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from domain import commands as c
from domain import facts as f
from domain.judge import fold
from tests.unit.domain.world import ANN, BEN, DAY, OPERATOR, SUBMITTER, World, a_revision, a_stage

PAGE = Path(__file__).parents[3] / "docs" / "rules.md"


def received() -> World:
    """Just submitted."""
    return World()


def validating() -> World:
    """One check has reported."""
    world = World()
    world.do(c.Report((f.Validated(1, "check", (), refused=False),)))
    return world


def in_review() -> World:
    """Ann and Ben are asked."""
    return World().plan(a_stage(ANN, BEN, on_expiry="expire"))


def changes_requested() -> World:
    """Ann wants changes."""
    world = in_review()
    world.says("r1s1p1", "request_changes")
    return world


def plan(world: World) -> object:
    """The plan is reported."""
    return world.plan(a_stage(ANN))


MOVES: list[Callable[[World], object]] = [
    plan,
    lambda world: world.do(c.Report((f.Validated(1, "first", (), refused=False),))),
    lambda world: world.do(c.Report((f.Validated(1, "second", (), refused=True),))),
    lambda world: world.says("r1s1p1", "approve"),
    lambda world: [world.says("r1s1p1", "reject"), world.says("r1s1p2", "reject")],
    lambda world: world.says("r1s1p1", "request_changes"),
    lambda world: world.do(a_revision(), SUBMITTER),
    lambda world: world.do(c.Withdraw(), SUBMITTER),
    lambda world: world.do(c.Cancel("x"), OPERATOR),
    lambda world: world.do(c.Override("approved", "x"), OPERATOR),
    lambda world: world.do(c.Override("rejected", "x"), OPERATOR),
    lambda world: world.pass_time(30 * DAY),
]


def done() -> set[tuple[str, str]]:
    """Every change of status that the rules make, tried from each status with each move."""
    seen: set[tuple[str, str]] = set()
    for begin in (received, validating, in_review, changes_requested):
        for move in MOVES:
            world = begin()
            move(world)
            statuses = [fold("prp-1", world.trail[:count]).status for count in range(1, len(world.trail) + 1)]
            seen |= {(one, other) for one, other in pairwise(statuses) if one != other}
    return seen


def drawn() -> set[tuple[str, str]]:
    """The arrows of the page."""
    diagram = PAGE.read_text(encoding="utf-8").partition("```mermaid")[2].partition("```")[0]
    return {(one, other) for one, other in re.findall(r"^ *(\w+) --> (\w+)", diagram, re.MULTILINE)}


def test_the_diagram_shows_exactly_what_the_rules_do() -> None:
    """A reader plans by it."""
    assert drawn() == done()
