"""The pytest plugin in a project as a user would have it: where the app, its settings and its time come from, and what a failure shows."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APP = """
import os
import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.orchestration_trigger(context_name="context")
def answers(context):
    return (yield context.wait_for_external_event("answer"))

@app.route(route="settings", methods=["GET"])
def settings(req: func.HttpRequest) -> str:
    return " ".join([%r, os.environ.get("REGION", "-"), os.environ.get("COLOUR", "-")])
"""
CONFIGURATION = """[pytest]
durable_app = one
durable_start = 2026-11-30T09:00
durable_timeout = 20
"""
ASYNC = ("-p", "pytest_asyncio.plugin", "-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function")


def pytest_in(project: Path, files: Mapping[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a project of those files, with two apps called `one` and `two`."""
    given = {"one/function_app.py": APP % "one", "two/function_app.py": APP % "two", "pytest.ini": CONFIGURATION}
    given["conftest.py"] = 'pytest_plugins = ["standalone.testing"]\n'
    for name, text in (given | dict(files)).items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    inherited = {name: value for name, value in os.environ.items() if name != "CI"}  # where it is set, pytest cuts no line of its summary
    environment = {**inherited, "PYTHONPATH": str(ROOT), "COLUMNS": "120", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_app_settings_and_time_come_from_the_configuration_a_fixture_and_the_nearest_marker(tmp_path: Path) -> None:
    """One line for a project, one for a file, one for a test; each says only what differs."""
    told = """
        from datetime import UTC, datetime
        import pytest

        pytestmark = pytest.mark.durable_host(settings={"REGION": "north", "COLOUR": "red"})

        @pytest.fixture
        def durable_settings():
            return {"REGION": "south"}

        def test_file(durable_host):
            assert durable_host.get("/api/settings").text == "one north red"
            assert durable_host.now == datetime(2026, 11, 30, 9, tzinfo=UTC)

        @pytest.mark.durable_host(app="two", settings={"COLOUR": "blue"}, start="2028-02-29T00:00:00+01:00")
        def test_one(durable_host):
            assert durable_host.get("/api/settings").text == "two north blue"
            assert durable_host.now == datetime(2028, 2, 28, 23, tzinfo=UTC)

        @pytest.mark.durable_host(start=datetime(2027, 1, 1))
        @pytest.mark.parametrize("again", [1, 2])
        def test_nothing_is_kept(durable_host, again):
            assert durable_host.instances() == []
            durable_host.start("answers")
            assert datetime.now(UTC) == datetime(2027, 1, 1, tzinfo=UTC)
    """
    ran = pytest_in(tmp_path, {"test_told.py": _dedented(told)}, "--strict-markers", "-W", "error")
    assert ran.returncode == 0, ran.stdout


def test_an_async_test_uses_the_same_fixture_and_may_serve_what_the_app_calls(tmp_path: Path) -> None:
    """The host has a loop of its own: a call blocks the test's loop, unless it is made in a thread."""
    told = """
        import asyncio
        import urllib.request

        async def test_async(durable_host):
            instance = durable_host.start("answers")
            instance.raise_event("answer", 42)
            assert instance.output == 42

        async def test_stub(durable_host):
            async def answer(reader, writer):
                await reader.readuntil(b"\\r\\n\\r\\n")
                writer.write(b"HTTP/1.0 200 OK\\r\\n\\r\\nfrom the stub")
                writer.close()

            def call(url):
                with urllib.request.urlopen(url) as found:
                    return found.read().decode()

            async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
                url = "http://127.0.0.1:%d/" % server.sockets[0].getsockname()[1]
                durable_host.replace_activity("fetch", lambda _: call(url))
                instance = await asyncio.to_thread(durable_host.start, "fetches")
                assert instance.output == "from the stub"
    """
    more = """
@app.orchestration_trigger(context_name="context")
def fetches(context):
    return (yield context.call_activity("fetch"))

@app.activity_trigger(input_name="payload")
def fetch(payload: object) -> str:
    raise NotImplementedError
"""
    ran = pytest_in(tmp_path, {"test_told.py": _dedented(told), "one/function_app.py": APP % "one" + more}, *ASYNC)
    assert ran.returncode == 0, ran.stdout


def test_a_failed_test_tells_of_its_orchestrations_whatever_its_host_is_called(tmp_path: Path) -> None:
    """And only of those: one that passed, or one without a host, has nothing to tell."""
    told = """
        import pytest
        from standalone.testing import DurableHost

        @pytest.fixture(scope="module")
        def shop(tmp_path_factory):
            with DurableHost("one", tmp_path_factory.mktemp("state")) as host:
                yield host

        def test_passes(shop):
            shop.start("answers", instance_id="first")

        def test_fails(shop):
            assert shop.instance("first").status == "Completed"

        def test_says_it_already(shop):
            shop.instance("first").output

        def test_without(tmp_path):
            assert not tmp_path
    """
    ran = pytest_in(tmp_path, {"test_told.py": _dedented(told)})
    assert "3 failed, 1 passed" in ran.stdout
    assert ran.stdout.count("orchestrations of shop") == 1
    assert ran.stdout.count("It stands at the event answer.") == 2


def test_an_app_that_does_not_start_is_told_in_one_screen(tmp_path: Path) -> None:
    """No stack of this library's: the fault is the app's, or the configuration's."""
    told = """
        import pytest

        @pytest.mark.durable_host(app="nowhere")
        def test_no_folder(durable_host): pass

        @pytest.mark.durable_host(app=".")
        def test_no_app(durable_host): pass

        @pytest.mark.durable_host(app="broken")
        def test_broken(durable_host): pass

        @pytest.mark.durable_host("two", seting={})
        def test_misspelt(durable_host): pass

        @pytest.mark.durable_host(start="monday")
        def test_no_instant(durable_host): pass

        def test_whole(durable_host): pass
    """
    ran = pytest_in(tmp_path, {"test_told.py": _dedented(told), "broken/function_app.py": "import missing\n"})
    assert "1 passed, 5 errors" in ran.stdout
    assert "nowhere is no folder" in ran.stdout
    assert "holds no function_app.py: not a Functions app of the Python v2 programming model." in ran.stdout
    assert "The app does not load: ModuleNotFoundError: No module named 'missing'" in ran.stdout
    assert f"The app's folder, {tmp_path / 'broken'}, is what durable_app or a marker says." in ran.stdout
    assert "'two', seting says nothing to the marker durable_host(app, start, settings, workers)" in ran.stdout
    assert "'monday', what durable_start or a marker says, is no instant such as 2026-11-30T09:00Z" in ran.stdout
    assert "standalone/testing" not in ran.stdout


def _dedented(text: str) -> str:
    return "\n".join(line.removeprefix("        ") for line in text.splitlines())
