"""The host's edge: HTTP, the durable API, timers, mailbox, clock, pages, keys, and refusing to start."""

import asyncio
import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from standalone.command import greeting
from standalone.host import Host
from tests.host.edgehost import APP, BEGINNING, an_app, get


async def test_a_request_reaches_its_function_whole(http: aiohttp.ClientSession) -> None:
    """Bytes, route parameters, query and headers, there and back."""
    body = bytes(range(256))
    async with http.put("/API/Echo/word?q=a%20b", data=body) as answer:
        assert (answer.status, await answer.read()) == (201, body)
        assert (answer.headers["X-Word"], answer.headers["X-Query"]) == ("word", "a b")
        assert answer.headers["Content-Type"] == "application/octet-stream"


async def test_several_cookies_are_set_as_on_azure(host: Host) -> None:
    """A header that repeats; ASP.NET encodes the value, and gives the path / to one that has none."""
    async with aiohttp.ClientSession() as http, http.get(f"{host.url}/api/cookies", headers={"Cookie": "c=3"}) as answer:
        assert await answer.text() == "c=3"
        told = answer.headers.getall("Set-Cookie")
    assert told == ["a=x%2Fy; max-age=60; path=/; samesite=lax; httponly", "b=2; path=/api; secure"]


async def test_no_route_and_a_wrong_method_are_an_empty_404_and_a_raise_an_empty_500(http: aiohttp.ClientSession) -> None:
    """As on the Functions host; nothing of the exception gets out."""
    assert await get(http, "/api/nothing") == (404, "")
    assert await get(http, "/api/echo/word") == (404, "")
    assert await get(http, "/api/broken") == (500, "")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("'x', status_code=99", "the status 99"),
        ("'x', status_code=100", "the status 100"),
        ("'x', status_code=1000", "the status 1000"),
        ("'x', headers={'X A': 'b'}", "a header of the name 'X A'"),
        ("'x', headers={'X': 'a\\x00secret'}", "a value of the header X"),
        ("'x', headers={'Content-Disposition': 'attachment; filename=Ä.pdf'}", "a value of the header Content-Disposition"),
    ],
)
async def test_an_answer_that_cannot_be_sent_is_a_500_and_names_the_function(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, answer: str, told: str
) -> None:
    """As on Azure, rather than a broken connection, or a header that only passes here; its value stays out of the log."""
    code = f'@app.route(route="x", methods=["GET"])\ndef wrong(req: func.HttpRequest):\n    return func.HttpResponse({answer})\n'
    async with Host(an_app(tmp_path / "app", code), tmp_path / "state") as host, aiohttp.ClientSession(host.url) as http:
        assert await get(http, "/api/x") == (500, "")
    assert f"the function wrong answered what cannot be sent: {told}" in caplog.text
    assert "secret" not in caplog.text


async def test_a_host_that_is_up_answers_a_ping_without_a_key(tmp_path: Path) -> None:
    """What containers of the Functions host are watched by."""
    async with Host(APP, tmp_path / "state", keys=True) as host, aiohttp.ClientSession(host.url) as http:
        assert await get(http, "/admin/host/ping") == (200, "")
        assert (await get(http, "/admin/host/status"))[0] == 401


async def test_a_function_that_a_setting_disables_does_not_run(tmp_path: Path) -> None:
    """`AzureWebJobs.NAME.Disabled`, or with underscores, in any case, `true` or `1`: no route, no schedule, and by hand all the same."""
    code = """
ran = []

@app.route(route="gone", methods=["GET"])
def gone(req: func.HttpRequest) -> str:
    return "there"

@app.route(route="ran", methods=["GET"])
def told(req: func.HttpRequest) -> str:
    return ",".join(ran)

@app.timer_trigger(arg_name="timer", schedule="0 0 * * * *")
def tick(timer: func.TimerRequest) -> None:
    ran.append("tick")
"""
    values = {"azurewebjobs.GONE.disabled": "True", "AzureWebJobs_tick_Disabled": "1", "AzureWebJobs.told.Disabled": "no"}
    host = Host(an_app(tmp_path / "app", code, values=values), tmp_path / "state", virtual=True, start=BEGINNING)
    async with host, aiohttp.ClientSession(host.url) as http:
        assert "  disabled: gone, tick" in greeting(host)
        assert await get(http, "/api/gone") == (404, "")
        await host.advance(timedelta(hours=3))
        assert await get(http, "/api/ran") == (200, "")
        async with http.post("/admin/functions/tick?wait=true", json={"input": ""}) as answer:
            assert answer.status == 200
        assert await get(http, "/api/ran") == (200, "tick")


