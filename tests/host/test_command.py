"""`python -m standalone`: what is said when it starts, when it cannot, and when it is told to stop."""

import asyncio
import fcntl
import json
import os
import re
import signal
import socket
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

import aiohttp
import pytest

from standalone import configuration
from standalone.contracts import AppDoesNotLoad
from standalone.host import Host, HostRefuses
from standalone.options import parser
from tests.host.edgehost import APP, BEGINNING, ROOT, an_app, command, get, started


async def test_an_app_that_does_not_import_says_where_and_exits_with_1(tmp_path: Path) -> None:
    """File, line and reason, on one screen."""
    (tmp_path / "function_app.py").write_text("import azure.functions\n\nimport nothing_of_that_name\n", encoding="utf-8")
    code, errors = await command(str(tmp_path), "--port", "0")
    assert code == 1
    assert "nothing_of_that_name" in errors
    assert re.search(r"function_app\.py.*3", errors)
    assert len(errors.splitlines()) < 40


async def test_a_python_without_the_hosts_packages_is_told_what_to_install() -> None:
    """Whoever starts it with the Python of an app: what it lacks, and the command that brings it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-S", "-m", "standalone", cwd=ROOT, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    wanted = ROOT / "requirements-standalone.txt"
    assert re.fullmatch(rf"standalone: \w+ is not installed\. {sys.executable} -m pip install -r {wanted}\n", errors.decode())


async def test_a_broken_host_json_is_named(tmp_path: Path) -> None:
    """In one line."""
    (tmp_path / "function_app.py").write_text("", encoding="utf-8")
    (tmp_path / "host.json").write_text("{", encoding="utf-8")
    code, errors = await command("start", str(tmp_path), "--port", "0")
    assert code == 1
    assert "host.json is no JSON" in errors


async def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    """The first thing that goes wrong on a laptop."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for argument, option in (("port", "--port"), ("smtp_port", "--smtp-port")):
            with pytest.raises(HostRefuses, match=rf"port {port} is in use: stop what listens there, or choose another with {option}"):
                async with Host(APP, tmp_path / "state", **{argument: port}):
                    raise AssertionError("never reached")


async def test_an_address_that_is_not_this_machines_is_named(tmp_path: Path) -> None:
    """The port has nothing to do with it."""
    with pytest.raises(HostRefuses, match=r"192\.0\.2\.1, port 0 cannot be listened on: Cannot assign requested address"):
        async with Host(APP, tmp_path / "state", address="192.0.2.1"):
            raise AssertionError("never reached")


async def test_a_state_folder_belongs_to_one_process(host: Host) -> None:
    """Two writers would be one too many."""
    with pytest.raises(HostRefuses, match="another process uses the state folder"):
        async with Host(APP, host.state_dir):
            raise AssertionError("never reached")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ('@app.route(route="x/{id:colour}")\ndef wrong(req: func.HttpRequest) -> str:\n    return ""\n', "the route of wrong .*colour"),
        ('@app.route(route="x/{id:length(a)}")\ndef wrong(req: func.HttpRequest) -> str:\n    return ""\n', "the route of wrong .* length"),
        ('@app.route(route="Administration")\ndef wrong(req: func.HttpRequest) -> str:\n    return ""\n', "the function wrong .* reserved"),
        ('@app.route()\ndef _wrong(req: func.HttpRequest) -> str:\n    return ""\n', "the function _wrong .* its name must be a letter"),
        ('@app.activity_trigger(input_name="a__b")\ndef wrong(a__b: str) -> None: ...\n', "the function wrong .* 'a__b'"),
        (
            '@app.route(route="x")\ndef one(req: func.HttpRequest): ...\n'
            '@app.route(route="X", methods=["GET"])\ndef wrong(req: func.HttpRequest): ...\n',
            "the function wrong .* X, is also that of one, for GET",
        ),
        ('@app.timer_trigger(arg_name="t", schedule="soon")\ndef wrong(t: func.TimerRequest) -> None: ...\n', "timer function wrong"),
    ],
)
async def test_what_cannot_be_understood_of_an_app_names_the_function(tmp_path: Path, code: str, told: str) -> None:
    """At the start, not at the first request."""
    with pytest.raises(AppDoesNotLoad, match=told):
        async with Host(an_app(tmp_path / "app", code), tmp_path / "state"):
            raise AssertionError("never reached")


async def test_what_is_not_served_is_named_at_the_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A queue function that never runs would be looked for a long time."""
    code = """
@app.queue_trigger(arg_name="m", queue_name="q", connection="c")
@app.blob_output(arg_name="out", path="x", connection="c")
def queued(m: func.QueueMessage, out: func.Out[str]) -> None: ...

@app.route(route="asked")
@app.retry(strategy="fixed_delay", max_retry_count="3", delay_interval="00:00:10")
def asked(req: func.HttpRequest) -> str: ...

