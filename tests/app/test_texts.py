"""What people write: names, titles and reasons of every kind, the same on every surface (cases 28, 30, 37, 39)."""

import html
import json
from email.headerregistry import Address
from typing import Any

import pytest

from domain.reviewing import LONGEST_COMMENT
from tests.app.greenlight import OPERATOR, Greenlight, a_proposal

NAMES = ["Müller, Jürgen", 'Ann "The Roof" O\'Neil', "山田 太郎", "Zoë (Ops) <zoe@example.net>", "ann@example.net"]
TITLES = ["🚀 Hall 3 👩🏽‍🚀 Dächer", "Zażółć gęślą jaźń – 東京 – ﷽ – ẞ – 𝒳", "Утверждение проекта " * 9, "Roof " + "👩🏽‍🚀" * 40]


async def everywhere(greenlight: Greenlight, proposal: str) -> list[str]:
    """The texts of every surface: status, page, mails, list, trail."""
    page = await greenlight.call("GET", greenlight.link("ann"), Accept="text/html")
    status = await greenlight.call("GET", f"/api/proposals/{proposal}")
    listed = await greenlight.call("GET", "/api/operations/proposals", **OPERATOR)
    exported = await greenlight.call("GET", "/api/operations/proposals", Accept="text/csv", **OPERATOR)
    mail = greenlight.mails_to("ann")[0]
    return [written(status.json), written(listed.json), exported.text, html.unescape(page.text), mail.text, html.unescape(mail.html)]


def written(value: Any) -> str:
    """JSON with its characters as they are."""
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize("title", TITLES)
async def test_a_title_is_the_same_on_every_surface_and_its_subject_is_cut_between_characters(greenlight: Greenlight, title: str) -> None:
    """With a non-ASCII subject no mail was sent at all, and nobody noticed (cases 30, 37)."""
    proposal = await greenlight.submit(title=title)
    for surface in await everywhere(greenlight, proposal.id):
        assert title.strip() in surface
    mail = greenlight.mails_to("ann")[0]
    raw_headers = mail.raw.split(b"\r\n\r\n", 1)[0]
    raw_headers.decode("ascii")
    assert max(len(line) for line in raw_headers.split(b"\r\n")) <= 998
    cut = mail.subject.removeprefix("Approve: ").partition(" [GL-")[0].removesuffix("…")
    assert title.startswith(cut)
    assert title[len(cut) : len(cut) + 1] != "\u200d"


@pytest.mark.parametrize("name", NAMES)
async def test_a_submitter_s_name_is_text_and_never_an_address(greenlight: Greenlight, name: str) -> None:
    """A display name with a comma and an umlaut broke To and From (case 28)."""
    answer = await greenlight.call("POST", "/api/proposals", a_proposal(submitter={"name": name, "email": "sam@example.com"}))
    if answer.status == 422:
        assert "<" in name
        return
    await greenlight.host.settle()
    (mail,) = greenlight.mails_to("sam")
    assert mail.to == ["sam@example.com"], "the envelope"
    addresses: tuple[Address, ...] = mail.message["To"].addresses
    assert [(each.addr_spec, each.display_name) for each in addresses] == [("sam@example.com", name)]


async def test_prose_keeps_its_lines_and_blank_titles_are_refused(greenlight: Greenlight) -> None:
    """Line ends may become newlines; nothing else changes."""
    summary = "line one\r\nline two\n\ttabbed\u00a0space\u200bzero width"
    await greenlight.submit(summary=summary)
    page = await greenlight.call("GET", greenlight.link("ann"), Accept="text/html")
    assert "line two" in page.text
    blank = await greenlight.call("POST", "/api/proposals", a_proposal(title="   "))
    assert (blank.status, blank.json["errors"][0]["pointer"]) == (422, "/title")


async def test_a_search_finds_text_however_its_accents_were_composed(greenlight: Greenlight) -> None:
    """A Mac sends an e and an accent, where others send one character."""
    proposal = await greenlight.submit(title="e\u0301te\u0301")
    found: Any = (await greenlight.call("GET", "/api/operations/proposals?q=%C3%A9t%C3%A9", **OPERATOR)).json
    assert proposal.id in str(found)


@pytest.mark.parametrize("letter", ["x", "👍"])
@pytest.mark.parametrize("length", [LONGEST_COMMENT, LONGEST_COMMENT + 1, 40_000])
async def test_a_long_reason_is_kept_whole_or_refused_with_the_limit_and_uses_nothing_up(
    greenlight: Greenlight, length: int, letter: str
) -> None:
    """A hidden database error lost a rejection, and the submitter was never told (case 39)."""
    proposal = await greenlight.submit()
    answer = await proposal.decide("ann", "reject", letter * length)
    if length <= LONGEST_COMMENT:
        assert answer.status == 200
        assert letter * length in str(await proposal.trail())
    else:
        assert answer.status in (413, 422)
        assert (await proposal.status())["status"] == "in_review"
        assert (await proposal.decide("ann", "reject", "short")).status == 200