async def test_the_app_sees_the_host_s_time(host: Host, http: aiohttp.ClientSession) -> None:
    """Whatever reads the wall clock, in any library."""
    assert await get(http, "/api/time") == (200, "2026-11-30T08:00:00+00:00")
    await host.advance(timedelta(days=400))
    assert await get(http, "/api/time") == (200, "2028-01-04T08:00:00+00:00")


async def test_a_worker_process_sees_the_host_s_time_too(tmp_path: Path) -> None:
    """A clock that goes by itself is skipped in every process."""
    async with Host(APP, tmp_path / "state", workers=1) as host, aiohttp.ClientSession(host.url) as http:
        await host.advance(timedelta(days=3))
        _, told = await get(http, "/api/time")
        ahead = datetime.fromisoformat(told) - datetime.now(UTC)
        assert timedelta(days=2, hours=23) < ahead < timedelta(days=3, minutes=1)
    async with Host(APP, tmp_path / "state") as host:
        assert host.clock.offset > timedelta(days=2, hours=23, minutes=59), "what was skipped stays skipped after a restart"


@pytest.mark.parametrize("setting", ["connectionName", "connectionStringName"])
async def test_links_name_the_hub_and_the_connection_of_host_json(tmp_path: Path, setting: str) -> None:
    """As those of the real extension, under either name; a client that keeps a link has the same one there."""
    code = (
        "@app.orchestration_trigger(context_name='context')\ndef x(context):\n    return 1\n"
        "@app.route(route='begin')\n@app.durable_client_input(client_name='client')\n"
        "async def begin(req: func.HttpRequest, client) -> func.HttpResponse:\n"
        "    return client.create_check_status_response(req, await client.start_new('x'))\n"
    )
    durable = {"hubName": "%NAME%Hub", "storageProvider": {"type": "azureStorage", setting: "Other"}}
    app = an_app(tmp_path / "app", code, {"extensions": {"durableTask": durable}}, {"NAME": "Expense"})
    async with Host(app, tmp_path / "state") as host, aiohttp.ClientSession(host.url) as http:
        for begin in ("/api/begin", "/runtime/webhooks/durabletask/orchestrators/x"):
            async with http.post(begin, json=None) as answer:
                link = URL((await answer.json())["statusQueryGetUri"])
            assert dict(link.query) == {"taskHub": "ExpenseHub", "connection": "Other"}


