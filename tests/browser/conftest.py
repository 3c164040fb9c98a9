"""A browser, and the app on virtual time. What is missing is named, and under CI missing it is a failure."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from scripts.machine import browser, missing
from tests.app.greenlight import Greenlight, running

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Chromium, as the machine's packages bring it."""
    lacking = missing()
    if lacking:
        told = f"needs {'; '.join(lacking)}"
        if os.environ.get("CI"):
            pytest.fail(told)
        pytest.skip(told)
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=browser(), args=FLAGS)
        yield started
        await started.close()


@pytest.fixture
async def greenlight(tmp_path: Path) -> AsyncIterator[Greenlight]:
    """The app on an empty host."""
    async with running(tmp_path) as app:
        yield app
