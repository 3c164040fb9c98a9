"""The host's pages of instances as developers see them: wherever an instance stands, on a desk and on a phone, without scripts."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from standalone.contracts import InstanceQuery
from standalone.host import Host
from standalone.instance_pages import address
from tests.browser.test_pages import DESK, NARROW, Scheme, violations, window

APP = Path(__file__).parents[1] / "host" / "standing_app"
NASTY = '<script>document.title="taken"</script>'


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    """The app with its ways to stand still."""
    async with Host(APP, tmp_path / "state", virtual=True) as running:
        yield running


async def standing(host: Host) -> dict[str, str]:
    """Path by name of the pages of instances that stand in every way there is."""

    async def start(name: str, *events: str, given: Any = None, instance: str | None = None) -> None:
        await host.engine.start_instance(name, None if given is None else json.dumps(json.dumps(given)), instance or name)
        await host.engine.settle()
        for event in events:
            await host.advance(timedelta(hours=7))
            await host.engine.raise_event(instance or name, event, '"yes"')
            await host.engine.settle()

    for name in ("waits", "returns_early", "goes_on_early", "tries_again", "sleeps_long", "fails", "has_children", "asks"):
        await start(name)
    for name, event in (
        ("races", "first"), ("forgets_a_timer", "go"), ("raises_with_a_timer_open", "go"), ("cancels_a_timer", "go"),
        ("spells_it_otherwise", "decision"),
    ):  # fmt: skip
        await start(name, event)
    await start("counts", given=120)
    await start("renews", given=3)
    await start("waits", instance=NASTY, given={"text": "x" * 500 + " Zoë 漢字 " * 50})
    await start("waits", "decision", instance="x" * 100)
    for instance in ("suspended", "terminated"):
        await start("waits", instance=instance)
    await host.engine.suspend("suspended", NASTY)
    await host.engine.terminate("terminated", "no longer wanted")
    await host.advance(timedelta(days=2))
    rows = (await host.engine.query(InstanceQuery())).instances
    return {each.instance_id[:30]: address(each.instance_id) for each in rows}


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_wherever_an_instance_stands(chromium: Browser, host: Host, scheme: Scheme) -> None:
    """On a desk and at 320 px; nor does a page scroll sideways, whatever an id or an input holds."""
    pages = await standing(host)
    pages |= {
        "list": "/standalone/instances",
        "filtered": "/standalone/instances?status=Running&prefix=w",
        "none": "/standalone/instances?prefix=zz",
    }
    async with window(chromium, DESK, scheme, scripts=True) as page:
        for size in (DESK, NARROW):
            await page.set_viewport_size({"width": size[0], "height": size[1]})
            for name, path in pages.items():
                await page.goto(f"{host.url}{path}")
                if size == DESK or name in ("list", "races", "fails", "returns_early"):
                    assert await violations(page) == [], (name, size)
                wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                assert wide <= 0, f"{name} scrolls sideways by {wide} px at {size[0]}"
                assert await page.title() != "taken"


async def test_a_stalled_instance_is_found_understood_and_brought_on_without_scripts(chromium: Browser, host: Host) -> None:
    """From the list to the line, from the line to the event that it waits for, and on to the end."""
    await host.engine.start_instance("returns_early", None, "stalled")
    await host.engine.settle()
    async with window(chromium, DESK) as page:
        await page.goto(f"{host.url}/standalone/instances")
        row = page.get_by_role("row").filter(has_text="stalled")
        assert "Python is done; the engine waits for the event never" in await row.inner_text()
        await page.get_by_role("link", name="stalled").click()

        why = page.get_by_role("region", name="Why it stands still")
        said = await why.inner_text()
        assert "Python is done; the engine waits for the event “never” of function_app.py, line" in said
        assert 'never = context.wait_for_external_event("never")' in said

        assert await page.get_by_label("Event").input_value() == "never", "what it waits for is offered"
        await page.get_by_label("Value, as JSON").fill("{now")
        await page.get_by_role("button", name="Raise the event").click()
        assert "The value is no JSON" in await page.get_by_role("alert").inner_text()
        assert await page.get_by_label("Value, as JSON").input_value() == "{now", "what was typed is kept"

        await page.get_by_label("Value, as JSON").fill('{"now": true}')
        await page.get_by_role("button", name="Raise the event").click()
        assert "The event was handed over." in await page.get_by_role("status").inner_text()
        assert "It completed after" in await page.locator("main").inner_text()


async def test_a_page_of_an_instance_asks_for_nothing_but_its_style_sheet(chromium: Browser, host: Host) -> None:
    """No script, no font, no picture, nothing from elsewhere; with a hundred and twenty tasks it is still light."""
    await host.engine.start_instance("counts", json.dumps("120"), "it")
    await host.engine.settle()
    requests: list[str] = []
    async with window(chromium) as page:
        page.on("request", lambda request: requests.append(request.url))
        await page.goto(f"{host.url}{address('it')}")
        assert await page.locator("script").count() == 0
    assert [url.removeprefix(host.url) for url in requests] == [address("it"), "/standalone/standalone.css"]
