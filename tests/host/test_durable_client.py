"""The SDK's client, and the durable HTTP API beneath it to the letter: the Durable extension 3.19.0 was asked the same and answered so."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from standalone.host import Host
from tests.host.edgehost import BEGINNING, an_app

APP = Path(__file__).parent / "client_app"
API = "/runtime/webhooks/durabletask"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    """The app of this file, on virtual time."""
    async with Host(APP, tmp_path / "state", virtual=True, start=BEGINNING) as running:
        yield running


class Api:
    """The API, called with paths as they are written."""

    def __init__(self, host: Host, http: aiohttp.ClientSession) -> None:
        self.host, self.http = host, http
        self.headers: dict[str, str] = {}

    async def __call__(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
        """The status and the body's value, once the host has nothing left to do; `headers` are then the answer's."""
        url = URL(f"{self.host.url}{API}/{path}", encoded=True)
        async with self.http.request(method, url, data=body, headers={**JSON, **headers}) as answer:
            text = await answer.text()
            self.headers = dict(answer.headers)
        await self.host.settle()
        return answer.status, json.loads(text) if text else None

    async def client(self, method: str, *arguments: Any) -> Any:
        """What the SDK's client answers in an HTTP function."""
        async with self.http.post(f"{self.host.url}/api/client/{method}", json=arguments) as answer:
            assert answer.status == 200, await answer.text()
            told = await answer.json()
        await self.host.settle()
        return told


@pytest.fixture
async def api(host: Host) -> AsyncIterator[Api]:
    """A client of the API."""
    async with aiohttp.ClientSession() as http:
        yield Api(host, http)


@pytest.mark.parametrize(
    ("written", "instance"),
    [
        ("a%20b", "a b"),
        ("a+b", "a b"),
        ("a%2Bb", "a b"),
        ("a%2541", "aA"),
        ("%C3%A9", "é"),
        ("a%0Ab", "a\nb"),
        ("a%3Fb%23", "a?b#"),
        ("a%", "a%"),
        ("%FF", "\ufffd"),
    ],
)
async def test_ids_in_paths_are_decoded_twice(api: Api, written: str, instance: str) -> None:
    """By the server and by the extension, which takes them for a form's fields. The links of the answer lead to the instance."""
    status, payload = await api("POST", f"orchestrators/waits/{written}")
    assert (status, payload["id"]) == (202, instance)
    async with api.http.get(URL(payload["statusQueryGetUri"], encoded=True)) as answer:
        assert (answer.status, (await answer.json())["instanceId"]) == (202, instance)


@pytest.mark.parametrize("path", ["waits/a%2Fb", "waits/a%252Fb", "waits/a/b", "/x", "waits//x", ""])
async def test_a_slash_in_an_id_or_an_empty_part_leads_nowhere(api: Api, path: str) -> None:
    """However it is written."""
    assert await api("POST", f"orchestrators/{path}") == (404, None)
    assert await api("POST", "orchestrators/waits/a%00b") == (400, None)


async def test_only_true_and_false_are_flags(api: Api) -> None:
    """Other words leave the flag as it is when it is not given."""
    await api("POST", "orchestrators/waits/one", b'{"a": 1}')
    for word, shown in (("false", None), (" FALSE", None), ("0", {"a": 1}), ("", {"a": 1}), ("true", {"a": 1})):
        status, found = await api("GET", f"instances/one?showInput={word.replace(' ', '%20')}")
        assert (status, found["input"]) == (202, shown)
    assert api.headers["Location"].endswith("/instances/one?showInput=true")


async def test_an_input_stays_as_it_was_written(api: Api) -> None:
    """A blank body is none; what follows a byte order mark is read."""
    for number, (body, shown) in enumerate(((b' {"a" :1.10} ', ' {"a" :1.10} '), (b"\xef\xbb\xbf5", "5"), (b" \n", None), (b"", None))):
        assert (await api("POST", f"orchestrators/waits/{number}", body))[0] == 202
        assert (await api("GET", f"instances/{number}?showHistory=true"))[1]["historyEvents"][0]["Input"] == shown
    assert (await api("GET", "instances"))[0] == 200


