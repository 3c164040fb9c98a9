"""The host with the small app, on virtual time, and a client of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from standalone.host import Host
from standalone.timers import TIME_ZONES
from tests.host.edgehost import APP, BEGINNING


@pytest.fixture(autouse=True)
def _schedules_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever zone this machine is in."""
    for setting in TIME_ZONES:
        monkeypatch.delenv(setting, raising=False)


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    """The small app, on virtual time."""
    async with Host(APP, tmp_path / "state", virtual=True, start=BEGINNING) as running:
        yield running


@pytest.fixture
async def http(host: Host) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of it."""
    async with aiohttp.ClientSession(host.url) as session:
        yield session
