"""Policies: data that says who must approve what, by when. Parsed strictly; a proposal is always routed.

A policy file holds `[people.ID]`, `[roles]`, and `[[policy]]` entries in order: the first that matches is taken, and the last
must match everything.
"""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, EmailStr, Field, TypeAdapter, field_validator, model_validator

from domain.facts import Finding, Money
from domain.judgement import Directory
from domain.people import Person
from domain.plan import OnExpiry, Plan, StagePlan

RULE = "greenlight.plan"
MOST_STAGES = 10
MOST_PEOPLE = 30
LONGEST_DURATION = timedelta(days=3653)
"""Ten years: no approval needs more, and calendars end somewhere."""
_ISO_DURATION = re.compile(r"^P(?=.)(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?$")
_SECONDS = TypeAdapter(timedelta)


def _duration(value: Any) -> timedelta:
    """An ISO 8601 duration of weeks, days, hours, minutes and seconds. Months and years have no length of their own."""
    if not isinstance(value, str) or not _ISO_DURATION.match(value):
        raise ValueError(f'{value!r} is no duration such as "P5D", "PT72H" or "PT20S" (months and years are not allowed)')
    length = _SECONDS.validate_python(value)
    if not timedelta(0) < length <= LONGEST_DURATION:
        raise ValueError(f"a duration must be longer than nothing and at most P{LONGEST_DURATION.days}D")
    return length


Duration = Annotated[timedelta, BeforeValidator(_duration)]
PersonOrRole = Annotated[str, Field(min_length=1, max_length=100)]
Action = Literal["approve", "reject", "request_changes", "abstain"]


class Strict(BaseModel):
    """Unknown fields are typing errors of whoever wrote the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PersonEntry(Strict):
    """Somebody of the directory. `aliases` are further addresses of the same natural person."""

    name: str = Field(min_length=1, max_length=200)
    email: EmailStr
    aliases: list[EmailStr] = []
    active: bool = True


class Match(Strict):
    """What a policy is for. Everything given must fit; nothing given fits all. A limit in another currency needs `rates`."""

    categories: list[str] = []
    departments: list[str] = []
    above: Decimal | None = Field(default=None, ge=0)
    up_to: Decimal | None = Field(default=None, ge=0)
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")

    @model_validator(mode="after")
    def _limit_names_its_currency(self) -> "Match":
        if (self.above is not None or self.up_to is not None) and self.currency is None:
            raise ValueError('a limit names its currency: add currency = "EUR"')
        if self.currency is not None and self.above is None and self.up_to is None:
            raise ValueError("a currency belongs to a limit: add above or up_to, or leave it out")
        return self

    @property
    def everything(self) -> bool:
        """Whether it fits all proposals."""
        return not (self.categories or self.departments) and self.above is None and self.up_to is None


class StageEntry(Strict):
    """One stage. Reminders are counted from its opening; each must come before the deadline."""

    name: str = Field(min_length=1, max_length=100)
    reviewers: list[PersonOrRole] = Field(min_length=1, max_length=MOST_PEOPLE)
    rule: str = Field(default="all", pattern=r"^(any|all|[1-9]\d? of [1-9]\d?)$")
    veto: bool = False
    deadline: Duration
    reminders: list[Duration] = Field(default=[], max_length=3)
    escalate_to: list[PersonOrRole] = []
    on_expiry: OnExpiry = "expire"
    allow_silent_approval: bool = False
    fallback: list[PersonOrRole] = []
    comment_required: list[Action] = ["reject", "request_changes"]
    may_delegate: bool = True
    show_others: bool = True

    @model_validator(mode="after")
    def _fits_together(self) -> "StageEntry":
        if any(reminder >= self.deadline for reminder in self.reminders):
            raise ValueError("a reminder must come before the deadline")
        if self.on_expiry == "escalate" and not self.escalate_to:
            raise ValueError('on_expiry = "escalate" needs escalate_to')
        if self.on_expiry == "approve" and not self.allow_silent_approval:
            raise ValueError('on_expiry = "approve" needs allow_silent_approval = true')
        if " of " in self.rule:
            needed, people = map(int, self.rule.split(" of "))
            if needed > people:
                raise ValueError(f"{self.rule}: more approvals than people")
        return self


class PolicyEntry(Strict):
    """A policy: what it is for, and its stages."""

    name: str = Field(min_length=1, max_length=100)
    match: Match = Match()
    stages: list[StageEntry] = Field(min_length=1, max_length=MOST_STAGES)
    revision_deadline: Duration = timedelta(days=14)
    restart: Literal["changed", "all"] = "changed"


class Rates(Strict):
    """The company's own rates: what one unit of a currency is worth in `base`, as of a day."""

    base: str = Field(pattern=r"^[A-Z]{3}$")
    as_of: date
    units: dict[Annotated[str, Field(pattern=r"^[A-Z]{3}$")], Annotated[Decimal, Field(gt=0)]]

    def convert(self, money: Money, currency: str) -> Decimal | None:
        """The amount in another currency, None without a rate."""
        worth = {self.base: Decimal(1), **self.units}
        if money.currency not in worth or currency not in worth:
            return None
        return money.amount * worth[money.currency] / worth[currency]