@app.timer_trigger(arg_name="t", schedule="0 0 9 * * *")
@app.retry(strategy="fixed_delay", max_retry_count="3", delay_interval="00:00:10")
def tick(t: func.TimerRequest) -> None: ...
"""
    retry = {"retry": {"strategy": "fixedDelay", "maxRetryCount": 2, "delayInterval": "00:00:03"}}
    async with Host(an_app(tmp_path / "app", code, retry), tmp_path / "state"):
        assert "queued is never run: this host does not serve queueTrigger" in caplog.text
        assert "queued: the binding out is not filled: blob" in caplog.text
        assert "asked: its retry policy is not applied" in caplog.text
        assert "tick" not in caplog.text
        assert "host.json: retry: a policy of all functions" in caplog.text


async def test_the_app_is_told_where_it_runs_as_by_core_tools_and_nothing_of_it_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Libraries look for these; a suite of tests that loads the app in its own process must not find them afterwards."""
    names = ("FUNCTIONS_WORKER_RUNTIME", "AZURE_FUNCTIONS_ENVIRONMENT", "AzureWebJobsScriptRoot", "WEBSITE_HOSTNAME", "TZ")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    code = f"""
import os

@app.route(route="told", methods=["GET"])
def told(req: func.HttpRequest) -> str:
    return " ".join(os.environ[name] for name in {names})
"""
    app = an_app(tmp_path / "app", code)
    async with Host(app, tmp_path / "state") as host, aiohttp.ClientSession(host.url) as http:
        assert await get(http, "/api/told") == (200, f"python Development {app} localhost:{host.port} UTC")
    assert not set(names) & set(os.environ)


async def test_a_setting_given_to_the_host_wins_in_every_process(tmp_path: Path) -> None:
    """Over local.settings.json, in the app and in %NAME%."""
    code = """
import os

@app.route(route="setting", methods=["GET"])
def setting(req: func.HttpRequest) -> str:
    return os.environ["WORD"]

@app.timer_trigger(arg_name="t", schedule="%WHEN%")
def tick(t: func.TimerRequest) -> None: ...
"""
    app = an_app(tmp_path / "app", code, values={"WORD": "file", "WHEN": "no schedule"})
    given = {"WORD": "given", "WHEN": "0 0 9 * * *"}
    host = Host(app, tmp_path / "state", workers=1, virtual=True, start=BEGINNING, settings=given)
    async with host, aiohttp.ClientSession(host.url) as http:
        assert await get(http, "/api/setting") == (200, "given")
        assert host.timers.next_due() == BEGINNING.replace(hour=9)


async def test_a_state_folder_is_free_as_soon_as_its_process_was_killed_and_for_one_only(tmp_path: Path) -> None:
    """What `kill -9` leaves behind, workers that are still ending among it, is in nobody's way; two that start at once are one too many."""
    state = str(tmp_path / "state")
    async with started("--port", "0", "--state", state, app=APP) as (process, _):
        process.kill()
        async with started("--port", "0", "--state", state, app=APP):
            code, errors = await command("--port", "0", "--state", state, str(APP))
    assert code == 1
    assert errors.endswith(f"another process uses the state folder {state}: stop it, or name another with --state\n")


async def test_a_worker_held_up_by_the_apps_code_ends_with_the_main_process(tmp_path: Path) -> None:
    """Whatever the code does for so long, after a `kill -9` of the host nobody would end it, and the next host runs it again."""
    code = """
import fcntl, time

@app.orchestration_trigger(context_name="context")
def stuck(context):
    with open("held", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("x")
        file.flush()
        time.sleep(60)
"""
    app = an_app(tmp_path / "app", code)
    async with started("--port", "0", app=app) as (process, url), aiohttp.ClientSession() as session:
        async with session.post(f"{url}/runtime/webhooks/durabletask/orchestrators/stuck") as answer:
            assert answer.status == 202
        async with asyncio.timeout(20):
            while not ((app / "held").exists() and (app / "held").read_text()):
                await asyncio.sleep(0.02)
            process.kill()
            with (app / "held").open() as file:
                while not lock_is_free(file):
                    await asyncio.sleep(0.05)


def lock_is_free(file: IO[str]) -> bool:
    """Has whoever held the file's lock let go of it, or died?"""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def test_an_activity_may_have_the_durable_client_too(tmp_path: Path) -> None:
    """Any function may; one that tells how another instance fares is an activity in more than one app."""
    code = """
import azure.durable_functions as df
app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.orchestration_trigger(context_name="context")
def asks(context):
    return (yield context.call_activity("asked", context.instance_id))

@app.activity_trigger(input_name="instance")
@app.durable_client_input(client_name="client")
async def asked(instance: str, client) -> str:
    return (await client.get_status(instance)).name
"""
    async with Host(an_app(tmp_path / "app", code), tmp_path / "state") as host:
        await host.engine.start_instance("asks", None, "a")
        await host.settle()
        found = await host.engine.get("a")
        assert found is not None
        assert found.output_json == '"asks"'