async def test_the_durable_client_starts_and_the_durable_api_answers_as_recorded(host: Host, http: aiohttp.ClientSession) -> None:
    """Codes and bodies of the real extension 3.19.0."""
    async with http.post("/api/begin/one") as answer:
        assert answer.status == 202
        payload = await answer.json()
    assert payload["id"] == "one"
    async with http.get(payload["statusQueryGetUri"]) as answer:
        assert answer.status == 202, "the links that a client hands out lead to the instance"
    base = "/runtime/webhooks/durabletask/instances"
    async with http.get(f"{base}/one") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (202, "5")
        assert (await answer.json())["runtimeStatus"] == "Running"
    assert (await get(http, f"{base}/two"))[0] == 404
    async with http.post("/runtime/webhooks/durabletask/orchestrators/waiting/one", json={"hours": 1}) as answer:
        assert (answer.status, list(await answer.json())) == (409, ["Message"])
    codes = {}
    for what, path, body in (
        ("text", f"{base}/one/raiseEvent/go", "x"),
        ("null", f"{base}/one/raiseEvent/other", None),
        ("purge running", f"{base}/one", None),
        ("event", f"{base}/one/raiseEvent/go", {"a": 1}),
    ):
        verb = http.delete if what.startswith("purge") else http.post
        kind = "text/plain" if what == "text" else "application/json"
        async with verb(path, data=json.dumps(body), headers={"Content-Type": kind}) as answer:
            codes[what] = answer.status
    assert codes == {"text": 400, "null": 202, "purge running": 412, "event": 202}
    await host.settle()
    async with http.get(f"{base}/one?showHistory=true") as answer:
        found = await answer.json()
        assert (answer.status, found["output"]) == (200, {"said": {"a": 1}})
        assert [event["EventType"] for event in found["historyEvents"]][-1] == "ExecutionCompleted"
    async with http.post(f"{base}/one/raiseEvent/go", json=1) as answer:
        assert answer.status == 410
    async with http.get(f"{base}?runtimeStatus=Completed,nonsense&top=1") as answer:
        assert [each["instanceId"] for each in await answer.json()] == ["one"]
    async with http.delete(f"{base}/one") as answer:
        assert await answer.json() == {"instancesDeleted": 1}
    async with http.delete(f"{base}?runtimeStatus=Failed") as answer:
        assert answer.status == 400


async def test_a_list_is_paged_by_a_token_in_a_header(host: Host, http: aiohttp.ClientSession) -> None:
    """A page costs a page."""
    for number in range(5):
        await host.engine.start_instance("waiting", '"{\\"hours\\": 1}"', f"i{number}")
    seen, token = [], ""
    for _ in range(9):
        headers = {"x-ms-continuation-token": token} if token else {}
        async with http.get("/runtime/webhooks/durabletask/instances?top=2", headers=headers) as answer:
            seen += [each["instanceId"] for each in await answer.json()]
            token = answer.headers.get("x-ms-continuation-token", "")
        if not token:
            break
    assert seen == [f"i{number}" for number in range(5)]


async def test_the_clock_is_skipped_over_http(host: Host, http: aiohttp.ClientSession) -> None:
    """By JSON and by the page's form; nonsense is 422, and time never goes back."""
    async with http.post("/standalone/clock", json={"advance": "PT72H"}) as answer:
        assert await answer.json() == {"now": "2026-12-03T08:00:00Z", "virtual": True}
    for wrong in ({"advance": "soon"}, {"advance": "-PT1H"}, {}, {"advance": "P99999D"}):
        async with http.post("/standalone/clock", json=wrong) as answer:
            assert answer.status == 422, wrong
    async with http.post("/standalone/clock", data={"advance": "<b>soon"}, headers={"Accept": "text/html"}) as answer:
        page = await answer.text()
        assert answer.status == 422
        assert "Nothing was skipped." in page
        assert 'value="&lt;b&gt;soon"' in page
    async with http.post("/standalone/clock", data={"to": "next"}, headers={"Accept": "text/html"}, allow_redirects=False) as answer:
        assert answer.status == 303
    assert host.clock.now() == datetime(2026, 12, 3, 8, 30, tzinfo=UTC)
    async with http.post("/standalone/clock", json={"advance": "P1D"}, headers={"Sec-Fetch-Site": "cross-site"}) as answer:
        assert answer.status == 403


async def test_a_skip_that_cannot_be_kept_is_refused_and_may_be_tried_again(host: Host, http: aiohttp.ClientSession) -> None:
    """Else a host that is killed afterwards would start in the past of its own histories."""
    in_the_way = host.state_dir / "clock.json"
    in_the_way.unlink(missing_ok=True)
    in_the_way.mkdir()
    async with http.post("/standalone/clock", json={"advance": "PT1H"}) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    in_the_way.rmdir()
    async with http.post("/standalone/clock", json={"advance": "PT1H"}) as answer:
        assert answer.status == 200


