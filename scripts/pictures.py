"""`make pictures`: draw the README's picture from the running app: a mail, the page that its link opens, the status.

Needs Chromium. The app runs on an empty state folder with the sample of `make run`; nothing is drawn by hand.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

import aiohttp
from playwright.async_api import Browser, async_playwright

from scripts.machine import browser, missing
from scripts.run import SAMPLE
from standalone.host import Host

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
WIDTH, HEIGHT = 440, 920
FLAGS = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-background-networking"]

SHEET = """<body style="margin:0;background:{page};display:flex;gap:24px;padding:24px">
<style>img{{width:440px;height:920px;object-fit:cover;object-position:top;border-radius:10px;border:1px solid #8886;display:block}}</style>
{images}</body>"""


async def shot(chromium: Browser, url: str, path: Path, headers: dict[str, str] | None = None) -> None:
    """A page as it looks on a phone."""
    page = await chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT}, extra_http_headers=headers or {})
    await page.goto(url)
    await page.screenshot(path=path)
    await page.close()


async def draw() -> None:
    """Start the app, submit, photograph, and lay the pictures side by side."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        settings = {"GREENLIGHT_DEVELOPMENT": "true", "GREENLIGHT_PLUGINS": "examples.acme_rules", "ACME_SCORING_SECONDS": "0"}
        async with Host(ROOT, work / "state", virtual=True, settings=settings) as host, async_playwright() as playwright:
            chromium = await playwright.chromium.launch(executable_path=browser(), args=FLAGS)
            async with aiohttp.ClientSession(host.url) as http, http.post("/api/proposals", json=SAMPLE) as answer:
                proposal = (await answer.json())["id"]
            await host.settle()
            letter = next(each for each in host.mailbox.list() if each.subject.startswith("Approve"))
            link = next(line.strip() for line in letter.text.splitlines() if "/api/review/" in line)
            await shot(chromium, f"{host.url}/standalone/mail/{letter.id}/html", work / "1.png")
            await shot(chromium, link, work / "2.png")
            await shot(chromium, f"{host.url}/api/proposals/{proposal}", work / "3.png", {"Accept": "text/html"})
            images = "".join(f'<img src="file://{work}/{number}.png">' for number in (1, 2, 3))
            sheet = work / "sheet.html"
            sheet.write_text(SHEET.format(page="#e9ebee", images=images), encoding="utf-8")
            page = await chromium.new_page(viewport={"width": 3 * WIDTH + 4 * 24 + 6, "height": HEIGHT + 50})
            await page.goto(f"file://{sheet}")
            await page.screenshot(path=PICTURES / "greenlight.png")
            await chromium.close()
    print(f"drawn: {(PICTURES / 'greenlight.png').relative_to(ROOT)}")


def main() -> int:
    """Answer the exit code."""
    if browser() is None:
        print(f"pictures need {missing()[0]}", file=sys.stderr)
        return 1
    asyncio.run(draw())
    return 0


if __name__ == "__main__":
    sys.exit(main())
