"""The fixture of the app's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.app.greenlight import Greenlight, running


@pytest.fixture
async def greenlight(tmp_path: Path) -> AsyncIterator[Greenlight]:
    """The app on an empty host, on Monday 30 November 2026, with one stage of Ann's."""
    async with running(tmp_path) as app:
        yield app
