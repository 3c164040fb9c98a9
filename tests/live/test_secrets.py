"""Nothing that opens a door leaves through the wrong one: management URLs, keys, and the tokens in links.

These run last, over all that the tests before them were answered and sent.
"""

import json
import re

import pytest

from tests.live.conftest import OPERATOR_KEY, SIGNING_KEY, Site
from tests.live.greenlight import Greenlight, Proposal
from tests.live.test_way import ANA, SUBMITTER

TOKEN = re.compile(r"(?:review|submission)/([A-Za-z0-9_.~=-]{40,})")
MANAGEMENT = re.compile(r"/runtime/webhooks|[?&]code=|taskHub=|AccountKey=")
KEYS = (SIGNING_KEY, OPERATOR_KEY)

pytestmark = pytest.mark.last


async def looked_at_everywhere(greenlight: Greenlight) -> Proposal:
    """A proposal in review of which every surface for systems and operators has been read."""
    proposal = await greenlight.submit("solo")
    link = (await proposal.letter(ANA, "/review/")).link()
    await proposal.status()
    await proposal.trail()
    for path in (f"/api/operations/proposals/{proposal.id}", "/api/operations/proposals", "/api/health", "/api/openapi.json"):
        answer = await greenlight.call("GET", path, **greenlight.headers)
        assert answer.status == 200, answer
    for media_type in ("text/html", "application/json"):
        await greenlight.call("GET", link, Accept=media_type)
    await greenlight.call("GET", link[:-3])
    return proposal


async def test_no_answer_holds_a_management_url_or_a_key(greenlight: Greenlight) -> None:
    """The management URLs of Durable Functions hold a key that can end anybody's approval (durable.md A13)."""
    await looked_at_everywhere(greenlight)
    for answer in greenlight.answers:
        whole = f"{answer.headers} {answer.text}"
        assert not MANAGEMENT.search(whole), answer
        assert not any(key in whole for key in KEYS), answer


async def test_a_token_is_answered_only_to_its_holder(greenlight: Greenlight) -> None:
    """Whoever reads a list, a trail or somebody else's page must not find a link there that decides."""
    await looked_at_everywhere(greenlight)
    for answer in greenlight.answers:
        allowed = set(TOKEN.findall(answer.path))
        if (answer.method, answer.path) == ("POST", "/api/proposals") and answer.status == 202:
            allowed |= set(TOKEN.findall(answer.json()["links"]["submission"]))
        found = set(TOKEN.findall(f"{answer.headers} {answer.text}"))
        assert found <= allowed, answer


async def test_a_mail_holds_its_own_link_and_no_other(greenlight: Greenlight) -> None:
    """A mail is forwarded and archived: it must open one door at most."""
    await looked_at_everywhere(greenlight)
    for letter in greenlight.mailbox.letters:
        whole = letter.raw.decode("utf-8", "replace") + letter.text + letter.html
        assert len(set(TOKEN.findall(letter.text + letter.html))) <= 1, letter
        assert not MANAGEMENT.search(letter.text + letter.html), letter
        assert not any(key in whole for key in KEYS), letter


async def test_no_log_holds_a_token_a_key_or_an_address(site: Site) -> None:
    """Logs are read by more people than decide, and kept for longer."""
    await looked_at_everywhere(site.greenlight)
    tokens = {token for letter in site.greenlight.mailbox.letters for token in TOKEN.findall(letter.text)}
    assert tokens
    logs = site.host.logs()
    for secret in (*tokens, *KEYS, SUBMITTER, ANA):
        assert secret not in logs, f"{secret[:12]}… stands in the log"


async def test_the_engines_history_holds_nothing_of_people(greenlight: Greenlight) -> None:
    """History is kept by the engine, out of reach of erasure: it may hold numbers and names of rules only."""
    proposal = await looked_at_everywhere(greenlight)
    instance = await greenlight.instance(proposal.id, history=True)
    assert instance is not None
    history = json.dumps(instance)
    for secret in ("@live.example", "Ana Ito", "Sam Submitter", proposal.title, *KEYS):
        assert secret not in history, secret
    assert not TOKEN.search(history)
