"""`python -m standalone`: run a Durable Functions app on this machine."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from standalone import logs
from standalone.contracts import AppDoesNotLoad
from standalone.engine import StoreUnusable
from standalone.host import Host, HostRefuses

DESCRIPTION = """Run a Python v2 Durable Functions app on this machine: its routes, its orchestrations on one SQLite file, a mailbox that
speaks SMTP, a clock that can be skipped. The app's settings come from the environment, then from its local.settings.json."""

LAST_PORT = 65535


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


def parser() -> argparse.ArgumentParser:
    """The options. `start` in front is taken too, as Core Tools has it."""
    made = argparse.ArgumentParser(prog="python -m standalone", description=DESCRIPTION)
    made.add_argument("app", nargs="?", type=Path, default=Path(), metavar="APP_DIR", help="the app's folder (default: this one)")
    made.add_argument("--port", type=port, default=7071, help="HTTP port; 0 for any free one (default: %(default)s)")
    made.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="address; any but loopback asks for keys (default: %(default)s)"
    )
    made.add_argument("--state", type=Path, metavar="DIR", help="where state is kept (default: .state in the app's folder)")
    made.add_argument(
        "--workers", type=count, default=1, metavar="N", help="worker processes; 0 runs the app in this one (default: %(default)s)"
    )
    made.add_argument("--clock", choices=("real", "virtual"), default="real", help="virtual: time stands until it is skipped")
    made.add_argument("--smtp-port", type=port, default=0, help="port of the mailbox; 0 for any free one (default: %(default)s)")
    made.add_argument("--log", choices=("text", "json"), default="text", help="form of the log (default: %(default)s)")
    return made


async def serve(options: argparse.Namespace) -> None:
    """Run until told to stop."""
    host = Host(
        options.app,
        options.state or options.app / ".state",
        address=options.host,
        port=options.port,
        smtp_port=options.smtp_port,
        workers=options.workers,
        virtual=options.clock == "virtual",
    )
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    async with host:
        print("\n".join(greeting(host)), flush=True)
        await stopping.wait()
        print("stopping", flush=True)


def greeting(host: Host) -> Sequence[str]:
    """What is said once the host is ready."""
    lines = [f"{host.app_dir.name} is ready at {host.url}", ""]
    lines += [f"  {', '.join(sorted(route.methods)):<16} {host.url}/{route.template.text}" for route in host.routes.routes]
    others = [function.name for function in host.functions if function.kind in ("orchestrator", "activity", "entity", "timer")]
    lines += ["", f"  also: {', '.join(sorted(others))}"]
    if host.loopback:
        lines += [f"  mailbox    {host.url}/standalone/mail", f"  clock      {host.url}/standalone/clock"]
        lines += [f"  instances  {host.url}/standalone/instances"]
    else:
        lines += [f"  keys       {host.keys.path if host.keys else ''}"]
    lines += [f"  state      {host.state_dir}", "  Ctrl-C ends it.", ""]
    return lines


def main(arguments: Sequence[str]) -> int:
    """Answer the exit code."""
    given = list(arguments[1:] if arguments[:1] == ["start"] else arguments)
    options = parser().parse_args(given)
    os.environ[logs.VARIABLE] = options.log
    logs.configure(options.log)
    try:
        asyncio.run(serve(options))
    except (AppDoesNotLoad, HostRefuses, StoreUnusable) as refusal:
        print(f"standalone: {refusal}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
