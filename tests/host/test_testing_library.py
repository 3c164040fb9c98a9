"""`standalone.testing` beyond what docs/testing.md shows: what a test gets told when something is not as it should be."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from standalone.contracts import AppDoesNotLoad, FunctionUnknown, InstanceExists, InstanceNotInState
from standalone.host import HostRefuses
from standalone.testing import DurableHost, NotAtRest, NotReached
from tests.host.edgehost import an_app

BEGINNING = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
CODE = """
import asyncio, threading
from datetime import timedelta

never = threading.Event()

@app.orchestration_trigger(context_name="context")
def answers(context: df.DurableOrchestrationContext):
    context.set_custom_status("asked")
    return (yield context.wait_for_external_event("answer"))

@app.orchestration_trigger(context_name="context")
def acts(context: df.DurableOrchestrationContext):
    return (yield context.call_activity("act", context.get_input()))

@app.orchestration_trigger(context_name="context")
def polls(context: df.DurableOrchestrationContext):
    for _ in range(3):
        yield context.create_timer(context.current_utc_datetime + timedelta(days=2))
    return (yield context.wait_for_external_event("answer"))

@app.activity_trigger(input_name="payload")
async def act(payload: object) -> object:
    if payload == "for ever":
        await asyncio.Event().wait()
    if payload == "on the loop":
        never.wait(1.5)
    if payload == "fail":
        raise ValueError("no")
    return payload

@app.orchestration_trigger(context_name="context")
def waits_in_a_thread(context: df.DurableOrchestrationContext):
    return (yield context.call_activity("wait_in_a_thread", 0))

@app.activity_trigger(input_name="payload")
def wait_in_a_thread(payload: int) -> None:
    never.wait(2)

@app.route(route="echo", methods=["GET", "POST"])
def echo(req: func.HttpRequest) -> func.HttpResponse:
    told = f"{req.params.get('q')} {req.headers.get('x-who')} {req.headers.get('cookie')} {req.get_body().decode()}"
    return func.HttpResponse(told, headers={"Set-Cookie": "a=1"})

