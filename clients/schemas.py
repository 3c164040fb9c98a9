"""What callers send, as pydantic models: strict, nothing unknown, every limit of the contract. Messages are for people."""

import json
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from clients.currencies import MINOR_UNITS
from clients.problem import FieldError, invalid, pointer
from clients.text import is_blank, line, prose
from domain.facts import Money
from domain.people import Person

LONGEST_LINE = 200
LONGEST_SUMMARY = 20_000
LONGEST_COMMENT = 4_000
LONGEST_LINK = 2_000
MOST_LINKS = 20
LARGEST_DETAILS = 64 * 1024

_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,14})(\.[0-9]+)?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

Model = TypeVar("Model", bound=BaseModel)


def refused(fault: str) -> PydanticCustomError:
    """A fault in our own words, which `field_errors` takes over as they are."""
    return PydanticCustomError("greenlight", "{fault}", {"fault": fault})


def refused_at(field: str, fault: str) -> PydanticCustomError:
    """The same for a field that only the whole model can judge."""
    return PydanticCustomError("greenlight_at", "{fault}", {"fault": fault, "at": field})


def checked(check: Callable[[str], str]) -> AfterValidator:
    """A validator from a function of text that raises ValueError."""

    def validate(value: str) -> str:
        try:
            return check(value)
        except ValueError as error:
            raise refused(str(error)) from None

    return AfterValidator(validate)


def one_address(value: str) -> str:
    """One bare mail address, its domain in normal form; whether it exists, only a mail can tell."""
    address = line(value)
    if len(address) > 254 or "<" in address:
        raise ValueError("must be one mail address and nothing else")
    try:
        return validate_email(address, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise ValueError(f"is not a mail address: {error}") from None


def currency_code(value: str) -> str:
    """A code of ISO 4217 that amounts can be in."""
    if value not in MINOR_UNITS:
        raise ValueError("must be a currency of ISO 4217, such as EUR")
    return value


def plain_amount(value: str) -> str:
    """Digits with a decimal point at most: no sign, exponent, separator or blank. Below 10^15."""
    if not _AMOUNT.fullmatch(value):
        raise ValueError('must be a plain decimal from 0 to below 10^15, such as "12500.00"')
    return value


def calendar_date(value: str) -> str:
    """A day that exists, and nothing finer: a day is told everywhere as it was given."""
    if not _DATE.fullmatch(value):
        raise ValueError('must be a date such as "2026-12-31", without a time')
    try:
        date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"is no day of the calendar: {value}") from None
    return value


def web_link(value: str) -> str:
    """An absolute http or https URL without credentials."""
    try:
        parts = urlsplit(line(value))
        host = parts.hostname
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in ("http", "https") or not host or " " in value.strip():
        raise ValueError("must be an http or https URL")
    if parts.username is not None:
        raise ValueError("must not hold a user name or password")
    return value.strip()


def visible_prose(value: str) -> str:
    """Prose that says something."""
    if is_blank(value):
        raise ValueError("must not be blank")
    return prose(value)


_NO_CONTROL = r"[^\u0000-\u001f\u007f-\u009f\u2028\u2029]"
_NO_CONTROL_BUT_LINE_ENDS = r"[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]"
_VISIBLE = r"[^\s\u0000-\u001f\u007f-\u009f]"
_LINE_FORM = {"minLength": 1, "pattern": f"^{_NO_CONTROL}*{_VISIBLE}{_NO_CONTROL}*$"}
_PROSE_FORM = {"minLength": 1, "pattern": f"^{_NO_CONTROL_BUT_LINE_ENDS}*{_VISIBLE}{_NO_CONTROL_BUT_LINE_ENDS}*$"}
"""What JSON Schema can say of the checks below, for callers' own forms; the checks say the rest."""

Line = Annotated[StrictStr, Field(max_length=LONGEST_LINE, json_schema_extra={**_LINE_FORM}), checked(line)]
Prose = Annotated[StrictStr, Field(max_length=LONGEST_SUMMARY, json_schema_extra={**_PROSE_FORM}), checked(visible_prose)]
Comment = Annotated[StrictStr, Field(max_length=LONGEST_COMMENT), checked(prose)]
Reason = Annotated[StrictStr, Field(max_length=LONGEST_COMMENT, json_schema_extra={**_PROSE_FORM}), checked(visible_prose)]
Address = Annotated[StrictStr, checked(one_address), Field(json_schema_extra={"format": "email", "maxLength": 254})]
Somebody = Annotated[StrictStr, Field(max_length=254, json_schema_extra={**_LINE_FORM}), checked(line)]
"""A mail address, or a name of the directory."""

