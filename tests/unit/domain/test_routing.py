"""Which policy is taken: the first that fits, by the company's own rates, and never the lighter path in silence."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from domain.facts import Finding, Money
from domain.policy import Policies, parse_policies
from tests.unit.builders import SAM

STAGE = {"name": "Review", "reviewers": ["ann"], "deadline": "P5D"}
PEOPLE = {"ann": {"name": "Ann", "email": "ann@example.com"}}
RATES = {"base": "EUR", "as_of": "2026-11-01", "units": {"USD": "0.50", "JPY": "0.006"}}


def the_file(*matches: dict[str, Any], stage: dict[str, Any] = STAGE, **more: Any) -> Policies:
    """Policies `p0`, `p1`… with these matches, and `rest` for everything else."""
    entries = [{"name": f"p{index}", "match": match, "stages": [stage]} for index, match in enumerate(matches)]
    return parse_policies({"policy": [*entries, {"name": "rest", "stages": [stage]}], "people": PEOPLE, **more})


def taken(file: Policies, amount: str = "1", currency: str = "EUR", **fields: Any) -> tuple[str, tuple[Finding, ...]]:
    """The name of the policy and what is told of it."""
    entry, _, findings = file.route(
        **{"department": "facilities", "category": "building", **fields}, budget=Money(Decimal(amount), currency), submitter=SAM
    )
    return entry.name, findings


def complaint(**more: Any) -> str:
    """What a file is refused for."""
    with pytest.raises(ValidationError) as refused:
        the_file(**more)
    return str(refused.value)


def test_the_first_that_fits_is_taken() -> None:
    """Order is the author's word."""
    file = the_file({"categories": ["building"]}, {"departments": ["facilities"]})
    assert [taken(file)[0], taken(file, category="it")[0], taken(file, category="it", department="it")[0]] == ["p0", "p1", "rest"]


def test_everything_given_must_fit_whatever_its_case() -> None:
    """Systems spell departments as they like."""
    file = the_file({"categories": ["Building"], "departments": ["FACILITIES"]})
    assert taken(file, department="Facilities", category="BUILDING")[0] == "p0"
    assert taken(file, department="Facilities", category="it")[0] == "rest"


@pytest.mark.parametrize(("amount", "name"), [("10", "rest"), ("10.01", "p0"), ("20", "p0"), ("20.01", "rest"), ("0", "rest")])
def test_above_is_above_and_up_to_includes(amount: str, name: str) -> None:
    """Bands that touch leave no gap and do not overlap."""
    assert taken(the_file({"above": "10", "up_to": "20", "currency": "EUR"}), amount)[0] == name


@pytest.mark.parametrize(
    "match", [{"above": "5"}, {"up_to": "5"}, {"currency": "EUR"}, {"above": "-1", "currency": "EUR"}, {"above": "5", "currency": "eur"}]
)
def test_a_limit_and_its_currency_come_together(match: dict[str, Any]) -> None:
    """A last policy for one currency alone would leave the others without any."""
    with pytest.raises(ValidationError, match=r"policy\.0\.match"):
        the_file(match)
    with pytest.raises(ValidationError):
        parse_policies({"policy": [{"name": "only", "match": match, "stages": [STAGE]}], "people": PEOPLE})


def test_amounts_compare_exactly() -> None:
    """22 digits are not rounded into the lighter path."""
    file = the_file({"above": "9999999999999999999999.98", "currency": "EUR"})
    assert taken(file, "9999999999999999999999.99")[0] == "p0"
    assert taken(file, "9999999999999999999999.98")[0] == "rest"


@pytest.mark.parametrize(
    ("amount", "currency", "name"), [("200", "USD", "rest"), ("200.01", "USD", "p0"), ("16667", "JPY", "p0"), ("100", "EUR", "rest")]
)
def test_another_currency_is_converted_by_the_companys_own_rates(amount: str, currency: str, name: str) -> None:
    """Both ways, and through the base."""
    assert taken(the_file({"above": "100", "currency": "EUR"}, rates=RATES), amount, currency) == (name, ())


def test_rates_convert_between_two_currencies_through_their_base() -> None:
    """A limit in dollars for a budget in yen."""
    assert taken(the_file({"above": "100", "currency": "USD"}, rates=RATES), "8334", "JPY")[0] == "p0"
    assert taken(the_file({"above": "100", "currency": "USD"}, rates=RATES), "8333", "JPY")[0] == "rest"


def test_without_a_rate_the_strictest_path_is_taken_and_told() -> None:
    """An amount that cannot be compared passes as large; a person reads why."""
    name, findings = taken(the_file({"above": "100", "currency": "EUR"}, rates=RATES), "1", "XAF")
    assert name == "p0"
    assert [finding.severity for finding in findings] == ["warning"]
    assert "from XAF to EUR" in findings[0].message


