"""Other sites' pages: who may ask, as Core Tools lets them by local.settings.json."""

from pathlib import Path

import aiohttp
import pytest

from standalone.cors import Cors, CorsWrong, policy
from standalone.host import Host, HostRefuses
from tests.host.edgehost import APP, an_app

FRIEND, STRANGER = "https://app.example.com", "https://evil.example.com"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type, x-mine"}
CODE = """
@app.route(route="word", methods=["GET", "POST"])
def word(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("word", headers={"Vary": "Accept"})
"""


def told(answer: aiohttp.ClientResponse) -> dict[str, str]:
    """What an answer says of cross-origin requests."""
    return {name: value for name, value in answer.headers.items() if name.startswith("Access-Control")}


@pytest.mark.parametrize("path", ["/api/word", "/api/nothing", "/runtime/webhooks/durabletask/instances/x/terminate", "/admin/functions/x"])
async def test_a_preflight_is_answered_204_whatever_it_is_for(tmp_path: Path, path: str) -> None:
    """In front of everything, keys and routes; whoever may not ask finds no header in it."""
    app = an_app(tmp_path / "app", CODE, local={"CORS": f"{FRIEND},http://localhost:3000", "CORSCredentials": True})
    async with Host(app, tmp_path / "state", keys=True) as host, aiohttp.ClientSession(host.url) as http:
        async with http.options(path, headers={"Origin": FRIEND, **PREFLIGHT}) as answer:
            assert (answer.status, await answer.read()) == (204, b"")
            assert told(answer) == {
                "Access-Control-Allow-Origin": FRIEND,
                "Access-Control-Allow-Credentials": "true",
                "Access-Control-Allow-Methods": "POST",
                "Access-Control-Allow-Headers": "content-type,x-mine",
            }
            assert answer.headers["Vary"] == "Origin"
        async with http.options(path, headers={"Origin": STRANGER, **PREFLIGHT}) as answer:
            assert (answer.status, told(answer)) == (204, {})


async def test_an_answer_may_be_read_by_who_may_ask_and_is_given_to_everybody(tmp_path: Path) -> None:
    """It is the browser that keeps it from a stranger's page; an error may be read too."""
    app = an_app(tmp_path / "app", CODE, local={"CORS": f"{FRIEND},http://localhost:3000"})
    async with Host(app, tmp_path / "state") as host, aiohttp.ClientSession(host.url) as http:
        for path, status in (("/api/word", 200), ("/api/nothing", 404), ("/runtime/webhooks/durabletask/instances/x", 404)):
            async with http.get(path, headers={"Origin": FRIEND}) as answer:
                assert (answer.status, told(answer)) == (status, {"Access-Control-Allow-Origin": FRIEND})
        async with http.get("/api/word", headers={"Origin": FRIEND}) as answer:
            assert answer.headers.getall("Vary") == ["Accept", "Origin"]
        async with http.get("/api/word", headers={"Origin": STRANGER}) as answer:
            assert (await answer.text(), told(answer)) == ("word", {})
        async with http.get("/api/word") as answer:
            assert told(answer) == {}


async def test_a_site_that_may_ask_may_call_the_durable_api_but_not_the_host_s_pages(tmp_path: Path) -> None:
    """Core Tools keeps nothing from it; the clock and the mailbox are ours, and nobody else's page has any business there."""
    from_friend = {"Origin": FRIEND, "Sec-Fetch-Site": "cross-site"}
    async with Host(APP, tmp_path / "state", cors=FRIEND) as host, aiohttp.ClientSession(host.url) as http:
        async with http.post("/runtime/webhooks/durabletask/orchestrators/waiting", json={"hours": 1}, headers=from_friend) as answer:
            assert answer.status == 202
        async with http.post("/admin/functions/tick", json={"input": ""}, headers=from_friend) as answer:
            assert answer.status == 202
        async with http.post("/standalone/clock", json={"advance": "PT1H"}, headers=from_friend) as answer:
            assert answer.status == 403
        async with http.post("/admin/functions/tick", headers={"Origin": STRANGER, "Sec-Fetch-Site": "cross-site"}) as answer:
            assert answer.status == 403


async def test_without_a_list_options_is_the_app_s_own(tmp_path: Path) -> None:
    """An app that answers preflights itself must get them."""
    code = '@app.route(route="own", methods=["OPTIONS"])\ndef own(req: func.HttpRequest) -> str:\n    return "mine"\n'
    async with (
        Host(an_app(tmp_path / "app", code), tmp_path / "state") as host,
        aiohttp.ClientSession(host.url) as http,
        http.options("/api/own", headers={"Origin": FRIEND, **PREFLIGHT}) as answer,
    ):
        assert (await answer.text(), told(answer)) == ("mine", {})


def test_any_origin_is_told_as_such() -> None:
    """Then the answer is the same for all, and needs no Vary."""
    assert policy("*", credentials=False).headers({"Origin": STRANGER}) == {"Access-Control-Allow-Origin": "*"}


def test_what_no_browser_sends_is_named() -> None:
    """A slash behind, a blank after the comma, a star among others: each is why nothing works."""
    assert policy(f"{FRIEND}, http://b,http://c/,*,null", credentials=False).never_matching() == [" http://b", "http://c/", "*"]
    assert policy("HTTPS://App.Example.com", credentials=False) == Cors([FRIEND], False)


async def test_any_origin_with_credentials_is_refused_at_the_start(tmp_path: Path) -> None:
    """As ASP.NET refuses it: the browser would."""
    with pytest.raises(CorsWrong):
        policy("*", credentials=True)
    app = an_app(tmp_path / "app", CODE, local={"CORS": "*", "CORSCredentials": True})
    with pytest.raises(HostRefuses, match="CORS: any origin"):
        async with Host(app, tmp_path / "state"):
            raise AssertionError("never reached")
