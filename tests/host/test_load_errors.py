"""An app that does not load: what is wrong, in which file and line, on one screen."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from standalone.clock import HostClock
from standalone.contracts import AppDoesNotLoad
from standalone.host import Host
from standalone.workers import InProcessWorkers, ProcessWorkers
from tests.host.edgehost import HEAD, an_app, command

FIRST = len(HEAD.splitlines()) + 1
"""The line on which the code of an app written here begins."""

HTTP = '@app.route(route="x")\n'
ACTIVITY = '@app.activity_trigger(input_name="payload")\n'


async def screen_of(app: Path) -> str:
    """What is said of the app."""
    with pytest.raises(AppDoesNotLoad) as refusal:
        await InProcessWorkers(app, clock=HostClock(), binding_base_url="http://127.0.0.1:9/").start()
    return str(refusal.value)


@pytest.mark.parametrize(
    ("code", "line", "told"),
    [
        ("import requestz\n", 0, "ModuleNotFoundError: No module named 'requestz'"),
        ("def x(req) -> str\n    pass\n", 0, "SyntaxError: expected ':'"),
        ("x = 1\n  y = 2\n", 1, "IndentationError: unexpected indent"),
        ("import os\nURL = os.environ['DATABASE_URL']\n", 1, "KeyError: 'DATABASE_URL'"),
        ("raise SystemExit('not today')\n", 0, "SystemExit: not today"),
        ("raise AssertionError\n", 0, "AssertionError"),
        ("def go():\n    go()\ngo()\n", 1, "RecursionError"),
        (HTTP + "def x(request): ...\n", 0, "no binding has the name of its parameter request, and it has no parameter for"),
        (HTTP + "def x(): ...\n", 0, "it has no parameter for the binding req"),
        (HTTP + "def x(req: str | None): ...\n", 0, "its parameter req has an annotation that is no type"),
        (HTTP + "def x(req: int): ...\n", 0, "its parameter req is annotated as int, which its binding, httpTrigger, never is"),
        (HTTP + "def x(req) -> dict: ...\n", 0, "it is annotated to return dict, where an HTTP function returns func.HttpResponse or str"),
        (HTTP + "def x(req) -> str | None: ...\n", 0, "what it returns has an annotation that is no type"),
        (HTTP + "def x(req: 'Nowhere'): ...\n", 0, "its annotations cannot be read: name 'Nowhere' is not defined"),
        (HTTP + "def x(req, context: int): ...\n", 0, "its parameter context, which no binding has, must be annotated as func.Context"),
        (ACTIVITY + "def x(payload: str | None): ...\n", 0, "its parameter payload has an annotation that is no type"),
        ('@app.orchestration_trigger(context_name="ctx")\ndef x(ctx):\n    yield\n', 0, "its context_name must be 'context'"),
        ('@app.function_name("x")\ndef x(req): ...\n', 0, "Function x does not have a trigger"),
        (HTTP + "def x(req): ...\n\n" + HTTP + "def x(req): ...\n", 3, "Function x does not have a unique function name"),
    ],
)
async def test_the_screen_names_the_error_the_file_and_the_line(tmp_path: Path, code: str, line: int, told: str) -> None:
    """As a person sees it who has just written the app."""
    app = an_app(tmp_path / "app", code)
    screen = await screen_of(app)
    assert told in screen
    assert f"in {app / 'function_app.py'}, line {FIRST + line}" in screen
    assert len(screen.splitlines()) < 25


async def test_a_worker_process_says_the_same(tmp_path: Path) -> None:
    """It is told over a socket, and comes from another Python."""
    app = an_app(tmp_path / "app", "def broken(:\n")
    with pytest.raises(AppDoesNotLoad) as there:
        await ProcessWorkers(app, 1, clock=HostClock(), binding_base_url="http://127.0.0.1:9/").start()
    assert str(there.value) == await screen_of(app)


@pytest.mark.parametrize(
    "code",
    [
        HTTP + "def x(req: func.HttpRequest, context: func.Context) -> func.HttpResponse: ...\n",
        HTTP + "@app.durable_client_input(client_name='client')\nasync def x(req, client: df.DurableOrchestrationClient) -> str: ...\n",
        ACTIVITY + "def x(payload: dict[str, list[int]]) -> dict | None: ...\n",
        ACTIVITY + "def x(payload: str) -> None: ...\n",
        "@app.orchestration_trigger(context_name='context')\ndef x(context: df.DurableOrchestrationContext):\n    yield\n",
        "@app.entity_trigger(context_name='context')\ndef x(context: df.DurableEntityContext) -> None: ...\n",
        "@app.timer_trigger(arg_name='t', schedule='0 0 * * * *')\nasync def x(t: func.TimerRequest) -> None: ...\n",
    ],
)
async def test_what_the_worker_of_azure_takes_is_taken(tmp_path: Path, code: str) -> None:
    """The annotations of every guide."""
    async with Host(an_app(tmp_path / "app", code), tmp_path / "state") as host:
        assert [function.name for function in host.functions] == ["x"]


async def test_an_error_in_a_blueprint_is_told_where_it_is_and_how_one_came_there(tmp_path: Path) -> None:
    """The file in which it was made first, the way to it below."""
    app = an_app(tmp_path / "app", "from parts import orders\n")
    (app / "parts").mkdir()
    (app / "parts" / "orders.py").write_text("LIMIT = int('many')\n", encoding="utf-8")
    here = await screen_of(app)
    assert f"in {app / 'parts' / 'orders.py'}, line 1" in here
    assert re.search(r"function_app\.py.*\n.*from parts import orders\n.*orders\.py", here)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("", "it holds none"),
        (
            "import azure.functions as func\nbp = func.Blueprint()\n",
            "the blueprint bp is none: register it with `app.register_functions(bp)`",
        ),
        ("import azure.functions as func\napp = func.FunctionApp()\nother = func.FunctionApp()\n", "it holds 2: app, other"),
    ],
)
async def test_a_script_without_its_one_app_is_told_what_it_holds(tmp_path: Path, code: str, told: str) -> None:
    """Whoever forgot the line, or has one too many."""
    (tmp_path / "function_app.py").write_text(code, encoding="utf-8")
    assert told in await screen_of(tmp_path)


async def test_a_folder_without_a_script_is_told_apart_from_one_of_the_first_model(tmp_path: Path) -> None:
    """Both hold no function_app.py; the one is a slip of the path, the other years of work."""
    assert "not a Functions app of the Python v2 programming model" in await screen_of(tmp_path)
    (tmp_path / "HttpTrigger").mkdir()
    (tmp_path / "HttpTrigger" / "function.json").write_text("{}", encoding="utf-8")
    assert "its functions (HttpTrigger) are described by function.json" in await screen_of(tmp_path)


async def test_what_usually_helps_is_said(tmp_path: Path) -> None:
    """To install, and with which Python; or where a setting belongs."""
    wanted = tmp_path / "a" / "requirements.txt"  # whatever folder this is started in, which may have one of its own
    assert f"{sys.executable} -m pip install -r {wanted}" in await screen_of(an_app(tmp_path / "a", "import requestz\n"))
    setting = an_app(tmp_path / "b", "import os\nos.environ['DATABASE_URL']\n")
    assert "Is 'DATABASE_URL' a setting? It belongs to Values in local.settings.json" in await screen_of(setting)
    assert "setting" not in await screen_of(an_app(tmp_path / "c", "{}['DATABASE_URL']\n"))
    own = an_app(tmp_path / "d", "import requestz\n") / ".venv" / "bin"
    own.mkdir(parents=True)
    (own / "python").touch()
    assert f"run it with {own / 'python'} -m standalone" in await screen_of(own.parents[1])


async def test_a_worker_that_dies_of_the_import_says_with_which_code(tmp_path: Path) -> None:
    """A native library that crashes leaves no stack."""
    workers: Any = ProcessWorkers(
        an_app(tmp_path / "app", "import os\nos._exit(3)\n"), 1, clock=HostClock(), binding_base_url="http://127.0.0.1:9/"
    )
    with pytest.raises(AppDoesNotLoad, match=r"while it was imported, python exited with code 3 \(0x03\)"):
        await workers.start()


async def test_two_functions_whose_names_differ_in_case_only_are_one_too_many(tmp_path: Path) -> None:
    """Azure tells them apart no more than its URLs do."""
    code = '@app.route(route="a")\ndef Word(req): ...\n\n@app.route(route="b")\ndef word(req): ...\n'
    code_, errors = await command(str(an_app(tmp_path / "app", code)), "--port", "0", "--state", str(tmp_path / "state"))
    assert code_ == 1
    assert "the functions Word and word have one name" in errors


async def test_an_app_without_functions_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It starts, and answers 404 to everything: why is said."""
    from standalone.command import greeting

    async with Host(an_app(tmp_path / "app", "bp = func.Blueprint()\n"), tmp_path / "state") as host:
        assert "  The app has no functions" in "\n".join(greeting(host))
