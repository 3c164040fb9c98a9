"""Proprietary rules: how they are found, run, limited in time, and never trusted."""

import asyncio
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.facts import Finding
from services.plugins import MOST_FINDINGS, Hook, Plugins, RuleFailed

HEAD = "import asyncio, pluggy\nhook = pluggy.HookimplMarker('greenlight')\n"
Package = Callable[..., str]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    """Writes a package `acme` of modules; answers its name."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str = "acme", /, **modules: str) -> str:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        for module, source in modules.items():
            (tmp_path / name / f"{module}.py").write_text(HEAD + textwrap.dedent(source))
        return name

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] in ("acme", "bolt")]:
        del sys.modules[name]


def plugins(*packages: str, seconds: float = 10) -> Plugins:
    """Those packages' rules."""
    return Plugins(packages, timedelta(seconds=seconds))


def test_each_module_that_implements_a_hook_is_a_rule(package: Package) -> None:
    """Rules are named by their module, in the order of the settings; helpers and tests of the package are its own business."""
    acme = package(
        zeta="@hook\ndef assess_proposal(proposal): ...",
        alpha="@hook\ndef assess_proposal(proposal): ...\n@hook\ndef validate_proposal(proposal): ...",
        helper="def assess_proposal(proposal): ...",
        _hidden="@hook\ndef assess_proposal(proposal): ...",
        test_alpha="raise RuntimeError",
    )
    bolt = package("bolt", rule="@hook\ndef assess_proposal(): ...")
    made = plugins(bolt, acme)
    assert made.faults == {}
    assert made.rules("assess_proposal") == ["bolt.rule", "acme.alpha", "acme.zeta"]
    assert made.rules("validate_proposal") == ["acme.alpha"]
    assert made.rules("after_decision") == []


@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_a_rule_s_answer_becomes_findings(package: Package, kind: str) -> None:
    """Plain or async, JSON in and JSON out."""
    acme = package(rule=f"@hook\n{kind} assess_proposal(proposal): return [{{'severity': 'warning', 'message': proposal['title']}}]")
    assert await plugins(acme).findings("assess_proposal", "acme.rule", {"title": "Roof"}) == [Finding("acme.rule", "warning", "Roof")]


async def test_a_rule_takes_only_what_it_wants(package: Package) -> None:
    """A hook may get more parameters one day without breaking anybody."""
    acme = package(rule="seen = []\n@hook\ndef after_decision(decision): seen.append(decision)")
    await plugins(acme).after_decision("acme.rule", {"id": "prp-1"}, {"outcome": "approved", "reasons": []})
    assert sys.modules["acme.rule"].seen == [{"outcome": "approved", "reasons": []}]


@pytest.mark.parametrize(
    ("hook", "body", "why"),
    [
        ("assess_proposal", "raise ValueError('secret: 4711')", "ValueError"),
        ("assess_proposal", "raise SystemExit", "SystemExit"),
        ("assess_proposal", "raise TimeoutError", "TimeoutError"),
        ("assess_proposal", "return 'fine'", "answered something that it must not"),
        ("assess_proposal", "return [{'severity': 'deadly', 'message': 'x'}]", "0.severity"),
        ("assess_proposal", "return [{'severity': 'info', 'message': ' '}]", "0.message"),
        ("assess_proposal", "return [{'severity': 'info', 'message': 'x', 'html': '<b>'}]", "0.html"),
        ("validate_proposal", f"return [{{'severity': 'info', 'message': 'x'}}] * {MOST_FINDINGS + 1}", "more than"),
    ],
)
@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_a_rule_that_misbehaves_has_failed_and_nothing_else(package: Package, kind: str, hook: Hook, body: str, why: str) -> None:
    """Whatever a rule does, the activity gets one exception, whose words for people hold nothing of the rule's own."""
    acme = package(rule=f"@hook\n{kind} {hook}(proposal):\n    {body}")
    with pytest.raises(RuleFailed, match=why) as failure:
        await plugins(acme).findings(hook, "acme.rule", {})
    assert "acme.rule" in failure.value.for_people()
    assert "4711" not in failure.value.for_people()


