"""Proprietary rules: a company's own Python, found by name, run one at a time, and never trusted to behave.

A plug-in is a package that marks functions with `pluggy.HookimplMarker("greenlight")`; it needs nothing of ours. The package
itself and each of its direct modules may hold one implementation of each hook: every one is a rule, named `package.module`.
docs/plugins.md is the guide.
"""

import asyncio
import contextvars
import importlib
import inspect
import logging
import pkgutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import timedelta
from types import ModuleType
from typing import Any, Literal, get_args

import pluggy
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from domain.facts import Finding, Severity

log = logging.getLogger("greenlight.plugins")
specification = pluggy.HookspecMarker("greenlight")

Hook = Literal["validate_proposal", "assess_proposal", "route_proposal", "after_decision"]
LONGEST_MESSAGE = 1000
MOST_FINDINGS = 50


class Hooks:
    """The hooks. Each implementation may be `async`; each gets plain JSON and runs in an activity call of its own, perhaps twice."""

    @specification
    def validate_proposal(self, proposal: dict[str, Any]) -> Any:
        """Look at a proposal before anybody is asked. Answer findings `[{"severity", "message"}]`, or None; an `error` refuses it."""

    @specification
    def assess_proposal(self, proposal: dict[str, Any]) -> Any:
        """Assess a proposal that is valid. Answer findings, or None; reviewers see them, none refuses it."""

    @specification
    def route_proposal(self, proposal: dict[str, Any]) -> Any:
        """Answer the name of the policy that must apply, or None to leave it to the policy file. The first answer counts."""

    @specification
    def after_decision(self, proposal: dict[str, Any], decision: dict[str, Any]) -> Any:
        """Act on the end of a proposal: `decision` is `{"outcome", "reasons"}`. May run twice: leave a mark under `proposal["id"]`."""


class RuleFailed(Exception):
    """A rule raised, took too long, or answered what no rule may answer. `why` is for developers and logs."""

    def __init__(self, rule: str, why: str) -> None:
        super().__init__(f"{rule}: {why}")
        self.rule = rule
        self.why = why

    def for_people(self) -> str:
        """What a reviewer is told: that something was not checked, and why in short."""
        return f"The rule {self.rule} failed ({self.why}). A person must look at what it checks."