def test_without_a_rate_a_lighter_band_is_passed_over_and_told() -> None:
    """Not in silence either: whoever wonders why it takes so long finds the reason."""
    name, findings = taken(the_file({"up_to": "100", "currency": "EUR"}), "1", "XAF")
    assert name == "rest"
    assert len(findings) == 1


def test_what_is_missing_is_told_once() -> None:
    """Three bands are one missing rate."""
    bands = ({"up_to": "5", "currency": "EUR"}, {"above": "5", "up_to": "9", "currency": "EUR"}, {"above": "9", "currency": "EUR"})
    name, findings = taken(the_file(*bands), "1", "XAF")
    assert (name, len(findings)) == ("p2", 1)


def test_a_rule_may_name_the_policy_and_an_unknown_name_is_an_error() -> None:
    """A plug-in's typing error must not route a proposal somewhere."""
    assert taken(the_file({"categories": ["it"]}), named="p0")[0] == "p0"
    with pytest.raises(ValueError, match="no policy 'p9'"):
        taken(the_file(), named="p9")


@pytest.mark.parametrize("rate", ["0", "-1", "inf", "nan"])
def test_a_rate_is_more_than_nothing(rate: str) -> None:
    """By zero nothing can be converted: the file is refused when it is read, not when a proposal waits for its plan."""
    assert "rates.units.USD" in complaint(rates={**RATES, "units": {"USD": rate}})


def test_rates_are_of_currencies() -> None:
    """A typing error would be a rate that is never found."""
    assert "rates.units" in complaint(rates={**RATES, "units": {"usd": "1"}})
    assert "rates.base" in complaint(rates={**RATES, "base": "Euro"})


@pytest.mark.parametrize(
    "duration",
    [
        "P1M",
        "P1Y",
        "P1Y2D",
        "P",
        "PT",
        "P5",
        "5D",
        "P-5D",
        "-P5D",
        "P1.5D",
        "P0D",
        "PT0S",
        "P1DT",
        "p5d",
        " P5D",
        5,
        "P3654D",
        "P9999999D",
        "P999999999W",
    ],
)
def test_a_duration_is_iso_8601_without_months_and_at_most_ten_years(duration: Any) -> None:
    """Months have no length of their own; and a deadline beyond the calendar would stop every proposal of the policy."""
    assert "deadline" in complaint(stage={**STAGE, "deadline": duration})
    entry = {"name": "p", "stages": [STAGE], "revision_deadline": duration}
    with pytest.raises(ValidationError, match="revision_deadline"):
        parse_policies({"policy": [entry], "people": PEOPLE})


@pytest.mark.parametrize(
    ("duration", "length"),
    [("P2W", timedelta(days=14)), ("PT20S", timedelta(seconds=20)), ("P1DT1H", timedelta(hours=25)), ("P3653D", timedelta(days=3653))],
)
def test_durations_of_weeks_to_seconds_are_exact(duration: str, length: timedelta) -> None:
    """What is written is what is waited."""
    assert the_file(stage={**STAGE, "deadline": duration}).policy[0].stages[0].deadline == length


@pytest.mark.parametrize("field", ["reviewers", "escalate_to", "fallback"])
def test_a_stage_asks_at_most_thirty_people_roles_counted(field: str) -> None:
    """A role that has grown is refused when the file is read; heads and mails are bounded by it."""
    many = {f"p{index}": {"name": f"P {index}", "email": f"p{index}@example.com"} for index in range(31)}
    stage = {**STAGE, field: ["role:everybody"]}
    policy = [{"name": "all", "stages": [stage]}]
    with pytest.raises(ValidationError, match="31 people, more than 30"):
        parse_policies({"policy": policy, "people": {**PEOPLE, **many}, "roles": {"everybody": list(many)}})
    assert parse_policies({"policy": policy, "people": {**PEOPLE, **many}, "roles": {"everybody": list(many)[:30]}})


@pytest.mark.parametrize("where", ["policy", "people", "stage", "match"])
def test_an_unknown_field_is_a_typing_error_of_whoever_wrote_it(where: str) -> None:
    """`deadlines` for `deadline` would else be a stage without reminders that nobody notices."""
    odd = {"colour": "red"}
    file = {
        "policy": [
            {
                "name": "p",
                "stages": [{**STAGE, **(odd if where == "stage" else {})}],
                "match": odd if where == "match" else {},
                **(odd if where == "policy" else {}),
            }
        ],
        "people": {"ann": {**PEOPLE["ann"], **(odd if where == "people" else {})}},
    }
    with pytest.raises(ValidationError, match="colour"):
        parse_policies(file)