Amount = Annotated[StrictStr, Field(max_length=40, json_schema_extra={"pattern": f"^{_AMOUNT.pattern}$"}), checked(plain_amount)]
Currency = Annotated[StrictStr, Field(json_schema_extra={"enum": list(MINOR_UNITS)}), checked(currency_code)]
Day = Annotated[StrictStr, Field(json_schema_extra={"format": "date"}), checked(calendar_date)]
Link = Annotated[
    StrictStr, Field(max_length=LONGEST_LINK, json_schema_extra={"format": "uri", "pattern": "^https?://[^/]"}), checked(web_link)
]
Slot = Annotated[StrictStr, Field(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


class Strict(BaseModel):
    """A body from outside: nothing unknown is taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PersonIn(Strict):
    """Somebody, by name and address."""

    name: Line
    email: Address

    def person(self) -> Person:
        """As the rules see them."""
        return Person(self.name, self.email)


class MoneyIn(Strict):
    """An amount: exact, so it is text."""

    amount: Amount = Field(examples=["12500.00"])
    currency: Currency = Field(examples=["EUR"])

    @model_validator(mode="after")
    def fits_minor_units(self) -> "MoneyIn":
        """No more decimals than the currency has."""
        digits = len(self.amount.partition(".")[2])
        if digits > MINOR_UNITS[self.currency]:
            allowed = MINOR_UNITS[self.currency]
            raise refused_at("amount", f"has {digits} decimals, and {self.currency} has {allowed or 'none'}")
        return self

    def money(self) -> Money:
        """As the rules see it."""
        return Money(Decimal(self.amount), self.currency)


class ProposalIn(Strict):
    """A proposal, or a whole revision of one."""

    title: Line = Field(examples=["Solar roof, Hall 3"])
    summary: Prose = Field(description="What is proposed and why, in Markdown.")
    submitter: PersonIn
    department: Line = Field(examples=["facilities"])
    category: Line = Field(examples=["building"])
    budget: MoneyIn
    needed_by: Day | None = Field(default=None, examples=["2027-03-31"])
    links: Annotated[list[Link], Field(max_length=MOST_LINKS)] = []
    details: dict[StrictStr, Any] = Field(default={}, description="Any JSON, for the company's own rules; at most 64 KiB.")

    @model_validator(mode="after")
    def details_fit(self) -> "ProposalIn":
        """Details are carried, not searched: they have a limit of their own."""
        size = len(canonical(self.details))
        if size > LARGEST_DETAILS:
            raise refused_at("details", f"has {size:,} bytes; at most 65,536 are taken")
        return self

    def content(self) -> bytes:
        """The whole body as it is kept and hashed: canonical JSON."""
        return canonical(self.model_dump(mode="json", exclude_none=True))


class Withdrawal(Strict):
    """The submitter takes the proposal back."""

    reason: Comment = ""


class Decision(Strict):
    """What a reviewer decides. `content_hash`: the revision that they saw, as the page's form tells it.

    `to`, for delegate: an address, or a name of the directory.
    """

    action: Literal["approve", "reject", "request_changes", "abstain", "delegate"]
    comment: Comment = ""
    to: Somebody | None = None
    content_hash: Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class Because(Strict):
    """An operator's reason, which the trail keeps."""

    reason: Reason


class RemindIn(Strict):
    """One open slot, or all."""

    slot: Slot | None = None


class ReassignIn(Because):
    """An open slot, and whom to give it to: an address, or a name of the directory."""

    slot: Slot
    to: Somebody


class AddIn(Because):
    """A stage by its index, counted from 0, and whom to ask in it."""

    stage: Annotated[StrictInt, Field(ge=0, le=9)]
    to: Somebody


class ExtendIn(Because):
    """The new deadline: an instant with its offset (RFC 3339)."""

    until: datetime

    @model_validator(mode="after")
    def is_an_instant(self) -> "ExtendIn":
        """Without an offset it could be any hour."""
        if self.until.tzinfo is None:
            raise refused_at("until", 'needs an offset, such as "2026-12-31T17:00:00Z"')
        return self


class OverrideIn(Because):
    """The outcome, in place of the people asked."""

    outcome: Literal["approved", "rejected"]


class RetryIn(Strict):
    """Nothing, or why."""

    reason: Comment = ""


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no blanks: the same value always has the same bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def read(model: type[Model], value: dict[str, Any]) -> Model:
    """`value` as a model. Raises Problem 422 with a pointer and words for each field."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid(field_errors(error)) from None


def field_errors(error: ValidationError) -> list[FieldError]:
    """Pydantic's faults as pointers and words of ours."""
    found = []
    for fault in error.errors(include_url=False):
        path = (*fault["loc"], *([fault["ctx"]["at"]] if fault["type"] == "greenlight_at" else []))
        found.append(FieldError(pointer(path), wording(fault)))
    return found


def wording(fault: ErrorDetails) -> str:
    """One fault in words that follow the field's name."""
    context = fault.get("ctx", {})
    match fault["type"]:
        case "greenlight" | "greenlight_at":
            return f"{context['fault']}."
        case "missing":
            return "is required."
        case "extra_forbidden":
            return "is not a field of this."
        case "string_type":
            return "must be text."
        case "string_too_long":
            return f"is longer than {context['max_length']:,} characters."
        case "too_long":
            return f"has more than {context['max_length']:,} entries."
        case "literal_error":
            return f"must be {context['expected']}."
        case "list_type":
            return "must be an array."
        case "dict_type" | "model_type" | "model_attributes_type":
            return "must be an object."
    return f"does not fit: {fault['msg']}."
