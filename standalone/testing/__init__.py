"""A pytest plugin: the fixture `durable_host`, an app of Durable Functions on virtual time, where thirty days take milliseconds.

    pytest_plugins = ["standalone.testing"]  # in the root folder's conftest.py

    def test_silence_is_a_no(durable_host):
        approval = durable_host.start("approval", {"amount": 120})
        durable_host.advance(days=30)
        assert approval.output == "expired"

Options of pytest's configuration: `durable_app` (the app's folder, from the root folder), `durable_start` (the first instant),
`durable_timeout` (seconds of real time that a call may take; 0: any). The marker `durable_host` has the same for one test, module or
class; the fixture `durable_settings` is there to be overridden. docs/testing.md tells it all.
"""

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from standalone.contracts import AppDoesNotLoad
from standalone.host import HostRefuses
from standalone.testing.host import DurableHost, NotAtRest, Response
from standalone.testing.instances import Entity, Instance, NotReached

__all__ = ["DurableHost", "Entity", "Instance", "NotAtRest", "NotReached", "Response"]

MARKER = "durable_host(app, start, settings, workers): the app's folder, the first instant, settings, worker processes of `durable_host`"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the configuration."""
    parser.addini("durable_app", "folder of the Durable Functions app, from the root folder", default=".")
    parser.addini("durable_start", "the first instant of durable_host (ISO 8601; default: the present one)", default="")
    parser.addini("durable_timeout", "seconds of real time that a call of durable_host may take; 0: any", default="60")


def pytest_configure(config: pytest.Config) -> None:
    """The marker."""
    config.addinivalue_line("markers", MARKER)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that has failed says where the orchestrations of its host stand."""
    report = yield
    if call.when == "call" and call.excinfo is not None and report.failed and not call.excinfo.errisinstance((NotReached, NotAtRest)):
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, DurableHost):
                report.sections.append((f"orchestrations of {name}", _told(value)))
    return report


def _told(durable_host: DurableHost) -> str:
    try:
        return durable_host.explain()
    except Exception as error:
        return f"They cannot be told: {type(error).__name__}: {error}"


@pytest.fixture
def durable_settings() -> Mapping[str, str]:
    """Settings of the app in tests; override it."""
    return {}


@pytest.fixture
def durable_host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, durable_settings: Mapping[str, str]
) -> Iterator[DurableHost]:
    """The app, started, with nothing kept, on virtual time."""
    config, marked = request.config, _marked(request.node)
    app = config.rootpath / marked.get("app", config.getini("durable_app"))
    host = DurableHost(
        app,
        tmp_path_factory.mktemp("durable_host"),
        start=_instant(marked.get("start") or config.getini("durable_start") or None),
        settings={**durable_settings, **marked["settings"]},
        workers=marked.get("workers", 0),
        timeout=float(config.getini("durable_timeout")),
    )
    with ExitStack() as stack:
        try:
            stack.enter_context(host)
        except (AppDoesNotLoad, HostRefuses) as refusal:
            pytest.fail(f"{refusal}\n\nThe app's folder, {app}, is what durable_app or a marker says.", pytrace=False)
        yield host


def _marked(node: Any) -> dict[str, Any]:
    """What the markers of a test say together: the nearest wins, settings are added up."""
    said: dict[str, Any] = {"settings": {}}
    for marker in reversed(list(node.iter_markers("durable_host"))):
        unknown = [*map(repr, marker.args), *sorted(marker.kwargs.keys() - {"app", "start", "settings", "workers"})]
        if unknown:
            pytest.fail(f"{', '.join(unknown)} says nothing to the marker {MARKER}", pytrace=False)
        said |= {**marker.kwargs, "settings": said["settings"] | marker.kwargs.get("settings", {})}
    return said


def _instant(given: datetime | str | None) -> datetime | None:
    """An instant of the configuration or a marker; without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        pytest.fail(f"{given!r}, what durable_start or a marker says, is no instant such as 2026-11-30T09:00Z", pytrace=False)
    return at.replace(tzinfo=UTC) if at and at.tzinfo is None else at
