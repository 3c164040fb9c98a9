"""Mails as their readers see them: light, dark, without pictures and styles; and what a scanner does to their links."""

from urllib.parse import urljoin

from playwright.async_api import Browser, Page

from tests.app.greenlight import Greenlight
from tests.browser.test_pages import window

BRIGHTNESS = """([selector]) => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => { const f = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
  const ground = (node) => { for (; node; node = node.parentElement) { const c = parse(getComputedStyle(node).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const node = document.querySelector(selector);
  const own = ground(node);
  return { text: ratio(parse(getComputedStyle(node).color), own), edge: ratio(own, ground(node.parentElement)) };
}"""


async def contrast(page: Page, selector: str) -> dict[str, float]:
    """The contrast of a text on its ground, and of the ground on what lies around it (WCAG 1.4.3, 1.4.11)."""
    found: dict[str, float] = await page.evaluate(BRIGHTNESS, [selector])
    return found


async def test_the_button_of_a_mail_is_seen_in_the_light_and_in_the_dark(chromium: Browser, greenlight: Greenlight) -> None:
    """In dark mode a mail's button was black on black (case 32)."""
    await greenlight.submit()
    letter = greenlight.mails_to("ann")[0]
    for scheme in ("light", "dark"):
        async with window(chromium, scheme=scheme, scripts=True) as page:
            await page.set_content(letter.html)
            button = await contrast(page, "a.button")
            assert button["text"] >= 4.5, scheme
            assert button["edge"] >= 3, scheme
            for selector in ("h1", "p", ".muted"):
                assert (await contrast(page, selector))["text"] >= 4.5, f"{selector}, {scheme}"
            bare = page.locator("a:not(.button)")
            assert await bare.first.is_visible()
            assert (await contrast(page, "a:not(.button)"))["text"] >= 4.5, scheme
    assert "<img" not in letter.html
    link = next(line for line in letter.text.splitlines() if "/api/review/" in line)
    assert link.strip() == link, "a line of its own"


async def test_a_scanner_that_walks_every_link_three_deep_decides_nothing(chromium: Browser, greenlight: Greenlight) -> None:
    """With a browser that runs scripts, by GET and HEAD, every href, src and form target (case 34)."""
    proposal = await greenlight.submit()
    before = await proposal.trail()
    start = {f"{greenlight.host.url}{greenlight.link(person)}" for person in ("ann", "sam")}
    seen: set[str] = set()
    async with window(chromium, scripts=True) as page:
        depth = start
        for _ in range(3):
            found: set[str] = set()
            for url in sorted(depth - seen):
                seen.add(url)
                assert (await greenlight.call("HEAD", url.removeprefix(greenlight.host.url))).status < 500
                await page.goto(url)
                links = await page.evaluate("[...document.querySelectorAll('[href],[src],[action]')].map(n => n.href || n.src || n.action)")
                found |= {urljoin(url, link).partition("#")[0] for link in links if isinstance(link, str)}
            depth = {url for url in found if url.startswith(greenlight.host.url)}
        await greenlight.host.settle()
        assert await proposal.trail() == before

        await page.goto(f"{greenlight.host.url}{greenlight.link('ann')}")
        await page.get_by_role("button", name="Record my decision").click()
    assert await proposal.trail() == before
    assert (await proposal.decide("ann", "approve")).status == 200
