"""What is told of entities, and what becomes of messages to them: as the Durable extension 3.19.0 answered when asked the same."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from standalone import contracts
from standalone.contracts import InstanceQuery
from standalone.engine import sorter
from tests.host.apihost import Api, serving
from tests.host.enginehost import BEGINNING, Host, running

APP = Path(__file__).parent / "entity_app"


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    async with running(APP, tmp_path) as host:
        yield host


@pytest.fixture
async def api(host: Host) -> AsyncIterator[Api]:
    async with serving(host) as client:
        yield client


async def entity(host: Host, key: str = "k") -> contracts.InstanceStatus:
    found = await host.engine.get(f"@box@{key}", history=True)
    assert found is not None
    return found


async def ask(host: Host, *operations: Any) -> str:
    instance = await host.engine.start_instance("asks", json.dumps(json.dumps(operations)))
    await host.engine.settle()
    return instance


async def output(host: Host, instance: str) -> Any:
    found = await host.engine.get(instance)
    assert found is not None
    return json.loads(found.output_json or "null")


async def test_a_client_s_signal_leaves_the_state_and_an_empty_sorter(host: Host) -> None:
    """The input is what the extension keeps of an entity, the custom status says only that it exists, the history is its last batch."""
    await host.engine.signal_entity("box", "k", "set", '"2"')
    await host.engine.settle()
    found = await entity(host)
    assert found.input_json == '{"exists":true,"state":"2","sorter":{}}'
    assert (found.name, found.runtime_status, found.custom_status_json) == ("@box@k", "Running", '{"entityExists": true}')
    (begun,) = json.loads(found.history_json or "")
    assert (begun["EventType"], begun["Input"], begun["FunctionName"]) == ("ExecutionStarted", found.input_json, "@box@k")


async def test_an_entity_without_a_state_has_what_the_sdk_gave_for_it(host: Host) -> None:
    """After an operation that only fails, and after the end: no `exists`, the state the text null, and nothing in the custom status."""
    for operation in ("set", "destroy"):
        await host.engine.signal_entity("box", operation, operation, "5")  # a bare number: get_input fails
    await host.engine.settle()
    for key in ("set", "destroy"):
        found = await entity(host, key)
        assert (found.input_json, found.custom_status_json) == ('{"state":"null","sorter":{}}', "{}")
        assert await host.engine.entity_state("box", key) == "null"


async def test_an_orchestration_that_asked_stands_in_the_sorter_with_its_last_stamp(host: Host) -> None:
    """Messages of orchestrations and of entities are put in order within half an hour, and each is done once."""
    instance = await ask(host, ["set", 5], ["get"], ["set and fail"], ["get"], ["destroy"], ["get"])
    assert await output(host, instance) == [None, 5, "failed: on purpose", "half", None, "nothing"]
    kept = json.loads((await entity(host)).input_json or "")["sorter"]
    assert kept["ReceiveHorizon"] == sorter.stamp(BEGINNING - timedelta(minutes=30))
    (sender,) = kept["ReceivedFromInstance"].items()
    assert sender[0] == instance
    assert sender[1]["Last"] == sorter.stamp(BEGINNING)[:-1] + ".0000005"  # the sixth of one instant


async def test_requests_and_answers_are_told_in_the_form_of_the_extension(host: Host) -> None:
    """Whoever reads histories finds the names, the order and the stamps of messages as on Azure."""
    found = await host.engine.get(await ask(host, ["set", 5], ["set and fail"]), history=True)
    assert found is not None
    events = [event for event in json.loads(found.history_json or "") if event["EventType"].startswith("Event")]
    first, answer, second, failure = (json.loads(event["Input"]) for event in events)
    assert list(first) == ["$type", "op", "input", "id", "parent", "parentExecution", "Timestamp", "Predecessor", "requestTime"]
    assert (first["input"], first["Predecessor"], second["Predecessor"]) == ('"5"', sorter.NEVER, first["Timestamp"])
    assert (answer["result"], "exceptionType" in answer) == ("null", False)
    assert (failure["result"], failure["exceptionType"]) == ('"on purpose"', "Error")


async def test_the_sorter_forgets_who_sent_nothing_for_half_an_hour(host: Host) -> None:
    """It is swept when a message comes, so that it does not grow without end."""
    first = await ask(host, ["set", 5])
    await host.advance(minutes=31)
    second = await ask(host, ["get"])
    kept = json.loads((await entity(host)).input_json or "")["sorter"]["ReceivedFromInstance"]
    assert (first in kept, second in kept) == (False, True)


async def test_signals_of_one_instant_keep_their_order_over_days(host: Host) -> None:
    """Stamps of one instant are counted on from each other; a day later nothing before is waited for."""
    await host.engine.start_instance("signals_twice_a_day_later", None)
    await host.engine.settle()
    assert await host.engine.entity_state("box", "k") == "2"
    await host.advance(days=1, seconds=1)
    assert await host.engine.entity_state("box", "k") == "3"


async def test_a_batch_that_cannot_be_answered_comes_again_ever_later(host: Host) -> None:
    """A state that is no JSON: the SDK fails, the caller waits, nobody sees an entity; what comes after is done meanwhile."""
    instance = await ask(host, ["break"], ["get"])
    assert await host.engine.get("@box@k") is None
    assert (await host.engine.query(InstanceQuery(id_prefix="@"))).instances == []
    first_tries = [host.engine.next_due()]
    for _ in range(2):
        await host.advance(seconds=(first_tries[-1] - host.clock.now()).total_seconds())
        first_tries.append(host.engine.next_due())
    assert first_tries == [BEGINNING + timedelta(seconds=seconds) for seconds in (2, 6, 14)]
    await host.engine.signal_entity("box", "k", "set", '"1"')
    await host.advance(hours=1)
    assert await host.engine.entity_state("box", "k") == "1"
    assert (await host.engine.get(instance)).runtime_status == "Running"  # type: ignore[union-attr]


async def test_a_terminated_entity_does_nothing_more_and_one_that_runs_may_be_purged(host: Host) -> None:
    """Both are how operators get rid of an entity; after a purge it begins anew."""
    await host.engine.signal_entity("box", "k", "set", '"1"')
    await host.engine.settle()
    await host.engine.terminate("@box@k", "enough")
    await host.engine.signal_entity("box", "k", "set", '"2"')
    await host.engine.settle()
    found = await entity(host)
    assert (found.runtime_status, found.output_json, await host.engine.entity_state("box", "k")) == ("Terminated", '"enough"', "1")
    told = [event["EventType"] for event in json.loads(found.history_json or "")]
    assert told == ["ExecutionStarted", "ExecutionTerminated", "ExecutionCompleted"]

    for value in ("3", "4"):
        await host.engine.purge("@box@k")
        assert await host.engine.entity_state("box", "k") is None
        await host.engine.signal_entity("box", "k", "set", json.dumps(value))
        await host.engine.settle()
        assert await host.engine.entity_state("box", "k") == value


@pytest.mark.parametrize(
    ("body", "kind", "state"),
    [
        ("7", "text/plain", "7"),
        ("[1.5, null]", "text/plain", "[1.5,null]"),
        ('"8"', "application/json", "8"),
        ("9", "application/json", "null"),
        ('{"a": 1}', "application/json; charset=utf-8", "null"),
    ],
)
async def test_the_input_of_a_signal_over_http_is_its_json_or_its_text(host: Host, api: Api, body: str, kind: str, state: str) -> None:
    """The SDK's get_input decodes twice, so it takes text that holds JSON and fails at JSON that is none."""
    answer = await api.post("/entities/box/k?op=set", data=body, headers={"Content-Type": kind})
    await host.engine.settle()
    assert (answer.status, await (await api.get("/entities/box/k")).text()) == (202, state)