def mailbox(email: str) -> str:
    """An address without case and `+tag`: what two addresses of one mailbox have in common."""
    local, _, domain = email.casefold().partition("@")
    return f"{local.partition('+')[0]}@{domain}"


class Policies(Strict):
    """A whole policy file."""

    policy: list[PolicyEntry] = Field(min_length=1)
    people: dict[str, PersonEntry] = {}
    roles: dict[str, list[str]] = {}
    mail_domains: list[str] = []
    rates: Rates | None = None

    @field_validator("mail_domains")
    @classmethod
    def _domains_are_lower_case(cls, domains: list[str]) -> list[str]:
        return [domain.casefold().lstrip("@") for domain in domains]

    @model_validator(mode="after")
    def _names_are_known(self) -> "Policies":
        if not self.policy[-1].match.everything:
            raise ValueError(f"the last policy, {self.policy[-1].name!r}, must match every proposal: leave out its match")
        names = [entry.name for entry in self.policy]
        if len(set(names)) < len(names):
            raise ValueError("two policies have the same name")
        for role, members in self.roles.items():
            for member in members:
                if member not in self.people:
                    raise ValueError(f"roles.{role}: {member!r} is not among [people]")
        for entry in self.policy:
            for stage in entry.stages:
                where = f"policy {entry.name!r}, stage {stage.name!r}"
                for names in (stage.reviewers, stage.escalate_to, stage.fallback):
                    for name in names:
                        self._known(name, where)
                    if (count := len(self._people(names))) > MOST_PEOPLE:
                        raise ValueError(f"{where}: {count} people, more than {MOST_PEOPLE}")
        return self

    def _known(self, name: str, where: str) -> None:
        role = name.removeprefix("role:")
        if name.startswith("role:") and role not in self.roles:
            raise ValueError(f"{where}: there is no role {role!r}")
        if not name.startswith("role:") and name not in self.people:
            raise ValueError(f"{where}: {name!r} is not among [people]")

    @cached_property
    def _ids_by_address(self) -> dict[str, str]:
        return {address.casefold(): key for key, entry in self.people.items() for address in (entry.email, *entry.aliases)}

    @cached_property
    def _ids_by_mailbox(self) -> dict[str, str]:
        """The entry of each mailbox. Entries that share one are one natural person: the first of them."""
        found: dict[str, str] = {}
        for key, entry in self.people.items():
            boxes = [mailbox(address) for address in (entry.email, *entry.aliases)]
            first = next((found[box] for box in boxes if box in found), key)
            found.update({box: first for box in boxes if box not in found})
        return found

    def _natural(self, person: Person) -> str:
        """What two addresses of one natural person have in common: the directory's entry, else the mailbox."""
        box = mailbox(person.email)
        return self._ids_by_mailbox.get(box, box)

    def directory(self) -> Directory:
        """Who is who, for the rules."""
        return Directory(
            same=lambda a, b: self._natural(a) == self._natural(b),
            admits=lambda person: self._natural(person) in self.people or person.email.casefold().rpartition("@")[2] in self.mail_domains,
            active=self._is_active,
            listed=lambda person: self._natural(person) in self.people,
            named=self._named,
        )

    def _named(self, names: tuple[str, ...]) -> tuple[Person, ...] | None:
        """The people behind names and roles, None when the file does not know one of them any more."""
        known = all(name.removeprefix("role:") in self.roles if name.startswith("role:") else name in self.people for name in names)
        return tuple(self._people(names)) if known else None

    def _is_active(self, person: Person) -> bool:
        """Somebody who is not in the directory is active if their mail domain is the company's; without any domain, always."""
        entry = self.people.get(self._natural(person))
        if entry is not None:
            return entry.active
        return not self.mail_domains or person.email.casefold().rpartition("@")[2] in self.mail_domains

    def find(self, text: str) -> Person | None:
        """A person of the directory by id, address or full name, whatever its case; None when there is none, or more than one."""
        wanted = text.strip().casefold()
        if wanted in self._ids_by_address:
            return self._person(self._ids_by_address[wanted])
        found = [key for key, entry in self.people.items() if wanted in (key.casefold(), entry.name.casefold())]
        return self._person(found[0]) if len(found) == 1 else None

    def _person(self, key: str) -> Person:
        return Person(self.people[key].name, self.people[key].email)

    def _people(self, names: Sequence[str]) -> list[Person]:
        """The people behind ids and roles, each once."""
        keys: list[str] = []
        for name in names:
            keys += self.roles[name.removeprefix("role:")] if name.startswith("role:") else [name]
        return [self._person(key) for key in dict.fromkeys(keys)]

    def route(
        self, department: str, category: str, budget: Money, submitter: Person, named: str | None = None
    ) -> tuple[PolicyEntry, Plan, tuple[Finding, ...]]:
        """The policy that applies, the plan it makes, and what a person should know of it. Raises ValueError for an unknown `named`."""
        findings: list[Finding] = []
        if named is not None:
            entry = next((entry for entry in self.policy if entry.name == named), None)
            if entry is None:
                raise ValueError(f"there is no policy {named!r}")
        else:
            entry = next(entry for entry in self.policy if self._fits(entry.match, department, category, budget, findings))
        stages = tuple(self._stage(stage, submitter, findings) for stage in entry.stages)
        return entry, Plan(entry.name, stages, entry.revision_deadline, entry.restart), tuple(findings)

    def _fits(self, match: Match, department: str, category: str, budget: Money, findings: list[Finding]) -> bool:
        """Whether a policy is for this proposal. An amount without a rate fits every lower limit: the strictest path, with a finding."""
        if match.categories and category.casefold() not in [known.casefold() for known in match.categories]:
            return False
        if match.departments and department.casefold() not in [known.casefold() for known in match.departments]:
            return False
        if match.currency is None:
            return True
        amount = self._in_currency(budget, match.currency)
        if amount is None:
            message = f"No rate is known from {budget.currency} to {match.currency}: the strictest path was taken."
            finding = Finding(RULE, "warning", message)
            if finding not in findings:
                findings.append(finding)
            return match.above is not None and match.up_to is None
        return (match.above is None or amount > match.above) and (match.up_to is None or amount <= match.up_to)

    def _in_currency(self, money: Money, currency: str) -> Decimal | None:
        if money.currency == currency:
            return money.amount
        return self.rates.convert(money, currency) if self.rates else None

    def _stage(self, stage: StageEntry, submitter: Person, findings: list[Finding]) -> StagePlan:
        """A stage with its people: the submitter is left out, and what cannot come to a quorum is told at once."""
        directory = self.directory()

        def able(names: Sequence[str]) -> tuple[Person, ...]:
            chosen: list[Person] = []
            for person in self._people(names):
                if directory.active(person) and not directory.same(person, submitter) and not directory.among(person, tuple(chosen)):
                    chosen.append(person)
            return tuple(chosen)

        reviewers, fallback = able(stage.reviewers), able(stage.fallback)
        needed = None if stage.rule == "all" else 1 if stage.rule == "any" else int(stage.rule.split(" of ")[0])
        if any(directory.same(person, submitter) for person in self._people(stage.reviewers)):
            findings.append(Finding(RULE, "info", f"{submitter.name} submitted it and so does not review it in the stage “{stage.name}”."))
        if len(reviewers) < (needed or 1):
            spare = [person for person in fallback if not directory.among(person, reviewers)]
            enough = len(reviewers) + len(spare) >= (needed or 1)
            remedy = "the fallback is asked too" if enough else "it will go on hold for an operator when the stage opens"
            severity: Literal["warning", "error"] = "warning" if enough else "error"
            message = f"The stage “{stage.name}” has {len(reviewers)} of {needed or 1} people needed: {remedy}."
            findings.append(Finding(RULE, severity, message))
        return StagePlan(
            stage.name,
            reviewers,
            needed,
            stage.veto,
            stage.deadline,
            tuple(sorted(stage.reminders)),
            able(stage.escalate_to),
            stage.on_expiry,
            fallback,
            tuple(stage.comment_required),
            stage.may_delegate,
            stage.show_others,
            tuple(stage.reviewers),
            tuple(stage.escalate_to),
            tuple(stage.fallback),
        )


def parse_policies(data: dict[str, Any]) -> Policies:
    """A policy file's content. Raises pydantic's ValidationError, whose `loc` names each field."""
    return Policies.model_validate(data)