@pytest.mark.parametrize(
    ("body", "start", "event"),
    [
        (b"1" * 5000, 400, 400),
        (b"{bad", 400, 400),
        (b"nothing", 400, 400),
        (b"{", 500, 400),
        (b'{"a":1,', 500, 400),
        (b"[" * 65 + b"]" * 65, 400, 400),
    ],
)
async def test_a_body_that_is_no_json_is_told_so(api: Api, body: bytes, start: int, event: int) -> None:
    """One that ends too soon, and starts an orchestration, is 500 there."""
    await api("POST", "orchestrators/waits/one")
    status, told = await api("POST", "orchestrators/gives_back", body)
    assert (status, sorted(told)) == (start, ["ExceptionMessage", "ExceptionType", "Message", "StackTrace"])
    assert told["Message"] == ("Invalid JSON content" if start == 400 else "Something went wrong while processing your request")
    assert (await api("POST", "instances/one/raiseEvent/go", body))[0] == event


async def test_what_is_no_number_is_a_string(api: Api) -> None:
    """No reader of JSON takes NaN. It was written bare."""
    await api("POST", "orchestrators/gives_no_number/one")
    _, found = await api("GET", "instances/one?showHistory=true&showHistoryOutput=true")
    assert (found["output"], found["customStatus"]) == (["NaN", 1.5], {"a": "Infinity"})
    await api("POST", "orchestrators/waits/two", b"[NaN, -Infinity]")
    assert (await api("GET", "instances/two"))[1]["input"] == ["NaN", "-Infinity"]


async def test_text_is_written_as_utf_8(api: Api) -> None:
    """Compact, and without escapes that it does not need."""
    await api("POST", "orchestrators/waits/one", '{"é": [1, "\U0001f600"]}'.encode())
    async with api.http.get(f"{api.host.url}{API}/instances/one") as answer:
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        assert '"input":{"é":[1,"\U0001f600"]}' in await answer.text()


async def test_starting_waits_when_both_times_are_given(api: Api) -> None:
    """The output, or the whole status of what failed, always with 200; one time alone is no wish to wait."""
    assert (await api("POST", "orchestrators/gives_back/one?timeout=5", b"{}"))[0] == 202
    assert (await api("POST", "orchestrators/gives_back/two?timeout=x&pollingInterval=1", b"{}"))[0] == 202
    assert await api("POST", "orchestrators/gives_back/three?timeout=1,000&pollingInterval=0.1", b'{"a":1}') == (200, {"a": 1})
    status, found = await api("POST", "orchestrators/fails/four?timeout=5&pollingInterval=0.1&returnInternalServerErrorOnFailure=true")
    assert (status, found["runtimeStatus"]) == (200, "Failed")
    assert await api("POST", "orchestrators/waits/five?timeout=1&pollingInterval=10") == (
        400,
        {"Message": "Total timeout 1 should be bigger than retry timeout 10"},
    )
    assert (await api("POST", "orchestrators/waits/six?timeout=0&pollingInterval=0"))[0] == 202


async def test_statuses_are_listed_by_name_or_number(api: Api) -> None:
    """Blanks around them do not matter, nor how they are joined; a name that is none is left out."""
    await api("POST", "orchestrators/waits/running")
    await api("POST", "orchestrators/fails/failed")
    for query, expected in (
        ("runtimeStatus=Running&runtimeStatus=Failed", ["running", "failed"]),
        ("runtimeStatus=Running,%20Nonsense", ["running"]),
        ("runtimeStatus=3", ["failed"]),
        ("runtimeStatus=99", []),
        ("runtimeStatus=running", ["running", "failed"]),
    ):
        _, found = await api("GET", f"instances?{query}")
        assert [each["instanceId"] for each in found] == expected, query
        assert api.headers["x-ms-continuation-token"] == ""