class FindingAnswer(BaseModel):
    """A finding as a rule answers it."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    severity: Severity
    message: str = Field(min_length=1, max_length=LONGEST_MESSAGE)


FINDINGS: TypeAdapter[list[FindingAnswer] | None] = TypeAdapter(list[FindingAnswer] | None)
NAME: TypeAdapter[str | None] = TypeAdapter(str | None)


class Plugins:
    """The rules of the packages that the settings name. A package that cannot be loaded is a fault, told by health and by findings.

    `faults`: package -> what is wrong with it. `timeout`: how long one rule may take.
    """

    def __init__(self, packages: Sequence[str], timeout: timedelta) -> None:
        self.faults: dict[str, str] = {}
        self._timeout = timeout
        self._manager = pluggy.PluginManager("greenlight")
        self._manager.add_hookspecs(Hooks)
        for package in packages:
            self._load(package)

    def _load(self, package: str) -> None:
        try:
            module = importlib.import_module(package)
            self._register(module)
            for found in pkgutil.iter_modules(getattr(module, "__path__", [])):
                if not found.name.startswith(("_", "test")):
                    self._register(importlib.import_module(f"{package}.{found.name}"))
        except (Exception, SystemExit) as error:  # whatever a stranger's import may raise
            self.faults[package] = f"{type(error).__name__}: {error}"
            log.exception("the plug-in %s of GREENLIGHT_PLUGINS cannot be loaded", package)

    def _register(self, module: ModuleType) -> None:
        """Take in a module that implements a hook; others of the package are its own business.

        Raises ValueError for a hook that there is not, PluginValidationError for a parameter that the hook does not give.
        """
        marked = [name for name in dir(module) if self._manager.parse_hookimpl_opts(module, name)]
        unknown = [name for name in marked if name not in get_args(Hook)]
        if unknown:
            raise ValueError(f"{module.__name__} implements {unknown[0]}, but the hooks are {', '.join(get_args(Hook))}")
        if marked and not self._manager.has_plugin(module.__name__):
            self._manager.register(module, name=module.__name__)

    def rules(self, hook: Hook) -> list[str]:
        """The rules that implement a hook: packages as in the settings, modules by name. A faulty package counts as one that fails."""
        names = [name for name, module in self._manager.list_name_plugin() if self._manager.parse_hookimpl_opts(module, hook)]
        return [*names, *(self.faults if hook == "assess_proposal" else ())]

    async def findings(self, hook: Hook, rule: str, proposal: dict[str, Any]) -> list[Finding]:
        """What a rule finds. Raises RuleFailed."""
        answer = await self._run(hook, rule, FINDINGS, proposal=proposal)
        if answer is not None and len(answer) > MOST_FINDINGS:
            raise RuleFailed(rule, f"answered {len(answer)} findings, more than {MOST_FINDINGS}")
        return [Finding(rule, each.severity, each.message) for each in answer or []]

    async def policy_named(self, proposal: dict[str, Any]) -> tuple[str | None, list[Finding]]:
        """The first policy that a rule names; a rule that fails is a finding, and the next one is asked."""
        findings: list[Finding] = []
        for rule in self.rules("route_proposal"):
            try:
                named: str | None = await self._run("route_proposal", rule, NAME, proposal=proposal)
            except RuleFailed as failure:
                findings.append(Finding(rule, "error", failure.for_people()))
                continue
            if named is not None:
                return named, findings
        return None, findings

    async def after_decision(self, rule: str, proposal: dict[str, Any], decision: dict[str, Any]) -> None:
        """Run a follow-up; what it answers is its own business. Raises RuleFailed."""
        await self._run("after_decision", rule, TypeAdapter(Any), proposal=proposal, decision=decision)

    async def _run(self, hook: Hook, rule: str, shape: TypeAdapter[Any], **given: Any) -> Any:
        """One implementation, within the time limit; its answer in the shape that the hook wants."""
        if rule in self.faults:
            raise RuleFailed(rule, f"the plug-in cannot be loaded: {self.faults[rule]}")
        function = getattr(self._manager.get_plugin(rule), hook, None)
        if function is None:
            raise RuleFailed(rule, "it is not among the plug-ins any more")
        wanted = {name: value for name, value in given.items() if name in inspect.signature(function).parameters}
        try:
            answer = await asyncio.wait_for(called(function, wanted), self._timeout.total_seconds())
        except TimeoutError:
            raise RuleFailed(rule, f"no answer within {self._timeout.total_seconds():g} s") from None
        except Raised as raised:
            log.error("the rule %s failed", rule, exc_info=raised.cause)
            raise RuleFailed(rule, type(raised.cause).__name__) from raised.cause
        try:
            return shape.validate_python(answer)
        except ValidationError as error:
            first = error.errors()[0]
            raise RuleFailed(rule, f"answered {'.'.join(map(str, first['loc'])) or 'something'} that it must not: {first['msg']}") from None


class Raised(Exception):
    """A rule raised `cause`. It is carried apart, since a rule may raise anything, TimeoutError and SystemExit among it."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(repr(cause))
        self.cause = cause


async def called(function: Callable[..., Any], given: dict[str, Any]) -> Any:
    """Call a rule: an `async` one on the event loop, any other in a thread of its own. Raises Raised."""
    if not inspect.iscoroutinefunction(function):
        return await in_its_own_thread(function, given)
    try:
        return await function(**given)
    except (Exception, SystemExit) as error:
        raise Raised(error) from error


async def in_its_own_thread(function: Callable[..., Any], given: dict[str, Any]) -> Any:
    """Call in a thread made for this call: rules that hang would fill the threads that records and mail share. Raises Raised.

    A thread that is given up on ends with its rule, or with the process.
    """
    result: Future[Any] = Future()

    def call() -> None:
        try:
            result.set_result(function(**given))
        except BaseException as error:
            result.set_exception(Raised(error))

    # Running from the first: a rule that was given up on must not find its answer refused by a cancelled future.
    result.set_running_or_notify_cancel()
    threading.Thread(target=contextvars.copy_context().run, args=(call,), name=f"rule {function.__module__}", daemon=True).start()
    return await asyncio.wrap_future(result)