async def test_the_pages_show_an_instance_and_act_on_it(host: Host, http: aiohttp.ClientSession) -> None:
    """History as table and picture, and a button for an event; no script anywhere."""
    await host.engine.start_instance("waiting", '"{\\"hours\\": 1}"', "<one>")
    await host.settle()
    _, listed = await get(http, "/standalone/instances", Accept="text/html")
    assert "&lt;one&gt;" in listed
    status, page = await get(http, "/standalone/instances/%3Cone%3E", Accept="text/html")
    assert status == 200
    assert "<svg" in page
    assert "TimerCreated" in page
    assert "<script" not in page
    form = {"name": "go", "value": "1"}
    async with http.post("/standalone/instances/%3Cone%3E/event", data=form, allow_redirects=False) as answer:
        assert answer.status == 303
    await host.settle()
    found = await host.engine.get("<one>")
    assert found is not None
    assert found.runtime_status == "Completed"
    assert (await get(http, "/standalone/", Accept="text/html"))[0] == 200


@pytest.mark.parametrize("path", ["/standalone/mail", "/runtime/webhooks/durabletask/instances", "/admin/functions"])
async def test_a_name_that_points_to_this_machine_does_not_open_what_asks_for_no_key(
    host: Host, http: aiohttp.ClientSession, path: str
) -> None:
    """DNS rebinding: a page elsewhere has its own name resolved to 127.0.0.1."""
    assert (await get(http, path))[0] == 200
    assert (await get(http, path, Host="evil.example.com"))[0] == 403
    reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
    writer.write(f"GET //localhost{path} HTTP/1.1\r\nHost: evil.example.com\r\nConnection: close\r\n\r\n".encode())
    assert b" 404 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("path", ["/runtime/webhooks/durabletask/orchestrators/waiting", "/admin/functions/tick", "/standalone/clock"])
async def test_a_form_of_another_site_does_nothing(http: aiohttp.ClientSession, path: str) -> None:
    """A browser sends it without asking; no key stands in its way here."""
    async with http.post(path, data={"advance": "P1D"}, headers={"Sec-Fetch-Site": "cross-site"}) as answer:
        assert answer.status == 403


async def test_the_workers_own_door_leads_to_the_durable_api_alone(tmp_path: Path) -> None:
    """It asks for no key, so the app's functions must not be reached through it."""
    code = '@app.route(route="door", methods=["GET"])\ndef door(req: func.HttpRequest) -> str:\n    return "open"\n'
    async with Host(an_app(tmp_path / "app", code), tmp_path / "state") as host, aiohttp.ClientSession() as http:
        door = json.loads(host.workers.binding)["rpcBaseUrl"]
        assert (await get(http, f"{door}instances"))[0] == 200
        for path in ("api/door", "standalone/mail", "admin/functions", "runtime/webhooks/durabletask/instances"):
            assert await get(http, f"{door.removesuffix('durabletask/')}{path}") == (404, "")


