"""The host with the small app, on virtual time, and a client of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from standalone.host import Host
from tests.host.edgehost import APP, BEGINNING


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