async def test_what_is_wrong_with_a_signal_over_http_is_said(api: Api) -> None:
    """A body that is no JSON, an entity that there is not, a key with a slash: nothing is sent."""
    no_json = await api.post("/entities/box/k?op=set", data="no json", headers={"Content-Type": "application/json"})
    assert (no_json.status, "Could not parse JSON content" in await no_json.text()) == (400, True)
    nobody = await api.post("/entities/nobody/k?op=set")
    assert (nobody.status, "is not an entity function" in (await nobody.json())["Message"]) == (400, True)
    assert (await api.post("/entities/box/a%2Fb?op=set")).status == 404
    assert (await api.get("/entities/box/k")).status == 404


async def test_an_entity_without_a_key_is_sent_to_by_no_key_and_read_by_a_dollar(host: Host, api: Api) -> None:
    """An empty key is a key; a path cannot end in it."""
    await api.post("/entities/box?op=set", data="1", headers={"Content-Type": "text/plain"})
    await host.engine.settle()
    assert await (await api.get("/entities/box/$")).json() == 1


async def test_lists_leave_out_what_does_not_exist_unless_states_are_asked_for(host: Host, api: Api) -> None:
    """A page that holds nothing else is passed over; times of the last operation limit the list."""
    for key, operation in (("a", "destroy"), ("b", "destroy"), ("c", "set")):
        await host.engine.signal_entity("box", key, operation, '"1"')
    await host.engine.settle()
    without, with_state = [await (await api.get(f"/entities/BOX?top=2{more}")).json() for more in ("", "&fetchState=true")]
    assert without == [{"entityId": {"name": "box", "key": "c"}, "lastOperationTime": "2026-03-02T09:00:00Z", "state": None}]
    assert [(row["entityId"]["key"], row["state"]) for row in with_state] == [("a", None), ("b", None)]
    for limit in ("lastOperationTimeFrom=2026-03-02T09:00:01Z", "lastOperationTimeTo=2026-03-02T08:59:59Z"):
        assert await (await api.get(f"/entities/box?{limit}")).json() == []


