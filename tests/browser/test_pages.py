"""What people see: good on a phone and on a desk, light and dark, without scripts, for everybody."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, Page

from scripts.machine import AXE
from standalone.contracts import InstanceQuery
from tests.app.greenlight import Greenlight, a_proposal, policy, stage

PHONE, DESK, NARROW = (390, 844), (1280, 900), (320, 640)
Scheme = Literal["light", "dark"]


@asynccontextmanager
async def window(
    chromium: Browser, size: tuple[int, int] = PHONE, scheme: Scheme = "light", *, scripts: bool = False
) -> AsyncIterator[Page]:
    """A window of its own. Scripts are off; `scripts` lets the checker in, past the page's CSP."""
    context = await chromium.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, java_script_enabled=scripts, bypass_csp=scripts
    )
    try:
        yield await context.new_page()
    finally:
        await context.close()


async def violations(page: Page) -> list[Any]:
    """What axe-core finds, in short."""
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [(each["id"], [node["target"] for node in each["nodes"]][:3]) for each in found["violations"]]


async def every_page(greenlight: Greenlight) -> dict[str, str]:
    """Path by name of every page that people meet: before, in the middle of, and after a decision."""
    greenlight.use(policy(stage("ann", "ben"), stage("cem")))
    summary = "Panels.\n\n- **one**\n- two\n\n> quote\n\n`code`"
    details = {"suppliers": ["Sonnendach"]}
    first = await greenlight.submit(summary=summary, details=details, links=["https://example.com/a"])
    asked = greenlight.link("ben")
    await first.decide("ann", "approve")
    decided = greenlight.link("ann")
    await greenlight.submit()
    await greenlight.call("POST", greenlight.link("ann"), {"action": "request_changes", "comment": "Which?"})
    await greenlight.host.settle()
    changes = greenlight.link("sam")
    settled = greenlight.link("ben")
    return {"asked": asked, "decided": decided, "changes": changes, "settled": settled, "not a link": "/api/review/nothing"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK, NARROW], ids=["phone", "desk", "narrow"])
async def test_axe_finds_nothing_on_any_page(chromium: Browser, greenlight: Greenlight, size: tuple[int, int], scheme: Scheme) -> None:
    """Light, dark, on a phone, on a desk, and at 320 px; nor does any page scroll sideways."""
    pages = await every_page(greenlight)
    pages |= {
        "mailbox": "/standalone/mail",
        "mail": "/standalone/mail/1",
        "clock": "/standalone/clock",
        "instances": "/standalone/instances",
        "instance": f"/standalone/instances/{(await greenlight.host.engine.query(InstanceQuery())).instances[0].instance_id}",
        "functions": "/standalone/",
        "no page": "/standalone/nothing",
    }
    async with window(chromium, size, scheme, scripts=True) as page:
        for name, path in pages.items():
            await page.goto(f"{greenlight.host.url}{path}")
            assert await violations(page) == [], name
            wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, f"{name} scrolls sideways by {wide} px"


async def test_the_whole_way_from_the_mailbox_to_the_confirmation_without_scripts(chromium: Browser, greenlight: Greenlight) -> None:
    """Open the mail, follow its link, forget the reason, mend it, decide; the same address keeps saying what was recorded."""
    greenlight.use(policy(stage("ann")))
    proposal = await greenlight.submit()
    async with window(chromium) as page:
        await page.goto(f"{greenlight.host.url}/standalone/mail")
        await page.get_by_role("link", name="Approve: Solar roof").first.click()
        frame = page.frame_locator("iframe")
        link = await frame.get_by_role("link", name="Read and decide").get_attribute("href")
        assert link is not None
        await frame.get_by_role("link", name="Read and decide").click()
        await page.wait_for_url(link)
        assert "Solar roof, Hall 3" in await page.locator("h1").inner_text()

        await page.get_by_role("radio", name="Reject").check()
        await page.get_by_role("button", name="Record my decision").click()
        assert (await page.title()).startswith("Error: ")
        assert await page.get_by_role("radio", name="Reject").is_checked(), "answers are kept"
        assert (await proposal.status())["status"] == "in_review", "nothing is used up"

        await page.get_by_role("textbox", name="Reason").or_(page.get_by_label("comment", exact=False)).first.fill("Too expensive.")
        await page.get_by_role("button", name="Record my decision").click()
        assert page.url == link, "the same address"
        said = await page.locator("main").inner_text()
        assert "rejected" in said.casefold()
        await greenlight.host.settle()
        await page.goto(link)
        assert await page.locator("main").inner_text() == said or "rejected" in (await page.locator("main").inner_text()).casefold()
    assert (await proposal.status())["status"] == "rejected"


async def test_a_submitter_answers_a_request_for_changes_on_their_page(chromium: Browser, greenlight: Greenlight) -> None:
    """The form holds what was sent; a new round begins with what it says now."""
    proposal = await greenlight.submit()
    await proposal.decide("ann", "request_changes", "Which modules?")
    async with window(chromium) as page:
        await page.goto(f"{greenlight.host.url}{greenlight.link('sam')}")
        assert "Which modules?" in await page.locator("main").inner_text()
        assert await page.get_by_label("Title").input_value() == "Solar roof, Hall 3"
        await page.get_by_label("Summary").fill("Panels by Sonnendach.")
        await page.get_by_role("button", name="Send the revision").or_(page.locator("form button").first).first.click()
        await greenlight.host.settle()
    assert (await proposal.status())["round"] == 2


async def test_a_page_is_light_and_asks_for_nothing_from_elsewhere(chromium: Browser, greenlight: Greenlight) -> None:
    """At most 14 KB gzipped with its style sheet, at most two requests, no script, no font, no picture (P11)."""
    await greenlight.submit()
    requests: list[str] = []
    async with window(chromium) as page:
        page.on("request", lambda request: requests.append(request.url))
        await page.goto(f"{greenlight.host.url}{greenlight.link('ann')}")
        assert await page.locator("script").count() == 0
    import gzip

    assert len(requests) <= 2
    assert all(url.startswith(greenlight.host.url) for url in requests)
    bodies = [(await greenlight.call("GET", url.removeprefix(greenlight.host.url), Accept="text/html,text/css")).text for url in requests]
    assert sum(len(gzip.compress(body.encode())) for body in bodies) <= 14 * 1024


async def test_what_people_write_is_shown_as_they_wrote_it(chromium: Browser, greenlight: Greenlight) -> None:
    """Markup in a title is text; markup in a summary is Markdown, and nothing in it runs."""
    nasty = '<script>document.title="taken"</script><img src=x onerror="document.title=1">'
    answer = await greenlight.call("POST", "/api/proposals", a_proposal(title=nasty, summary=f"{nasty}\n\n[x](javascript:alert(1))"))
    assert answer.status == 202
    await greenlight.host.settle()
    async with window(chromium, scripts=True) as page:
        await page.goto(f"{greenlight.host.url}{greenlight.link('ann')}")
        assert await page.locator("h1").inner_text() == nasty
        assert await page.locator("main img, main script").count() == 0
        links = await page.evaluate("[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))")
        assert not any(link.startswith("javascript") for link in links), json.dumps(links)