async def test_a_verb_without_a_reason_leaves_the_output(api: Api) -> None:
    """An empty reason is one; a reason that is JSON is told as its value."""
    await api("POST", "orchestrators/waits/one")
    for verb, output in (
        ("suspend", None),
        ("resume?reason=", ""),
        ("suspend?reason=%20x%20", "x"),
        ("resume", "x"),
        ("terminate?reason=5", 5),
    ):
        assert (await api("POST", f"instances/one/{verb}"))[0] == 202
        assert (await api("GET", "instances/one"))[1]["output"] == output, verb
    assert await api("POST", "instances/one/terminate/x") == (404, None)


async def test_a_verb_that_does_not_fit_says_which_instance(api: Api) -> None:
    """500, with the instance and its state."""
    await api("POST", "orchestrators/waits/one")
    status, told = await api("POST", "instances/one/resume")
    assert status == 500
    assert told["ExceptionMessage"] == "Cannot resume the orchestration instance one because instance is in the Running state."


async def test_restarting_answers_with_public_links_to_the_client_too(api: Api) -> None:
    """The client asks by a way of its own, which is nobody else's."""
    await api("POST", "orchestrators/gives_back/one", b"{}")
    payload = await api.client("restart", "one")
    assert payload["statusQueryGetUri"].startswith(f"{api.host.url}{API}/instances/{payload['id']}?")
    status, told = await api("POST", "instances/nobody/restart")
    assert (status, told["Message"]) == (400, "InstanceId does not match a valid orchestration instance.")
    await api("POST", "orchestrators/waits/two")
    status, told = await api("POST", "instances/two/restart?restartWithNewInstanceId=false")
    assert (status, told["Message"]) == (409, "A non-terminal instance with this instance ID already exists.")


async def test_a_history_is_told_as_there(api: Api) -> None:
    """Its fields and their order; no inputs where none are asked for; none of what has not begun."""
    await api("POST", "orchestrators/waits/one", b"{}")
    await api("POST", "instances/one/raiseEvent/go", b'{"a": 1}')
    started, raised, completed = (await api("GET", "instances/one?showHistory=true"))[1]["historyEvents"]
    assert list(started) == [
        "EventType", "Input", "Correlation", "ParentTraceContext", "ScheduledStartTime", "Generation", "GenerateNewTrace", "Timestamp",
        "FunctionName",
    ]  # fmt: skip
    assert (list(raised), raised["Input"]) == (["EventType", "Name", "Input", "ParentTraceContext", "Timestamp"], '{"a":1}')
    assert list(completed) == ["EventType", "OrchestrationStatus", "FailureDetails", "Timestamp"]
    told = (await api("GET", "instances/one?showHistory=true&showInput=false"))[1]["historyEvents"]
    assert [event for event in told if "Input" in event] == []
    assert "historyEvents" not in (await api("GET", "instances/one"))[1]


async def test_an_error_is_told_without_the_blanks_around_it(api: Api) -> None:
    """As the extension reads what is no JSON."""
    await api("POST", "orchestrators/fails/one")
    assert (await api("GET", "instances/one"))[1]["output"] == "Orchestrator function 'fails' failed:  not like this"


async def test_an_entity_goes_by_the_name_that_its_trigger_gives_it(api: Api) -> None:
    """The function's own is unknown then."""
    await api.client("signal_entity", {"entity": ["Ledger", "a b"]}, "set", {"x": 1})
    assert await api.client("read_entity_state", {"entity": ["ledger", "a b"]}) == [True, {"x": 1}]
    status, told = await api("POST", "entities/ledger_function/one?op=set")
    assert (status, list(told)) == (400, ["Message"])


