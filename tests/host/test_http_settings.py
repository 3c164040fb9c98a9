"""`extensions.http` of host.json: headers for every answer, and how many requests may be here."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from standalone.host import Host, HostRefuses
from tests.host.edgehost import an_app, get

CODE = """
import asyncio, os, pathlib

@app.route(route="word", methods=["GET"])
def word(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("word", headers={"X-Frame-Options": "DENY"})

@app.route(route="slow/{number}", methods=["GET"])
async def slow(req: func.HttpRequest) -> str:
    folder = pathlib.Path(os.environ["FOLDER"])
    (folder / req.route_params["number"]).touch()
    while not (folder / "go").exists():
        await asyncio.sleep(0.01)
    return "done"
"""


def settings(**http: Any) -> dict[str, Any]:
    """A host.json with these settings for HTTP."""
    return {"extensions": {"http": http}}


async def test_custom_headers_are_added_to_answers_and_replace_none(tmp_path: Path) -> None:
    """To those of the app and of the durable API, errors too; the host's own pages keep theirs."""
    host_json = settings(customHeaders={"X-Frame-Options": "SAMEORIGIN", "X-Content-Type-Options": "nosniff"})
    app = an_app(tmp_path / "app", CODE, host_json)
    async with Host(app, tmp_path / "state") as host, aiohttp.ClientSession(host.url) as http:
        found = {}
        for path in ("/api/word", "/api/nothing", "/runtime/webhooks/durabletask/instances/x"):
            async with http.get(path) as answer:
                found[path] = (answer.headers["X-Frame-Options"], answer.headers["X-Content-Type-Options"])
        assert list(found.values()) == [("DENY", "nosniff"), ("SAMEORIGIN", "nosniff"), ("SAMEORIGIN", "nosniff")]


async def until(condition: Any) -> None:
    """Wait for what another task brings about."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_no_more_requests_run_at_once_and_wait_than_the_settings_say(tmp_path: Path) -> None:
    """One runs, one waits for its turn, the third is told to come later; the admin API is not counted."""
    folder = tmp_path / "marks"
    folder.mkdir()
    limits = settings(maxConcurrentRequests=1, maxOutstandingRequests=2)
    app = an_app(tmp_path / "app", CODE, limits, values={"FOLDER": str(folder)})
    async with Host(app, tmp_path / "state") as host, aiohttp.ClientSession(host.url) as http:
        first = asyncio.create_task(get(http, "/api/slow/1"))
        await until((folder / "1").exists)
        second = asyncio.create_task(get(http, "/api/slow/2"))
        await until(lambda: host.throttle._outstanding == 2)
        assert await get(http, "/api/word") == (429, "")
        assert (await get(http, "/admin/host/status"))[0] == 200
        assert not (folder / "2").exists()
        (folder / "go").touch()
        assert [await first, await second] == [(200, "done"), (200, "done")]
        assert await get(http, "/api/word") == (200, "word")


async def test_what_is_not_applied_is_named_at_the_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever set it counts on it."""
    app = an_app(tmp_path / "app", CODE, settings(hsts={"isEnabled": True}, dynamicThrottlesEnabled=True, maxOutstandingRequest=3))
    async with Host(app, tmp_path / "state"):
        assert "host.json: extensions.http.hsts: nothing here speaks TLS" in caplog.text
        assert "host.json: extensions.http.dynamicThrottlesEnabled: the counters" in caplog.text
        assert "host.json: extensions.http.maxOutstandingRequest: it is not known here" in caplog.text


@pytest.mark.parametrize(("text", "told"), [('{"extensions": {}}', True), ("{}", False), ('{"version": "2.0"}', False), (None, False)])
async def test_a_host_json_without_its_version_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str | None, told: bool
) -> None:
    """The Functions host would not start; one that is empty or not there at all it fills in."""
    app = an_app(tmp_path / "app", CODE)
    (app / "host.json").unlink()
    if text is not None:
        (app / "host.json").write_text(text, encoding="utf-8")
    async with Host(app, tmp_path / "state"):
        assert ('host.json: "version": "2.0" is missing' in caplog.text) == told


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"maxConcurrentRequests": 0}, "maxConcurrentRequests: Input should be -1, which is no limit, or at least 1"),
        ({"maxOutstandingRequests": "many"}, "maxOutstandingRequests: Input should be a valid integer"),
        ({"customHeaders": {"X Y": "z"}}, "customHeaders: 'X Y': 'z' is no header"),
        ({"customHeaders": {"X": "a\r\nSet-Cookie: b"}}, "customHeaders: 'X': .* is no header"),
    ],
)
async def test_a_setting_that_cannot_be_is_refused_at_the_start(tmp_path: Path, setting: dict[str, Any], told: str) -> None:
    """In one line that names it."""
    with pytest.raises(HostRefuses, match=told):
        async with Host(an_app(tmp_path / "app", CODE, settings(**setting)), tmp_path / "state"):
            raise AssertionError("never reached")
