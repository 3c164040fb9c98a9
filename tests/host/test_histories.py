"""What the API tells of an orchestration's history: the fields that the Durable extension 3.19.0 tells, and the details of failures."""

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.cases import TICK
from tests.host.enginehost import BEGINNING, Host, running

APP = Path(__file__).parents[1] / "conformance" / "data" / "app"


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    async with running(APP, tmp_path) as host:
        sys.modules["function_app"].now = host.clock.now  # type: ignore[attr-defined]
        yield host


async def history(host: Host, *steps: Any, **options: bool) -> list[dict[str, Any]]:
    """Run a program of one round (tests/conformance/data/app), and what is then told of it."""
    given = {"rounds": [list(steps)], "round": 0, "tick": TICK, "start": BEGINNING.isoformat(), "show": False}
    instance = await host.engine.start_instance("program", json.dumps(given), "one")
    await host.engine.settle()
    found = await host.engine.get(instance, history=True, **options)
    assert found is not None
    told: list[dict[str, Any]] = json.loads(found.history_json or "")
    return told


def yielded(**task: Any) -> dict[str, Any]:
    return {"yield": {"as": "task", **task}, "catch": True}


async def test_a_failed_activity_s_details_are_an_exception_around_the_host_s(host: Host) -> None:
    """Apps take the message apart: the SDK hands on the reason, a blank, a new line, a blank, and this JSON."""
    _, failed, _ = await history(host, yielded(fail="it broke"))
    assert failed["Reason"] == "Activity function 'fail' failed: ValueError: it broke"
    outer = json.loads(failed["Details"])
    assert (outer["$type"], outer["ClassName"], outer["Message"]) == (
        "System.Exception, System.Private.CoreLib", "System.Exception", "ValueError: it broke",
    )  # fmt: skip
    inner = outer["InnerException"]
    assert inner["$type"].startswith("Microsoft.Azure.WebJobs.Script.Workers.Rpc.RpcException")
    assert inner["RemoteMessage"] == outer["Message"]
    assert "in fail" in inner["RemoteStackTrace"]
    assert inner["Message"] == f"Result: Failure\nException: {outer['Message']}\nStack: {inner['RemoteStackTrace']}"


async def test_line_ends_that_json_net_escapes_are_escaped_in_details(host: Host) -> None:
    """`str(error)` shows them: letters as they are, these three as numbers."""
    _, failed, _ = await history(host, yielded(fail="é\u0085\u2028\u2029"))
    assert '"Message":"ValueError: é\\u0085\\u2028\\u2029"' in failed["Details"]


async def test_a_failed_child_s_details_are_its_message_and_a_stack(host: Host) -> None:
    """What the parent catches ends in it."""
    _, failed, _ = await history(host, yielded(child={"rounds": [[{"raise": "oh"}]]}, id="c"))
    assert failed["Reason"] == "Orchestrator function 'program' failed: oh"
    assert failed["Details"].startswith("Message: oh, StackTrace:    at System.Threading.Tasks.Task.ThrowIfExceptional(")
    assert failed["InstanceId"] == "one-c"


async def test_a_child_that_did_not_do_what_its_history_says_tells_the_exception(host: Host) -> None:
    """A raise after continue_as_new hides behind it; the details name the class, as there."""
    lost = {"rounds": [[yielded(echo=1), {"renew": False}, {"raise": "unseen"}]]}
    _, failed, _ = await history(host, yielded(child=lost, id="c"))
    assert failed["Reason"].startswith("Non-Deterministic workflow detected: ")
    assert failed["Details"].startswith(
        "Unhandled exception while executing orchestration: DurableTask.Core.Exceptions.NonDeterministicOrchestrationException: Non-"
    )


