"""The command line, and what people type out of habit."""

from pathlib import Path

import aiohttp
import pytest

from standalone.host import Host
from standalone.options import REFUSED, parsed
from tests.host.edgehost import an_app, command, get, started

TWO = """
import os

@app.route(route="one", methods=["GET"])
def one(req: func.HttpRequest) -> str:
    return os.environ["AZURE_FUNCTIONS_ENVIRONMENT"] + " " + os.environ["WEBSITE_HOSTNAME"]

@app.route(route="two", methods=["GET"])
def two(req: func.HttpRequest) -> str:
    return "two"

@app.activity_trigger(input_name="word")
def echo(word: str) -> str:
    return word
"""


def test_what_is_typed_for_core_tools_is_understood() -> None:
    """`func start` has been in people's fingers for years."""
    typed = "host start -p 7072 --address 127.0.0.1 --cors * --cors-credentials false --verbose --no-build --timeout 60 --functions a b"
    options = parsed(typed.split())
    assert (options.app, options.port, options.host, options.cors, options.cors_credentials) == (Path(), 7072, "127.0.0.1", "*", False)
    assert (options.verbose, options.functions) == (True, ["a", "b"])
    assert parsed(["start", "--script-root", "x", "--cors-credentials"]).app == Path("x")


@pytest.mark.parametrize("option", REFUSED)
def test_what_cannot_be_had_is_refused_with_what_to_do_instead(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Not "unrecognized arguments", and not without a word."""
    with pytest.raises(SystemExit) as end:
        parsed(["start", option, "value"])
    assert end.value.code == 2
    assert f"{option}: {REFUSED[option]}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("--port 70000", "'70000' is no port from 0 to 65535"),
        ("--port seven", "'seven' is no port"),
        ("--workers -1", "'-1' is no number of processes"),
        ("--clock sundial", "invalid choice: 'sundial'"),
        ("--verb", "unrecognized arguments: --verb"),
        ("app --script-root other", "which folder is the app's: app or other?"),
    ],
)
def test_a_wrong_option_says_why_and_exits_with_2(typed: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With the usage above, as every program does it."""
    with pytest.raises(SystemExit) as end:
        parsed(typed.split())
    assert end.value.code == 2
    assert told in capsys.readouterr().err


async def test_only_the_functions_that_are_asked_for_are_run(tmp_path: Path) -> None:
    """By `--functions` or host.json, in any case; one that is not there is a slip of the pen."""
    app = an_app(tmp_path / "app", TWO)
    options = ("--port", "0", "--state", str(tmp_path / "state"))
    async with (
        started(*options, "--functions", "ONE", "echo", "--verbose", app=app) as (process, url),
        aiohttp.ClientSession(url) as http,
    ):
        assert await get(http, "/api/one") == (200, f"Development {url.removeprefix('http://')}")
        assert await get(http, "/api/two") == (404, "")
        process.terminate()
    code, errors = await command(str(app), *options, "--functions", "three")
    assert (code, len(errors.splitlines())) == (1, 1)
    assert "has none of the name three" in errors
    listed = an_app(tmp_path / "listed", TWO, {"functions": ["two"]})
    async with Host(listed, tmp_path / "other") as host:
        assert [function.name for function in host.functions] == ["two"]


async def test_the_port_is_that_of_local_settings_json_unless_another_is_given(tmp_path: Path, unused_tcp_port: int) -> None:
    """A team writes it down once."""
    app = an_app(tmp_path / "app", TWO, local={"LocalHttpPort": unused_tcp_port, "LocalHttpAddress": "localhost"})
    async with Host(app, tmp_path / "state", port=None, address=None) as host:
        assert (host.port, host.address, host.keys) == (unused_tcp_port, "localhost", None)
    async with Host(app, tmp_path / "state", port=0, address=None) as host:
        assert host.port != unused_tcp_port


async def test_keys_may_be_asked_for_on_loopback_too(tmp_path: Path) -> None:
    """`func start --enableAuth`: to see before it is deployed who is let in."""
    code = TWO.replace('methods=["GET"])', 'methods=["GET"], auth_level=func.AuthLevel.FUNCTION)')
    async with Host(an_app(tmp_path / "app", code), tmp_path / "state", keys=True) as host, aiohttp.ClientSession(host.url) as http:
        assert host.keys is not None
        assert (await get(http, "/api/two"))[0] == 401
        assert await get(http, "/api/two", **{"x-functions-key": host.keys._keys["default"]}) == (200, "two")
        assert (await get(http, "/runtime/webhooks/durabletask/instances"))[0] == 401
        assert (await get(http, "/standalone/mail"))[0] == 200