async def test_a_route_is_a_name_or_nothing(package: Package) -> None:
    """Anything else must not be taken for a policy, and the next rule is asked."""
    acme = package(rule="@hook\ndef route_proposal(proposal): return proposal.get('route')")
    made = plugins(acme)
    assert await made.policy_named({"route": "it-security"}) == ("it-security", [])
    assert await made.policy_named({}) == (None, [])
    named, findings = await made.policy_named({"route": ["it-security"]})
    assert named is None
    assert [(finding.rule, finding.severity) for finding in findings] == [("acme.rule", "error")]


async def test_hung_rules_time_out_and_hold_nobody_else_up(package: Package) -> None:
    """Dozens of rules that never come back leave the threads that records and mail use alone."""
    acme = package(rule="import threading\ngate = threading.Event()\n@hook\ndef assess_proposal(proposal): gate.wait()")
    made = plugins(acme, seconds=0.05)
    hung = await asyncio.gather(*(made.findings("assess_proposal", "acme.rule", {}) for _ in range(50)), return_exceptions=True)
    assert all(isinstance(failure, RuleFailed) and "no answer within 0.05 s" in failure.why for failure in hung)
    begun = time.monotonic()
    assert await asyncio.to_thread(threading.get_ident)
    assert time.monotonic() - begun < 5
    sys.modules["acme.rule"].gate.set()


async def test_an_async_rule_is_cancelled_when_its_time_is_over(package: Package) -> None:
    """Nothing goes on behind our back that could be ended."""
    acme = package(
        rule="""
        ended = []
        @hook
        async def assess_proposal(proposal):
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(True)
        """
    )
    with pytest.raises(RuleFailed, match="no answer"):
        await plugins(acme, seconds=0.05).findings("assess_proposal", "acme.rule", {})
    assert sys.modules["acme.rule"].ended == [True]


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("raise SystemExit(3)", "SystemExit"),
        ("import nowhere_to_be_found", "No module named 'nowhere_to_be_found'"),
        ("@hook\ndef asses_proposal(proposal): ...", "acme.rule implements asses_proposal, but the hooks are"),
        ("@hook\ndef assess_proposal(proposal, decision): ...", "decision"),
    ],
)
async def test_a_package_that_cannot_be_loaded_stops_nothing_and_says_why(package: Package, source: str, fault: str) -> None:
    """The app starts, health tells it, and it counts as a rule that fails, so that each proposal gets a finding."""
    made = plugins(package(rule=source))
    assert fault in made.faults["acme"]
    assert "acme" in made.rules("assess_proposal")
    with pytest.raises(RuleFailed, match="cannot be loaded"):
        await made.findings("assess_proposal", "acme", {})


def test_a_package_that_is_not_there_is_a_fault_by_name(caplog: pytest.LogCaptureFixture) -> None:
    """A slip in the setting is told with the setting's name."""
    assert "No module named 'acme_that_is_not'" in plugins("acme_that_is_not").faults["acme_that_is_not"]
    assert "GREENLIGHT_PLUGINS" in caplog.text


async def test_a_rule_that_is_gone_has_failed(package: Package) -> None:
    """A deployment without a rule must not leave its proposals waiting for it."""
    with pytest.raises(RuleFailed, match="not among the plug-ins any more"):
        await plugins(package()).findings("assess_proposal", "acme.gone", {})


async def test_a_hook_that_a_rule_lost_has_failed(package: Package) -> None:
    """The same, where the module stays and only its function is gone."""
    acme = package(rule="@hook\ndef route_proposal(proposal): ...")
    given: dict[str, Any] = {}
    with pytest.raises(RuleFailed, match="not among the plug-ins any more"):
        await plugins(acme).findings("assess_proposal", "acme.rule", given)
