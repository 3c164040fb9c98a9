"""Whatever people do, in whatever order: nothing recorded is lost, there is one outcome, and time needs no witness."""

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain import commands as c
from domain import facts as f
from domain.judge import decide, fold, next_due
from domain.people import Person
from domain.plan import Plan, StagePlan
from tests.unit.domain.world import (
    ANN,
    BEN,
    CEM,
    DIA,
    ELI,
    GREENLIGHT,
    HOUR,
    OPERATOR,
    REVIEWER,
    SUBMITTER,
    World,
    a_directory,
    a_revision,
    a_stage,
)  # fmt: skip

STAGES = st.lists(
    st.builds(
        a_stage,
        st.sampled_from([ANN, BEN]),
        st.just(CEM),
        needed=st.sampled_from([None, 1, 2]),
        veto=st.booleans(),
        deadline=st.sampled_from([20 * HOUR, 50 * HOUR]),
        reminders=st.sampled_from([(), (5 * HOUR, 15 * HOUR)]),
        on_expiry=st.sampled_from(["escalate", "reject", "expire", "approve"]),
        escalate_to=st.sampled_from([(), (DIA,)]),
        fallback=st.sampled_from([(), (ELI,)]),
    ),
    min_size=1,
    max_size=3,
)
WAITS = st.sampled_from([timedelta(0), timedelta(milliseconds=1), HOUR, 5 * HOUR, 20 * HOUR, 60 * HOUR])


class Course(RuleBasedStateMachine):
    """One proposal in the hands of people who do anything at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(a_directory())
        self.recorded: list[tuple[str, str]] = []

    def do(self, command: c.Command, actor: c.Actor, wait: timedelta) -> bool:
        """Wait, do, and compare with a world in which somebody looked at every due instant on the way."""
        before, at = self.world.review, self.world.now + wait
        watched: list[f.Fact] = []
        review = before
        while (due := next_due(review)) is not None and due < at:
            step = decide(review, c.LetTimePass(), GREENLIGHT, due, self.world.directory)
            watched += step.facts
            review = fold("prp-1", step.facts, review)
        watched += decide(review, command, actor, at, self.world.directory).facts
        judgement = self.world.do(command, actor, after=wait)
        assert list(judgement.facts) == watched, "time passes otherwise when nobody looks"
        if judgement.refusal or judgement.repeated:
            idle = decide(before, c.LetTimePass(), GREENLIGHT, at, self.world.directory)
            assert judgement.facts == idle.facts, "a refusal changed something"
            return False
        return True

    @precondition(lambda self: self.world.review.plan is None and not self.world.review.ended)
    @rule(stages=STAGES, wait=WAITS)
    def plan(self, stages: list[StagePlan], wait: timedelta) -> None:
        """The round is planned."""
        self.do(c.Report((f.Planned(self.world.review.round, Plan("p", tuple(stages))),)), GREENLIGHT, wait)

    @precondition(lambda self: bool(self.world.review.slots))
    @rule(data=st.data(), action=st.sampled_from(["approve", "approve", "reject", "abstain", "request_changes"]), wait=WAITS)
    def decide(self, data: st.DataObject, action: f.Action, wait: timedelta) -> None:
        """Anybody who ever got a link uses it."""
        slot = data.draw(st.sampled_from([slot.id for slot in self.world.review.slots]))
        if self.do(c.Decide(slot, action, "since"), REVIEWER, wait):
            self.recorded.append((slot, action))

    @precondition(lambda self: bool(self.world.review.slots))
    @rule(data=st.data(), to=st.sampled_from([ANN, BEN, DIA, ELI]), wait=WAITS)
    def delegate(self, data: st.DataObject, to: Person, wait: timedelta) -> None:
        """Or hands it on."""
        slot = data.draw(st.sampled_from([slot.id for slot in self.world.review.slots]))
        self.do(c.Delegate(slot, to), REVIEWER, wait)

    @rule(number=st.integers(0, 2), wait=WAITS)
    def revise(self, number: int, wait: timedelta) -> None:
        """The submitter revises."""
        self.do(a_revision(payload_hash=f"payload {number}"), SUBMITTER, wait)

    @rule(wait=WAITS, hours=st.integers(0, 80), kind=st.sampled_from(["suspend", "resume", "remind", "extend", "add"]))
    def operate(self, wait: timedelta, hours: int, kind: str) -> None:
        """An operator acts."""
        commands: dict[str, c.Command] = {
            "suspend": c.Suspend("x"),
            "resume": c.Resume("x"),
            "remind": c.Remind(),
            "extend": c.Extend(self.world.now + hours * HOUR, "x"),
            "add": c.Add(0, ELI, "x"),
        }
        self.do(commands[kind], OPERATOR, wait)

    @precondition(lambda self: self.world.review.number > 12)
    @rule(command=st.sampled_from([c.Withdraw("x"), c.Cancel("x"), c.Override("approved", "x")]))
    def end(self, command: c.Command) -> None:
        """Somebody ends it."""
        self.do(command, SUBMITTER if isinstance(command, c.Withdraw) else OPERATOR, timedelta(0))

    @invariant()
    def no_decision_is_lost_or_invented(self) -> None:
        """What was answered as recorded stands in the trail, once, and nothing else does."""
        assert [(x.body.slot, x.body.action) for x in self.world.trail if isinstance(x.body, f.Decided)] == self.recorded

    @invariant()
    def there_is_one_outcome_and_it_stays(self) -> None:
        """The end is the last word of the review."""
        ends = [fact.body.outcome for fact in self.world.trail if isinstance(fact.body, f.Concluded)]
        assert ends == ([self.world.review.outcome] if self.world.review.ended else [])
        assert not (self.world.review.ended and self.world.review.open_slots())

    @invariant()
    def nothing_waits_in_silence(self) -> None:
        """In review, somebody is asked and a deadline runs, or it is on hold."""
        review = self.world.review
        if review.status == "in_review" and not review.hold:
            assert review.open_slots()
            assert next_due(review) is not None


TestCourse = Course.TestCase
TestCourse.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
