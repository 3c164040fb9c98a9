"""The command line: this host's options, and those that people type out of habit from `func start`.

What Core Tools has and this host has too is taken under the same name; what makes no difference here is taken and not used; what would
make one is refused, with the way to have it.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DESCRIPTION = """Run a Python v2 Durable Functions app on this machine: its routes, its orchestrations on one SQLite file, a mailbox that
speaks SMTP, a clock that can be skipped. The app's settings come from the environment, then from its local.settings.json."""

COMMANDS = (["host", "start"], ["start"])
"""What may stand in front, as in `func start`."""

LAST_PORT = 65535

NO_TLS = "there is no TLS here: put a proxy in front"
REFUSED = {
    "--useHttps": NO_TLS,
    "--cert": NO_TLS,
    "--password": NO_TLS,
    "--language-worker": "there is no worker to pass arguments to: for a debugger, --workers 0 runs the app in this process",
    "--enable-json-output": "for a log in JSON say --log json",
    "--json-output-file": "for a log in JSON say --log json, and redirect standard error",
    "--user-log-level": "the app's logs come at level info, with --verbose at level debug",
    "--runtime": "there is but one: this Python",
    "--dotnet-isolated-debug": "there is no .NET here",
}
"""Options of `func start` that cannot be had, and what to do instead."""


def port(text: str) -> int:
    """A port number. Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) > LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 0 to {LAST_PORT}")
    return int(text)


def count(text: str) -> int:
    """A number of processes. Raises ArgumentTypeError."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes")
    return int(text)


def truth(text: str) -> bool:
    """`true` or `false`. Raises ArgumentTypeError."""
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


class _Refused(argparse.Action):
    """Ends the program with the way to have what the option would do."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        parser.error(f"{option_string}: {REFUSED[str(option_string)]}")


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(prog="python -m standalone", description=DESCRIPTION, allow_abbrev=False)
    made.add_argument("app", nargs="?", type=Path, metavar="APP_DIR", help="the app's folder (default: this one)")
    made.add_argument("-p", "--port", type=port, metavar="N", help="HTTP port; 0 for any free one (default: LocalHttpPort, else 7071)")
    made.add_argument(
        "--host", "--address", metavar="ADDRESS", help="any but loopback asks for keys (default: LocalHttpAddress, else 127.0.0.1)"
    )
    made.add_argument("--state", type=Path, metavar="DIR", help="where state is kept (default: .state in the app's folder)")
    made.add_argument(
        "--workers", type=count, default=1, metavar="N", help="worker processes; 0 runs the app in this one (default: %(default)s)"
    )
    made.add_argument("--clock", choices=("real", "virtual"), default="real", help="virtual: time stands until it is skipped")
    made.add_argument(
        "--smtp-port", type=port, default=0, metavar="N", help="port of the mailbox; 0 for any free one (default: %(default)s)"
    )
    made.add_argument("--log", choices=("text", "json"), default="text", help="form of the log (default: %(default)s)")
    made.add_argument("--verbose", action="store_true", help="log at level debug")
    made.add_argument("--functions", nargs="+", default=[], metavar="NAME", help="run these functions only")
    made.add_argument("--cors", metavar="ORIGINS", help="whose pages may ask, with commas and no blanks; * for all (default: CORS)")
    made.add_argument(
        "--cors-credentials", nargs="?", const=True, type=truth, metavar="true", help="and may send cookies (default: CORSCredentials)"
    )
    made.add_argument("--enableAuth", action="store_true", dest="keys", help="ask for keys on loopback too")
    made.add_argument("--script-root", "--prefix", type=Path, metavar="DIR", dest="script_root", help="the same as APP_DIR")
    made.add_argument("--no-build", action="store_true", help=argparse.SUPPRESS)
    made.add_argument("-t", "--timeout", type=count, help=argparse.SUPPRESS)
    for name in REFUSED:
        made.add_argument(name, nargs="*", action=_Refused, help=argparse.SUPPRESS)
    return made


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of a command line. Raises SystemExit with code 2, and says why on standard error."""
    given = list(arguments)
    for command in COMMANDS:
        if given[: len(command)] == command:
            given = given[len(command) :]
            break
    options = parser().parse_args(given)
    if options.app and options.script_root:
        parser().error(f"which folder is the app's: {options.app} or {options.script_root}?")
    options.app = options.app or options.script_root or Path()
    return options
