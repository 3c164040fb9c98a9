"""The durable HTTP API's answers to what is unusual: as the Durable extension 3.19.0 answered when asked the same."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from tests.host.apihost import Api, serving
from tests.host.enginehost import Host, running

APP = Path(__file__).parent / "engine_app"
ANA = {"name": "ana"}


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    async with running(APP, tmp_path) as host:
        yield host


@pytest.fixture
async def api(host: Host) -> AsyncIterator[Api]:
    async with serving(host) as client:
        yield client


async def told(api: Api, path: str) -> Any:
    return await (await api.get(URL(path, encoded=True))).json()


@pytest.mark.parametrize(("path", "instance", "link"), [("a%20b", "a b", "a+b"), ("a+b", "a b", "a+b"), ("A.b~c", "A.b~c", "A.b%7Ec")])
async def test_a_plus_sign_in_a_path_is_a_blank_and_a_blank_in_a_link_is_a_plus_sign(
    host: Host, api: Api, path: str, instance: str, link: str
) -> None:
    """Paths are read and links written by .NET's WebUtility; what it writes leads back to the instance."""
    answer = await (await api.post(URL(f"/orchestrators/approval/{path}", encoded=True), json=ANA)).json()
    assert (answer["id"], f"/instances/{link}?" in answer["statusQueryGetUri"]) == (instance, True)
    await host.engine.settle()
    assert (await told(api, f"/instances/{link}"))["instanceId"] == instance


async def test_an_id_with_a_slash_has_no_path(api: Api) -> None:
    """The host reads it as another path."""
    assert (await api.post(URL("/orchestrators/approval/a%2Fb", encoded=True), json=ANA)).status == 404


@pytest.mark.parametrize("path", ["/orchestrators/approval/one", "/instances/one/raiseEvent/other"])
async def test_what_is_no_json_is_refused_with_400(host: Host, api: Api, path: str) -> None:
    """And says so in the title."""
    await host.engine.start_instance("approval", json.dumps(ANA), "one")
    answer = await api.post(path, data="no json", headers={"Content-Type": "application/json"})
    assert (answer.status, (await answer.json())["Message"]) == (400, "Invalid JSON content")


async def test_a_body_reaches_the_orchestration_as_it_was_written_an_event_without_blanks(host: Host, api: Api) -> None:
    """A start's input is text to the extension, an event's value is read and written again; null is a value."""
    await api.post("/orchestrators/approval/one", data=' {"name" : "\\u00e4na"} ', headers={"Content-Type": "application/json"})
    for value in ('{"a" : "\\u00e4"}', "null"):
        answer = await api.post("/instances/one/raiseEvent/other", data=value, headers={"Content-Type": "application/json"})
        assert answer.status == 202
    await host.engine.settle()
    events = (await told(api, "/instances/one?showHistory=true"))["historyEvents"]
    inputs = [event["Input"] for event in events if event["EventType"] in ("ExecutionStarted", "EventRaised")]
    assert inputs == [' {"name" : "\\u00e4na"} ', '{"a":"ä"}', "null"]


@pytest.mark.parametrize(("verb", "status"), [("suspend", "Suspended"), ("terminate", "Terminated")])
async def test_no_reason_is_null(host: Host, api: Api, verb: str, status: str) -> None:
    """Not an empty text."""
    await api.post("/orchestrators/approval/one", json=ANA)
    assert (await api.post(f"/instances/one/{verb}")).status == 202
    await host.engine.settle()
    found = await told(api, "/instances/one")
    assert (found["runtimeStatus"], found["output"]) == (status, None)


async def test_a_start_waits_only_when_both_times_are_numbers_and_never_answers_500(host: Host, api: Api) -> None:
    """A failure within the time is told by its status."""
    for times in ("timeout=3", "timeout=x&pollingInterval=1"):
        assert (await api.post(f"/orchestrators/returns_a_set?{times}", json={})).status == 202
    answer = await api.post("/orchestrators/returns_a_set?timeout=5&pollingInterval=1", json={})
    assert (answer.status, (await answer.json())["runtimeStatus"]) == (200, "Failed")


async def test_restarts_that_cannot_be_say_why_in_their_title(api: Api) -> None:
    """Nobody of that id: 400; one that runs: 409."""
    nobody = await api.post("/instances/nobody/restart")
    assert (nobody.status, await nobody.json()) == (400, {
        "Message": "InstanceId does not match a valid orchestration instance.",
        "ExceptionMessage": "No instance with ID 'nobody' was found. (Parameter 'instanceId')",
        "ExceptionType": "System.ArgumentException", "StackTrace": "",
    })  # fmt: skip
    await api.post("/orchestrators/approval/one", json=ANA)
    running = await api.post("/instances/one/restart?restartWithNewInstanceId=false")
    assert (running.status, (await running.json())["Message"]) == (409, "A non-terminal instance with this instance ID already exists.")


@pytest.mark.parametrize(
    ("name", "instance"), [("approval", "@a"), ("approval", "@counter@a"), ("@counter@a", "one"), ("@counter", "@counter@a")]
)
async def test_an_orchestration_with_the_id_or_name_of_an_entity_harms_nobody(host: Host, api: Api, name: str, instance: str) -> None:
    """Anybody can ask for one over HTTP."""
    assert (await api.post(f"/orchestrators/{name}/{instance}", json=ANA)).status == 202
    await host.engine.settle()
    await api.post("/orchestrators/approval/other", json=ANA)
    await api.post("/entities/counter/a?op=add", data="1", headers={"Content-Type": "text/plain"})
    await host.engine.settle()
    assert (await told(api, "/instances/other"))["customStatus"] == {"waits for": "decision"}
    if name == "approval":
        assert (await told(api, f"/instances/{instance}"))["name"] == "approval"
    assert (await api.get("/entities?fetchState=true")).status == 200