async def test_entities_are_signalled_listed_and_purged(api: Api) -> None:
    """Text that is not said to be JSON is a string; an entity without a state is told of only with the states."""
    assert await api("POST", "entities/counter/one?op=add", b"5", **{"Content-Type": "text/plain"}) == (202, None)
    assert await api("POST", "entities/counter/two?op=nothing") == (202, None)
    assert await api("POST", "entities/counter?op=reset") == (202, None)
    assert (await api("POST", "entities/counter/one?op=add", b"{"))[0] == 400
    assert (await api("POST", "entities"))[0] == 400
    assert await api("GET", "entities/counter/one") == (200, 5)
    listed = (await api("GET", "entities/counter"))[1]
    assert [[each["entityId"]["key"], each["state"]] for each in listed] == [["", None], ["one", None]]
    assert listed[0]["lastOperationTime"] == "2026-11-30T08:00:00Z"
    listed = (await api("GET", "entities?fetchState=true"))[1]
    assert [[each["entityId"]["key"], each["state"]] for each in listed] == [["", None], ["one", 5], ["two", None]]
    await api.host.advance(timedelta(hours=1))
    await api("POST", "entities/counter/two?op=add", b'"1"')
    assert len((await api("GET", "entities?lastOperationTimeFrom=2026-11-30T08:30:00Z"))[1]) == 1
    assert [(await api("GET", f"instances/@counter@{key}"))[1]["customStatus"] for key in ("one", "")] == [{"entityExists": True}] * 2
    assert await api("DELETE", "instances/@counter@one") == (200, {"instancesDeleted": 1})
    assert await api("GET", "entities/counter/one") == (404, None)


@pytest.mark.parametrize("activity", ["is_odd", "is_odd_in_a_thread"])
@pytest.mark.parametrize(("kind", "error"), [("cancelled", "CancelledError"), ("interrupted", "KeyboardInterrupt")])
async def test_an_activity_fails_whatever_it_raises(api: Api, activity: str, kind: str, error: str) -> None:
    """What is no Exception left its instance Running for ever."""
    await api.client("start_new", "calls", "one", [activity, kind])
    assert (await api("GET", "instances/one"))[1]["output"] == f"Activity function '{activity}' failed: {error}: "


async def test_an_orchestrator_fails_whatever_it_raises(api: Api) -> None:
    """The same."""
    await api("POST", "orchestrators/is_cancelled/one")
    assert (await api("GET", "instances/one"))[1]["runtimeStatus"] == "Failed"


async def test_nothing_is_nested_deeper_than_the_extension_reads(api: Api) -> None:
    """64 of an activity's result; of an orchestrator's output, which lies in its answer, one less."""
    deep = "The reader's MaxDepth of 64 has been exceeded."
    await api.client("start_new", "calls", "64", ["is_odd", "64"])
    assert (await api("GET", "instances/64"))[1]["runtimeStatus"] == "Failed"
    await api.client("start_new", "calls", "65", ["is_odd", "65"])
    assert (await api("GET", "instances/65"))[1]["output"] == f"Activity function 'is_odd' failed: {deep}"
    for depth, status in ((63, "Completed"), (64, "Failed")):
        await api("POST", f"orchestrators/is_deep/{depth}-out", json.dumps({"depth": depth}).encode())
        assert (await api("GET", f"instances/{depth}-out"))[1]["runtimeStatus"] == status
    await api.client("start_new", "calls", "nan", ["is_odd", "no number"])
    assert (await api("GET", "instances/nan"))[1]["output"] == "NaN"


async def test_a_status_names_the_version_and_the_parent(api: Api) -> None:
    """From the beginning, in lists too; where there is none, there is no field."""
    await api("POST", "orchestrators/has_a_child/parent", b'{"child": ["waits", "child"]}')
    await api("POST", "orchestrators/waits/later?version=3")
    parent, child, later = (await api("GET", "instances"))[1]
    assert list(parent)[:3] == ["name", "instanceId", "runtimeStatus"]
    assert (list(child)[:3], child["parentInstanceId"]) == (["name", "instanceId", "parentInstanceId"], "parent")
    assert (list(later)[:3], later["version"], later["runtimeStatus"]) == (["name", "version", "instanceId"], "3", "Pending")
    assert (await api("GET", "instances/child"))[1]["parentInstanceId"] == "parent"


