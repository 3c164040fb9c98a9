"""Which host the live tests run on: GREENLIGHT_LIVE_HOST (a command; standalone unless told) or GREENLIGHT_LIVE_URL (one that runs).

One that runs must have been started with `policy.toml` of this folder as its policy, mail to the address in GREENLIGHT_LIVE_SMTP
(`host:port`, where the tests listen), and the operator key in GREENLIGHT_LIVE_OPERATOR_KEY. Where it asks for keys, a function key
is in GREENLIGHT_LIVE_FUNCTION_KEY and the master key in GREENLIGHT_LIVE_MASTER_KEY. What needs the host's own folder or processes
is skipped there.
"""

import json
import os
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.live.greenlight import Greenlight
from tests.live.host import SOONER, Host, app_folder
from tests.live.mailbox import Mailbox

COMMAND = os.environ.get("GREENLIGHT_LIVE_HOST") or "python -m standalone"
URL = os.environ.get("GREENLIGHT_LIVE_URL", "").rstrip("/")
OPERATOR_KEY = os.environ.get("GREENLIGHT_LIVE_OPERATOR_KEY") or secrets.token_urlsafe(24)
FUNCTION_KEY = os.environ.get("GREENLIGHT_LIVE_FUNCTION_KEY", "")
MASTER_KEY = os.environ.get("GREENLIGHT_LIVE_MASTER_KEY", "")
SIGNING_KEY = secrets.token_urlsafe(32)

HEADERS = {"X_Operator": "olga@live.example", "X_Operator_Key": OPERATOR_KEY} | ({"x_functions_key": FUNCTION_KEY} if FUNCTION_KEY else {})
HOST_HEADERS = {"x_functions_key": MASTER_KEY} if MASTER_KEY else {}


@dataclass(frozen=True)
class Site:
    """A host, and the app on it as people see it. `state` is the folder of the app's records."""

    host: Host
    greenlight: Greenlight
    state: Path


def settings(url: str, state: Path, mailbox: Mailbox) -> dict[str, str]:
    """The app's settings for a test: nothing of a development machine's defaults."""
    return {
        "GREENLIGHT_DEVELOPMENT": "false",
        "GREENLIGHT_SIGNING_KEYS": SIGNING_KEY,
        "GREENLIGHT_OPERATOR_KEYS": json.dumps({"live": {"role": "operator", "key": OPERATOR_KEY}}),
        "GREENLIGHT_PUBLIC_BASE_URL": url,
        "GREENLIGHT_STATE_DIR": str(state),
        "GREENLIGHT_SMTP_HOST": mailbox.host,
        "GREENLIGHT_SMTP_PORT": str(mailbox.port),
        "GREENLIGHT_MAIL_FROM": "greenlight@live.example",
        "GREENLIGHT_PLUGINS": "examples.acme_rules,gated_rule",
        "ACME_SCORING_SECONDS": "0.1",
    }


@pytest_asyncio.fixture(scope="session")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """The tests' HTTP client: no cookies, a time limit."""
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Mailbox]:
    """The mail server of the shared host."""
    host, _, port = os.environ.get("GREENLIGHT_LIVE_SMTP", "127.0.0.1:0").rpartition(":")
    sink = Mailbox(int(port), host)
    sink.up()
    yield sink
    sink.down()


@pytest_asyncio.fixture(scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory, http: aiohttp.ClientSession, mailbox: Mailbox) -> AsyncIterator[Site | None]:
    """The shared host, for all that kills nothing; None where one runs already."""
    if URL:
        yield None
        return
    async for one in running(tmp_path_factory.mktemp("shared"), http, mailbox):
        yield one


@pytest.fixture(scope="session")
def site(shared: Site | None) -> Site:
    """The shared host, for tests that look into its folder."""
    if shared is None:
        pytest.skip("needs a host of the tests' own: GREENLIGHT_LIVE_HOST")
    return shared


@pytest.fixture(scope="session")
def greenlight(shared: Site | None, http: aiohttp.ClientSession, mailbox: Mailbox) -> Greenlight:
    """The app on the shared host, or on the one that runs already."""
    return shared.greenlight if shared else Greenlight(URL, http, mailbox, HEADERS, HOST_HEADERS)


@pytest_asyncio.fixture(scope="session")
async def crash_site(tmp_path_factory: pytest.TempPathFactory, http: aiohttp.ClientSession) -> AsyncIterator[Site]:
    """A host of its own with a state that is kept, a worker that can be told to die, and a mail server of its own."""
    if URL:
        pytest.skip("kills: needs a host of the tests' own: GREENLIGHT_LIVE_HOST")
    sink = Mailbox()
    sink.up()
    sooner = {"controlQueueVisibilityTimeout": SOONER, "workItemQueueVisibilityTimeout": SOONER}
    async for one in running(tmp_path_factory.mktemp("crash"), http, sink, keep=True, storage=sooner):
        yield one
    sink.down()


async def running(
    folder: Path, http: aiohttp.ClientSession, mailbox: Mailbox, keep: bool = False, storage: Mapping[str, object] | None = None
) -> AsyncIterator[Site]:
    """A host with the app, ended in order afterwards."""
    host = Host(COMMAND, app_folder(folder / "app", probe=keep, storage=storage or {}), keep=keep)
    host.settings = settings(host.url, folder / "records", mailbox)
    try:
        await host.start(http)
        yield Site(host, Greenlight(host.url, http, mailbox, HEADERS), folder / "records")
    finally:
        await host.stop()


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker of tests that look back over all others."""
    config.addinivalue_line("markers", "last: runs after all tests that are not so marked")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests marked `last` at the end; the order is otherwise kept."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)