async def test_every_event_has_the_fields_that_the_extension_tells(host: Host) -> None:
    """Those for which there is nothing to tell are there too; an activity's, a child's scheduling is told until the answer is there."""
    begun, scheduled, timer, created = await history(
        host,
        yielded(all=[{"as": "s", "sleep": 9}, {"as": "t", "timer": 9}, {"as": "c", "child": {"rounds": [[yielded(wait="x")]]}, "id": "c"}]),
    )
    assert set(begun) == {
        "EventType", "FunctionName", "Input", "Timestamp", "Correlation", "ParentTraceContext", "ScheduledStartTime", "Generation",
        "GenerateNewTrace",
    }  # fmt: skip
    assert set(scheduled) == {"EventType", "Name", "Input", "Timestamp", "ParentTraceContext", "Tags"}
    assert set(timer) == {"EventType", "FireAt", "Timestamp"}
    assert set(created) == {"EventType", "Name", "Input", "InstanceId", "Timestamp", "ClientSpanId", "Tags"}


async def test_only_an_execution_that_a_client_started_has_a_generation(host: Host) -> None:
    """A child's and a new execution's is null."""
    steps = yielded(child={"rounds": [[]]}, id="c")
    assert (await history(host, steps))[0]["Generation"] == 0
    child = await host.engine.get("one-c", history=True)
    assert child is not None
    assert json.loads(child.history_json or "")[0]["Generation"] is None


@pytest.mark.parametrize(
    ("posted", "told"),
    [
        (r'{"a": "\u00e9\ud83d\ude00" }', r'{"a": "\u00e9\ud83d\ude00" }'),
        (r'{"a": "\ud83d\ude00\ud800"}', '{"a": "\U0001f600\ufffd"}'),
    ],
)
async def test_an_input_is_told_as_it_was_posted(host: Host, posted: str, told: str) -> None:
    """Escapes of whole characters stay; only half a character makes it be written anew."""
    await host.engine.start_instance("nobody", posted, "one")
    await host.engine.settle()
    found = await host.engine.get("one", history=True)
    assert found is not None
    assert json.loads(found.history_json or "")[0]["Input"] == told


@pytest.mark.parametrize(
    ("posted", "told"), [(r'{"a": [1, "\u00e9\u2028"]}', '{"a":[1,"é\\u2028"]}'), (None, "null"), ('"text"', '"text"')]
)
async def test_a_restart_s_input_is_written_anew(host: Host, posted: str | None, told: str) -> None:
    """The extension reads it and writes it, so that no input becomes null."""
    await host.engine.start_instance("nobody", posted, "one")
    await host.engine.settle()
    for instance in (await host.engine.restart("one", new_id=True), await host.engine.restart("one", new_id=False)):
        await host.engine.settle()
        found = await host.engine.get(instance, history=True)
        assert found is not None
        assert json.loads(found.history_json or "")[0]["Input"] == told


async def test_a_restart_under_a_new_id_names_the_one_it_is_of(host: Host) -> None:
    """In what it schedules; the SDK's function context has it too. A child is given the tag, and is nobody's restart."""
    asked: list[dict[str, Any]] = []
    functions = host.workers.functions
    orchestrate = functions.orchestrate

    def noting(name: str, trigger: Any) -> Any:
        asked.append(json.loads(str(trigger)))
        return orchestrate(name, trigger)

    functions.orchestrate = noting
    await history(host, yielded(child={"rounds": [[yielded(wait="x")]]}, id=None))
    other = await host.engine.restart("one", new_id=True)
    await host.engine.settle()
    found = await host.engine.get(other, history=True)
    assert found is not None
    source = {"MS_DurableFunctions_SourceInstanceId": "one"}
    assert json.loads(found.history_json or "")[1]["Tags"] == source
    assert [(each["sourceInstanceId"], each["history"][1]["Tags"]) for each in asked] == [
        (None, None), (None, None), ("one", source), (None, source),
    ]  # fmt: skip


async def test_inputs_are_left_out_when_nobody_asks_for_them(host: Host) -> None:
    """showInput=false holds for the history too."""
    told = await history(host, yielded(echo=1), history_inputs=False, history_outputs=True)
    assert [event["EventType"] for event in told if "Input" in event] == []
    assert told[1]["Result"] == 1