def test_the_files_may_hold_comments_and_settings_win_over_host_json(tmp_path: Path) -> None:
    """As .NET reads them, and as the functions host does it: apps in the wild count on both."""
    (tmp_path / "host.json").write_text(
        '{"version": "2.0", "extensions": {"http": {"routePrefix": "a//b"}, /* hub, */ }, } // the end\n', encoding="utf-8"
    )
    (tmp_path / "local.settings.json").write_text(
        '{"Values": {"AzureFunctionsJobHost__extensions__DURABLETASK__hubName": "Other", // from here\n "URL": "http://x/,}"}}',
        encoding="utf-8",
    )
    found = configuration.read(tmp_path)
    assert (found.host.route_prefix, found.host.task_hub, found.values["URL"]) == ("a//b", "Other", "http://x/,}")
    assert configuration.read(tmp_path, {"azurefunctionsjobhost__extensions__http__routeprefix": ""}).host.route_prefix == ""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_may_be_in_any_encoding_of_unicode(tmp_path: Path, encoding: str) -> None:
    """Windows PowerShell writes UTF-16, some editors a mark in front of UTF-8; .NET reads either."""
    (tmp_path / "local.settings.json").write_text('{"Values": {"CITY": "Kraków"}}', encoding=encoding)
    assert configuration.read(tmp_path).values["CITY"] == "Kraków"


async def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """In one line too: another code page, or a folder of that name."""
    (tmp_path / "local.settings.json").write_bytes('{"Values": {"CITY": "Kraków"}}'.encode("cp1250"))
    with pytest.raises(configuration.ConfigurationWrong, match=r"local\.settings\.json is no text in UTF-8"):
        configuration.read(tmp_path)
    (tmp_path / "local.settings.json").unlink()
    (tmp_path / "local.settings.json").mkdir()
    with pytest.raises(configuration.ConfigurationWrong, match=r"local\.settings\.json cannot be read: Is a directory"):
        configuration.read(tmp_path)


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("host.json", '{"version": "2.0", "functionTimeout": "soon"}', "host.json: 'soon' is no time"),
        ("host.json", '{"version": "2.0", "extensions": []}', "host.json: extensions: it is no JSON object"),
        ("host.json", '{"version": "3.0"}', "host.json: version: it must be \"2.0\", not '3.0'"),
        ("local.settings.json", '{"IsEncrypted": true, "Values": {}}', "is encrypted"),
        ("local.settings.json", "[]", "local.settings.json: it is no JSON object"),
        ("local.settings.json", '{"Values": {"DATABASE": {"url": "x"}}}', "local.settings.json: Values: DATABASE is no text"),
        ("local.settings.json", '{"Values": {"FUNCTIONS_WORKER_RUNTIME": "node"}}', "FUNCTIONS_WORKER_RUNTIME is 'node'"),
        ("local.settings.json", '{"Host": {"LocalHttpPort": 70000}}', "Host.LocalHttpPort"),
    ],
)
async def test_a_file_that_says_what_it_cannot_mean_is_named(tmp_path: Path, file: str, text: str, told: str) -> None:
    """In one line, before the app is loaded."""
    app = an_app(tmp_path / "app", "")
    (app / file).write_text(text, encoding="utf-8")
    with pytest.raises(HostRefuses, match=told):
        async with Host(app, tmp_path / "state"):
            raise AssertionError("never reached")


def test_every_option_and_every_setting_for_the_app_is_documented() -> None:
    """What stands in no document is used by nobody."""
    text = (ROOT / "docs" / "standalone.md").read_text(encoding="utf-8")
    options = {each for action in parser()._actions for each in action.option_strings if each.startswith("--")} - {"--help"}
    host = (ROOT / "standalone" / "host.py").read_text(encoding="utf-8")
    settings = set(re.findall(r"STANDALONE_(?:PUBLIC|STATE|SMTP)\w*", host))
    assert len(settings) == 4
    assert [name for name in [*options, *settings] if f"`{name}" not in text] == []


DEADLY = """
import os, pathlib, signal
from datetime import datetime, timedelta

@app.orchestration_trigger(context_name="context")
def sleeper(context):
    yield context.create_timer(context.current_utc_datetime + timedelta(days=1))
    yield context.call_activity("die_once", "now")

@app.activity_trigger(input_name="when")
def die_once(when: str) -> str:
    mark = pathlib.Path(os.environ["MARK"])
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return ""
"""


async def test_a_host_that_is_killed_while_it_skips_does_not_start_in_the_past(tmp_path: Path) -> None:
    """Histories hold the new time already; an instance must not be older than what it has done."""
    app = an_app(tmp_path / "app", DEADLY, values={"MARK": str(tmp_path / "mark")})
    options = ("--port", "0", "--state", str(tmp_path / "state"), "--workers", "0", "--clock", "virtual")
    async with started(*options, app=app) as (process, url), aiohttp.ClientSession(url) as http:
        async with http.post("/runtime/webhooks/durabletask/orchestrators/sleeper/one") as answer:
            assert answer.status == 202
        began = datetime.fromisoformat(json.loads((await get(http, "/standalone/clock"))[1])["now"])
        with pytest.raises(aiohttp.ClientError):
            await http.post("/standalone/clock", json={"advance": "P2D"})
        assert await process.wait() == -signal.SIGKILL
    async with Host(app, tmp_path / "state", virtual=True) as host:
        assert host.clock.now() >= began + timedelta(days=1)
        await host.settle()
        found = await host.engine.get("one")
        assert found is not None
        assert found.runtime_status == "Completed"