async def test_no_attempt_at_all_is_waited_for_in_vain(api: Api) -> None:
    """The extension has nothing to do, and Python hears of nothing."""
    await api("POST", "orchestrators/tries_never/one")
    _, found = await api("GET", "instances/one?showHistory=true")
    assert (found["runtimeStatus"], len(found["historyEvents"])) == ("Running", 1)


async def test_a_page_is_as_long_as_is_asked_for(api: Api) -> None:
    """A hundred is only what a page holds when nothing is asked for."""
    for number in range(103):
        await api.host.engine.start_instance("waits", None, f"{number:03}")
    for top, lengths in (("", [100, 3]), ("&top=102", [102, 1]), ("&top=500", [103])):
        token, found = "", []
        for _ in lengths:
            page = await api("GET", f"instances?instanceIdPrefix={top}", b"", **{"x-ms-continuation-token": token})
            found.append(len(page[1]))
            token = api.headers["x-ms-continuation-token"]
        assert (found, token) == (lengths, "")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:1/", "Connection refused (127.0.0.1:1)"),
        ("nowhere", "An invalid request URI was provided. Either the request URI must be an absolute URI or BaseAddress must be set."),
    ],
)
async def test_a_call_of_the_web_that_gets_no_answer_says_why_and_nothing_else(api: Api, url: str, why: str) -> None:
    """No activity of the app's failed."""
    await api("POST", "orchestrators/asks_the_web/one", json.dumps({"url": url}).encode())
    assert (await api("GET", "instances/one"))[1]["output"] == why


async def test_a_start_replaces_what_runs_where_host_json_says_so(tmp_path: Path) -> None:
    """overridableExistingInstanceStates: AnyState. A restart under the same id does, too."""
    code = """
@app.orchestration_trigger(context_name="context")
def waits(context):
    return [(yield context.wait_for_external_event("go")), context.get_input()]
"""
    settings = {"extensions": {"durableTask": {"overridableExistingInstanceStates": "AnyState"}}}
    app = an_app(tmp_path / "app", code, settings)
    async with Host(app, tmp_path / "state", virtual=True, start=BEGINNING) as host, aiohttp.ClientSession() as http:
        api = Api(host, http)
        for body in (b'{"n": 1}', b'{"n": 2}'):
            assert (await api("POST", "orchestrators/waits/one", body))[0] == 202
        assert (await api("POST", "instances/one/restart?restartWithNewInstanceId=false"))[0] == 202
        await api("POST", "instances/one/raiseEvent/go", b"5")
        _, found = await api("GET", "instances/one?showHistory=true")
        assert (found["output"], len(found["historyEvents"])) == ([5, {"n": 2}], 3)


async def test_a_client_waits_as_long_as_it_says_though_the_clock_stands(api: Api) -> None:
    """Every time-out is real. It waited for ever."""
    await api("POST", "orchestrators/waits/one")
    async with api.http.get(f"{api.host.url}/api/wait/one") as answer:
        assert answer.status == 202
    await api("POST", "instances/one/raiseEvent/go", b'"x"')
    async with api.http.get(f"{api.host.url}/api/wait/one") as answer:
        assert (answer.status, await answer.json()) == (200, ["x"])


async def test_an_orchestrator_may_run_a_loop_of_its_own(api: Api) -> None:
    """On Azure it is called in a thread without one. The host's own goes on afterwards."""
    for instance in ("one", "two"):
        await api("POST", f"orchestrators/runs_a_loop/{instance}")
        assert (await api("GET", f"instances/{instance}"))[1]["output"] == "run"