async def test_show_input_false_leaves_inputs_out_of_the_history_too(host: Host, api: Api) -> None:
    """It is asked for where inputs are nobody's business."""
    instance = await ask(host, ["get"])
    told = await (await api.get(f"/instances/{instance}?showHistory=true&showInput=false")).json()
    assert (told["input"], any("Input" in event for event in told["historyEvents"])) == (None, False)


def message(sent: int, before: int | None, execution: str = "x") -> dict[str, Any]:
    """A message of the orchestration `me`, `sent` so many seconds after the beginning."""
    at, earlier = (sorter.stamp(BEGINNING + timedelta(seconds=each)) if each is not None else sorter.NEVER for each in (sent, before))
    return {"op": str(sent), "parent": "me", "parentExecution": execution, "Timestamp": at, "Predecessor": earlier}


def test_a_message_that_comes_before_its_predecessor_waits_for_it() -> None:
    """And over a restart of the host too, for what waits is part of the state."""
    received = sorter.Received({})
    assert received.take(message(0, None))
    assert received.take(message(2, 1)) == []
    received = sorter.Received(json.loads(json.dumps(received.stored())))
    assert [each["op"] for each in received.take(message(1, 0))] == ["1", "2"]


def test_a_message_that_came_before_is_dropped_and_a_new_execution_begins_anew() -> None:
    """Queues deliver twice; stamps count within one execution of the sender."""
    received = sorter.Received({})
    assert received.take(message(1, None))
    assert received.take(message(1, None)) == []
    assert received.take(message(0, None, execution="y"))


def test_what_never_came_is_waited_for_half_an_hour_only() -> None:
    """A message whose predecessor went to an entity that was purged meanwhile is done at last, in its turn."""
    received = sorter.Received({})
    assert received.take(message(2, 1)) == []
    late = 2 + sorter.WINDOW.seconds + 11
    assert [each["op"] for each in received.take(message(late, None, execution="x"))] == ["2", str(late)]


def test_stamps_are_written_as_dotnet_writes_them() -> None:
    """Zeros at the end are left out; an instant counted on from another has no Z."""
    sent = sorter.Sent()
    assert [sent.label("e", BEGINNING)[0] for _ in range(2)] == ["2026-03-02T09:00:00Z", "2026-03-02T09:00:00.0000001"]
    assert sent.label("e", BEGINNING + timedelta(milliseconds=250)) == ("2026-03-02T09:00:00.25Z", "2026-03-02T09:00:00.0000001")
    assert sent.label("e", BEGINNING + timedelta(hours=1)) == ("2026-03-02T10:00:00Z", sorter.NEVER)
