"""The example plug-in: each rule as a company would test its own, and all of them as Greenlight runs them."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from examples.acme_rules import budget_ceilings, ledger, sanctions, security_routing
from services.plugins import Plugins, RuleFailed


def a_proposal(**changes: Any) -> dict[str, Any]:
    """A proposal as rules get it."""
    return {
        "id": "prp-1",
        "round": 1,
        "title": "Solar roof, Hall 3",
        "summary": "Panels.",
        "submitter": {"name": "Sam", "email": "sam@example.com"},
        "department": "Facilities",
        "category": "building",
        "budget": {"amount": "100000.00", "currency": "EUR"},
        **changes,
    }


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> Plugins:
    """The whole plug-in, its slow rule hurried up."""
    monkeypatch.setenv("ACME_SCORING_SECONDS", "0")
    return Plugins(["examples.acme_rules"], timedelta(seconds=10))


def test_it_loads_without_a_fault(acme: Plugins) -> None:
    """What is shown to plug-in authors must itself be right."""
    assert acme.faults == {}
    assert acme.rules("validate_proposal") == ["examples.acme_rules.sanctions"]
    assert acme.rules("route_proposal") == ["examples.acme_rules.security_routing"]
    assert acme.rules("after_decision") == ["examples.acme_rules.ledger"]
    assert [rule.rpartition(".")[2] for rule in acme.rules("assess_proposal")] == ["budget_ceilings", "carbon_score", "legacy_inventory"]


@pytest.mark.parametrize(("amount", "warned"), [("100000.00", False), ("100000.01", True)])
def test_a_ceiling_may_be_reached_but_not_passed(amount: str, warned: bool) -> None:
    """To the cent."""
    assert bool(budget_ceilings.assess_proposal(a_proposal(budget={"amount": amount, "currency": "EUR"}))) == warned


def test_a_budget_in_another_currency_is_left_to_a_person() -> None:
    """Comparing numbers of two currencies would be a mistake in either direction."""
    (finding,) = budget_ceilings.assess_proposal(a_proposal(budget={"amount": "1.00", "currency": "USD"})) or []
    assert finding["severity"] == "info"


@pytest.mark.parametrize("name", ["Öltrans SA", "OLTRANS  s.a.".replace("s.a.", "sa"), "oltrans-SA"])
def test_a_supplier_on_the_list_refuses_however_it_is_spelled(name: str) -> None:
    """Accents, case and punctuation hide nobody; a name or an object with a name."""
    for supplier in (name, {"name": name}):
        (finding,) = sanctions.validate_proposal(a_proposal(details={"suppliers": [supplier]}))
        assert finding["severity"] == "error"
    assert sanctions.validate_proposal(a_proposal(details={"suppliers": ["Öltransport SA"]})) == []
    assert sanctions.validate_proposal(a_proposal()) == []


def test_security_is_routed_to_its_own_policy() -> None:
    """By what title and summary speak of."""
    assert security_routing.route_proposal(a_proposal(title="New VPN")) == "it-security"
    assert security_routing.route_proposal(a_proposal()) is None


async def test_the_score_and_the_failing_inventory(acme: Plugins) -> None:
    """One answers in its own time, the other fails for a category that it does not know."""
    (score,) = await acme.findings("assess_proposal", "examples.acme_rules.carbon_score", a_proposal())
    assert (score.severity, score.message) == ("warning", "Estimated footprint: 42,000 kg CO2e.")
    with pytest.raises(RuleFailed, match="KeyError"):
        await acme.findings("assess_proposal", "examples.acme_rules.legacy_inventory", a_proposal(category="unknown"))


def test_the_ledger_holds_one_entry_however_often_it_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook may run twice; a booking may not."""
    monkeypatch.setenv("ACME_LEDGER", str(tmp_path / "ledger"))
    for _ in range(2):
        ledger.after_decision(a_proposal(), {"outcome": "approved", "reasons": []})
    (entry,) = (tmp_path / "ledger").iterdir()
    assert json.loads(entry.read_text("utf-8"))["outcome"] == "approved"