async def test_a_body_without_a_length_reaches_no_function(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    """As on Azure; whoever wonders finds it in the log. All of the request is sent before any of the answer is read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
    writer.write(
        b"POST /api/echo/word HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nchunk\r\n0\r\n\r\n"
    )
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    assert head.startswith(b"HTTP/1.1 201 ")
    assert b"X-Word: word" in head
    assert body == b""
    assert "without a Content-Length" in caplog.text


async def raw(host: Host, request: bytes) -> bytes:
    """What the host answers to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.close()
    await writer.wait_closed()
    return answer


async def test_a_body_that_is_too_large_is_refused_before_it_is_sent(host: Host) -> None:
    """413, as on Azure above 100 MB; nobody uploads for an hour to be told."""
    head = b"POST /api/echo/word HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    assert (await raw(host, head % (100 * 1024 * 1024 + 1))).startswith(b"HTTP/1.1 413 ")


async def test_a_compressed_body_comes_as_it_is(http: aiohttp.ClientSession) -> None:
    """The Functions host unpacks none; an app that does must not find it unpacked."""
    packed = gzip.compress(b"word")
    async with http.post("/api/echo/word", data=packed, headers={"Content-Encoding": "gzip"}) as answer:
        assert (answer.status, await answer.read()) == (201, packed)


async def test_a_header_may_be_as_long_as_a_token_with_all_of_a_person_s_groups(http: aiohttp.ClientSession) -> None:
    """Kestrel takes 32 KB."""
    assert (await get(http, "/api/open", Authorization="Bearer " + "x" * 20_000)) == (200, "open")


async def test_whoever_hangs_up_in_the_middle_leaves_no_stack_in_the_log(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    """It happens every day, and is nobody's fault here."""
    caplog.set_level("DEBUG")
    reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
    writer.write(b"POST /api/echo/word HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
    assert b" 100 " in await reader.readline()
    writer.write(b"half")
    writer.transport.abort()
    async with asyncio.timeout(5):
        while "a request's body did not come whole" not in caplog.text:
            await asyncio.sleep(0.01)
    assert "Traceback" not in caplog.text


async def test_elsewhere_than_on_loopback_keys_are_asked_for(tmp_path: Path) -> None:
    """And neither the pages nor the workers' own door are to be reached."""
    async with Host(APP, tmp_path / "state", address="0.0.0.0", virtual=True, start=BEGINNING) as host:
        keys = json.loads((tmp_path / "state" / "keys.json").read_text())
        assert (tmp_path / "state" / "keys.json").stat().st_mode & 0o077 == 0
        async with aiohttp.ClientSession(f"http://127.0.0.1:{host.port}") as http:
            assert await get(http, "/api/open") == (200, "open")
            assert (await get(http, "/api/time"))[0] == 401
            assert (await get(http, "/api/time", **{"x-functions-key": keys["default"]}))[0] == 200
            assert (await get(http, f"/api/time?code={keys['master']}"))[0] == 200
            assert (await get(http, "/runtime/webhooks/durabletask/instances"))[0] == 401
            assert (await get(http, f"/runtime/webhooks/durabletask/instances?code={keys['durabletask_extension']}"))[0] == 200
            assert (await get(http, "/admin/functions"))[0] == 401
            assert (await get(http, "/standalone/mail"))[0] == 404
            assert (await get(http, "/durabletask/instances"))[0] == 404
            async with http.post("/api/begin/one", headers={"x-functions-key": keys["default"]}) as answer:
                link = (await answer.json())["statusQueryGetUri"]
            assert (await get(http, link))[0] == 202, "the links that the app hands out carry the durable API's key"


async def test_logs_hold_no_path_and_no_message_of_an_exception_in_an_answer(
    host: Host, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """Paths hold capability tokens: a request is logged by its route."""
    caplog.set_level("INFO")
    async with http.post("/api/echo/capability", data=b"") as answer:
        assert answer.status == 201
    told: Any = caplog.text
    assert "/api/echo/{word:alpha} 201" in told
    assert "capability" not in told


@pytest.mark.parametrize(
    ("request_line", "header"),
    [
        (b"GET /api/echo/capability" + b"x" * 9000 + b" HTTP/1.1", b"Host: localhost"),
        (b"GET /api/ec\x01ho/capability HTTP/1.1", b"Host: localhost"),
        (b"GET http://[capability/x HTTP/1.1", b"Host: localhost"),
        (b"GET /api/echo/capability HTTP/1.1", b"no header"),
        (b"GET /api/echo/capability HTTP/1.1", b"Host: localhost:99999999"),
    ],
)
async def test_what_is_no_http_is_refused_without_a_word_of_its_contents_in_the_log(
    host: Host, caplog: pytest.LogCaptureFixture, request_line: bytes, header: bytes
) -> None:
    """A link that a mail program broke still holds its token."""
    reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
    writer.write(request_line + b"\r\n" + header + b"\r\nConnection: close\r\n\r\n")
    assert b" 400 " in await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert "capability" not in caplog.text