@app.route(route="ask", methods=["POST"])
@app.durable_client_input(client_name="client")
async def ask(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> str:
    return await client.start_new("answers", client_input=req.get_json())

@app.route(route="answer/{id}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def answer(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> str:
    await client.raise_event(req.route_params["id"], "answer", req.get_json())
    return "raised"

@app.route(route="away", methods=["GET"])
def away(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(status_code=302, headers={"Location": "/api/echo?q=there"})
"""
STRICT = {"AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small app's folder."""
    return an_app(tmp_path_factory.mktemp("library") / "app", CODE)


@pytest.fixture
def durable_host(app: Path, tmp_path: Path) -> Iterator[DurableHost]:
    """It, started."""
    with DurableHost(app, tmp_path / "state", start=BEGINNING, settings=STRICT, timeout=20) as host:
        yield host


def test_an_event_s_data_arrives_as_sent_over_http_and_as_text_from_the_client(durable_host: DurableHost) -> None:
    """The SDK's client encodes twice (durable.md A10): what is false there is a text here, and true."""
    by_http, by_client = durable_host.start("answers"), durable_host.start("answers")
    by_http.raise_event("answer", False)
    by_client.raise_event("answer", False, by_client=True)
    assert (by_http.output, by_client.output) == (False, "false")
    with pytest.raises(ValueError, match="cannot be null"):
        durable_host.start("answers").raise_event("answer", None)


@pytest.mark.parametrize("data", [{"a": [1]}, [1, 2], False, "text"])
def test_starts_and_events_are_sent_as_the_sdk_s_client_sends_them(durable_host: DurableHost, data: object) -> None:
    """What passes in a test must pass behind the app's own routes."""
    by_app = durable_host.instance(durable_host.post("/api/ask", json=data).text)
    by_test = durable_host.start("answers", data)
    durable_host.post(f"/api/answer/{by_app.id}", json=data)
    by_test.raise_event("answer", data, by_client=True)
    assert [event.get("Input") for event in by_app.history] == [event.get("Input") for event in by_test.history]
    assert by_app.output == by_test.output


def test_an_instance_tells_of_itself(durable_host: DurableHost) -> None:
    """Name, status, custom status, history, and what the engine allows."""
    instance = durable_host.start("answers", instance_id="one")
    assert (instance.id, instance.name, instance.status, instance.custom_status) == ("one", "answers", "Running", "asked")
    assert repr(instance) == "<Instance one of answers: Running, It stands at the event answer.>"
    with pytest.raises(InstanceExists):
        durable_host.start("answers", instance_id="one")
    with pytest.raises(InstanceNotInState):
        instance.purge()
    instance.terminate("enough")
    assert (instance.status, instance.output) == ("Terminated", "enough")
    assert [event["EventType"] for event in instance.history] == ["ExecutionStarted", "ExecutionTerminated", "ExecutionCompleted"]
    instance.purge()
    assert durable_host.instances() == []


def test_an_instance_that_does_not_exist_says_so(durable_host: DurableHost) -> None:
    """A wrong id is found at the first question."""
    nobody = durable_host.instance("nobody")
    assert repr(nobody) == "<Instance nobody, which does not exist>"
    with pytest.raises(NotReached, match="There is no instance 'nobody' on this host"):
        _ = nobody.status


def test_what_failed_can_be_run_again(durable_host: DurableHost) -> None:
    """Rewind, with the cause gone."""
    instance = durable_host.start("acts", "fail")
    assert instance.status == "Failed"
    durable_host.replace_activity("ACT", lambda payload: f"{payload}ed no more")
    instance.rewind("it works now")
    assert instance.output == "failed no more"


def test_no_output_yet_says_where_it_stands(durable_host: DurableHost) -> None:
    """And what would take it further."""
    durable_host.start("polls")
    with pytest.raises(NotReached) as refused:
        _ = durable_host.start("answers", instance_id="one").output
    assert str(refused.value).splitlines() == [
        "There is no output yet. answers one is Running on Mon 30 Nov 2026, 09:00:00 UTC.",
        "It stands at the event answer.",
        'Line: function_app.py, line 15, in answers: return (yield context.wait_for_external_event("answer"))',
        "Due next on this host: Wed 02 Dec 2026, 09:00:00 UTC, in 2 days, 0:00:00.",
        "Its history:",
        "  2026-11-30T09:00:00 ExecutionStarted answers",
    ]


def test_waiting_for_an_event_skips_to_where_it_is_waited_for_and_not_further(durable_host: DurableHost) -> None:
    """Three timers of two days; then nothing is due any more."""
    instance = durable_host.start("polls")
    with pytest.raises(NotReached, match="has not waited for the event 'answer', up to Thu 03 Dec 2026"):
        instance.wait_for_event("answer", within=timedelta(days=3))
    instance.wait_for_event("answer")
    assert durable_host.now == BEGINNING + timedelta(days=6)
    with pytest.raises(NotReached, match=r"has not ended(.|\n)*No durable timer is due on this host"):
        instance.wait_for_completion()
    assert durable_host.now == BEGINNING + timedelta(days=6)


def test_an_orchestration_that_fails_has_not_completed(durable_host: DurableHost) -> None:
    """`wait_for_completion` says which activity failed, and how."""
    with pytest.raises(NotReached, match=r"did not complete(.|\n)*Failed: Activity function 'act' failed: ValueError: no"):
        durable_host.start("acts", "fail").wait_for_completion()


def test_time_does_not_go_back(durable_host: DurableHost) -> None:
    """A test that asks for it is wrong about where it is."""
    with pytest.raises(ValueError, match="time does not go back"):
        durable_host.advance(days=-1)
    with pytest.raises(ValueError, match="time does not go back"):
        durable_host.advance_to(BEGINNING - timedelta(hours=1))


@pytest.mark.parametrize("fake", [Mock(side_effect=[OSError("no line"), 7]), AsyncMock(side_effect=[OSError("no line"), 7])])
def test_a_fake_fails_and_answers_as_an_activity_does(durable_host: DurableHost, fake: Any) -> None:
    """The orchestrator cannot tell it from the real one."""
    durable_host.replace_activity("act", fake)
    failed, answered = durable_host.start("acts", {"a": 1}), durable_host.start("acts", [2])
    assert failed.output.startswith("Orchestrator function 'acts' failed: Activity function 'act' failed: OSError: no line")
    assert answered.output == 7
    assert [call.args for call in fake.call_args_list] == [({"a": 1},), ([2],)]


def test_fakes_that_are_not_async_run_beside_each_other(durable_host: DurableHost) -> None:
    """They have threads of their own, as sync activities have: two that wait for each other both end."""
    both = threading.Barrier(2, timeout=10)
    durable_host.replace_activity("act", lambda _: both.wait() >= 0)
    outputs = []

    def start() -> None:
        outputs.append(durable_host.start("acts").output)

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outputs == [True, True]


def test_what_is_not_there_cannot_be_replaced_or_run(durable_host: DurableHost) -> None:
    """A name that is misspelt is told with those that there are."""
    with pytest.raises(FunctionUnknown, match=r"'pay'.*known activity functions: 'act', 'wait_in_a_thread'"):
        durable_host.replace_activity("pay", Mock())
    with pytest.raises(FunctionUnknown, match="no timer function 'sweep'; it has: none"):
        durable_host.run_timer("sweep")


def test_a_request_is_made_as_asked_for(durable_host: DurableHost) -> None:
    """Query, headers, body, redirects; no cookie is kept."""
    assert durable_host.get("/api/echo", params={"q": "x"}, headers={"X-Who": "ann"}).text == "x ann None "
    assert durable_host.post("/api/echo", data={"a": "b c"}).text == "None None None a=b+c"
    assert durable_host.post(f"{durable_host.url}/api/echo", json=0).text == "None None None 0"
    assert durable_host.get("/api/away").headers["Location"] == "/api/echo?q=there"
    assert durable_host.get("/api/away", follow_redirects=True).text == "there None None "


@pytest.mark.parametrize(
    ("orchestrator", "payload", "line"),
    [
        ("acts", "for ever", "in act: await asyncio.Event().wait()"),
        ("acts", "on the loop", "in act: never.wait(1.5)"),
        ("waits_in_a_thread", None, "in wait_in_a_thread: never.wait(2)"),
    ],
)
def test_an_app_that_does_not_come_to_rest_says_on_which_line_it_is(
    app: Path, tmp_path: Path, orchestrator: str, payload: object, line: str
) -> None:
    """Whether it waits in a task, in a thread, or holds up the loop; and the host stops all the same."""
    with DurableHost(app, tmp_path, settings=STRICT, timeout=0.5) as host, pytest.raises(NotAtRest) as refused:
        host.start(orchestrator, payload)
    assert str(refused.value).startswith("After 0.5 s the app has not come to rest.\n")
    assert line in str(refused.value)


def test_the_app_s_own_loop_and_a_host_that_has_stopped_do_nothing(durable_host: DurableHost, app: Path, tmp_path: Path) -> None:
    """Both would wait for ever."""

    async def call_back(_: object) -> str:
        with pytest.raises(RuntimeError, match="cannot wait for itself"):
            durable_host.settle()
        return "refused"

    durable_host.replace_activity("act", call_back)
    assert durable_host.start("acts").output == "refused"
    with DurableHost(app, tmp_path / "other", settings=STRICT, workers=1) as stopped:
        pass
    for call in (stopped.settle, stopped.instances, lambda: stopped.start("acts")):
        with pytest.raises(RuntimeError, match="has stopped"):
            call()


def test_one_host_at_a_time_runs_its_app_in_this_process(durable_host: DurableHost, app: Path, tmp_path: Path) -> None:
    """Two would share modules, environment and wall clock; one in processes of its own shares nothing, and lets nothing be replaced."""
    with pytest.raises(HostRefuses, match="another host runs its app in this process"), DurableHost(app, tmp_path / "second"):
        pass
    with DurableHost(app, tmp_path / "third", settings=STRICT, workers=1) as apart:
        assert apart.start("acts", 3).output == 3
        with pytest.raises(HostRefuses, match="nothing can be replaced"):
            apart.replace_activity("act", Mock())


def test_a_host_that_does_not_start_leaves_the_process_as_it_was(app: Path, tmp_path: Path) -> None:
    """The next one starts."""
    broken = an_app(tmp_path / "broken", "import nowhere\n")
    with pytest.raises(AppDoesNotLoad, match="No module named 'nowhere'"), DurableHost(broken, tmp_path / "state"):
        pass
    with DurableHost(app, tmp_path / "state", settings=STRICT) as host:
        assert host.start("acts", 3).output == 3
        with pytest.raises(AppDoesNotLoad):
            host.restart(app=broken)
    with DurableHost(app, tmp_path / "state", settings=STRICT) as host:
        assert [each.output for each in host.instances("acts")] == [3]


def test_after_a_restart_time_and_instances_are_as_they_were_and_fakes_are_gone(durable_host: DurableHost) -> None:
    """It is a deployment: the code is new, the state is not."""
    durable_host.replace_activity("act", lambda _: "fake")
    waiting = durable_host.start("answers")
    durable_host.advance(days=3)
    durable_host.restart()
    assert durable_host.now == BEGINNING + timedelta(days=3)
    assert waiting.awaited_events == {"answer"}
    assert durable_host.start("acts", "real").output == "real"


def test_what_has_not_completed_is_told_first_and_not_everything(durable_host: DurableHost) -> None:
    """Whoever reads it looks for what stands still."""
    assert durable_host.explain() == "There are none."
    for number in range(4):
        durable_host.start("acts", number, instance_id=f"done-{number}")
    durable_host.start("answers", instance_id="waiting")
    told = durable_host.explain()
    assert told.startswith("answers waiting is Running")
    assert "acts done-0 is Completed" in told
    assert told.endswith("2 more are not told of.")
