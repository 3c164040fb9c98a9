"""The command `python -m standalone`: run a Durable Functions app on this machine, until SIGTERM or Ctrl-C."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from standalone import logs
from standalone.admission import SERVED
from standalone.contracts import ALLOW_LIST, AppDoesNotLoad
from standalone.engine import StoreUnusable
from standalone.host import LONGEST_GOODBYE, Host, HostRefuses
from standalone.options import parsed
from standalone.routes import ALL_METHODS, Route

STOPPED_BY_SIGNAL = 128  # and the signal's number: what a shell says of a program that a signal ended


class Stop:
    """Whether somebody wants the host to end. The second time, it ends at once."""

    def __init__(self, host: Host, *, loads_here: bool) -> None:
        self.wanted = asyncio.Event()
        self._host, self._loads_here, self._asked = host, loads_here, False
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.wanted.set)  # wakes the loop, whichever thread the signal comes to
            signal.signal(number, self._ask)  # before it, and also while the loop waits for an import in this process

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            self._host.kill_workers()
            os._exit(STOPPED_BY_SIGNAL + number)
        self._asked = True
        if self._loads_here and not self._host.ready:
            raise KeyboardInterrupt  # out of an import that may never end


async def serve(options: argparse.Namespace) -> None:
    """Run until told to stop, be it during the start."""
    host = Host(
        options.app,
        options.state or options.app / ".state",
        address=options.host,
        port=options.port,
        cors=options.cors,
        cors_credentials=options.cors_credentials,
        keys=options.keys,
        smtp_port=options.smtp_port,
        workers=options.workers,
        virtual=options.clock == "virtual",
        settings={f"{ALLOW_LIST}{number}": name for number, name in enumerate(options.functions)},
    )
    stop = Stop(host, loads_here=options.workers == 0)
    begun = asyncio.Event()
    running = asyncio.create_task(run(host, begun, stop.wanted))
    wanted = asyncio.create_task(stop.wanted.wait())
    await asyncio.wait({running, wanted}, return_when=asyncio.FIRST_COMPLETED)
    if not (running.done() or begun.is_set()):
        running.cancel()
    wanted.cancel()
    await asyncio.gather(running, return_exceptions=running.cancelling() > 0)


async def run(host: Host, begun: asyncio.Event, stop: asyncio.Event) -> None:
    """Start, say so, wait, end. From `begun` on it is not to be cancelled: it ends by itself, in order."""
    async with host:
        begun.set()
        print("\n".join(greeting(host)), flush=True)
        await stop.wait()
        print(f"stopping: requests under way have {LONGEST_GOODBYE:.0f} seconds; Ctrl-C again ends at once", flush=True)


def greeting(host: Host) -> Sequence[str]:
    """What is said once the host is ready."""
    lines = [f"{host.app_dir.name} is ready at {host.url}", ""]
    if routes := [f"  {_methods(route):<16} {host.url}/{route.template.text}" for route in host.routes.routes]:
        lines += [*routes, ""]
    if others := sorted(each.name for each in host.functions if each.kind in SERVED and each.kind != "http" and not each.disabled):
        lines += [f"  also: {', '.join(others)}"]
    if not host.functions:
        lines += ["  The app has no functions: nothing in it is decorated with a trigger of the app that it holds.", ""]
    if disabled := sorted(function.name for function in host.functions if function.disabled):
        lines += [f"  disabled: {', '.join(disabled)}"]
    if host.loopback:
        lines += [f"  mailbox    {host.url}/standalone/mail", f"  clock      {host.url}/standalone/clock"]
        lines += [f"  instances  {host.url}/standalone/instances"]
    if host.keys:
        lines += [f"  keys       {host.keys.path}"]
    lines += [f"  state      {host.state_dir}", "  Ctrl-C ends it.", ""]
    return lines


def _methods(route: Route) -> str:
    return "any" if route.methods == ALL_METHODS else ", ".join(sorted(route.methods))


def main(arguments: Sequence[str]) -> int:
    """Answer the exit code: 0 when told to stop, 1 when it cannot start, 2 for wrong options."""
    options = parsed(arguments)
    logs.configure(options.log, verbose=options.verbose)
    try:
        asyncio.run(serve(options))
    except KeyboardInterrupt:
        return 0
    except (AppDoesNotLoad, HostRefuses, StoreUnusable) as refusal:
        print(f"standalone: {refusal}", file=sys.stderr)
        return 1
    return 0


def end_with(code: int) -> NoReturn:
    """Leave. Threads of sync functions may run on in this process (`--workers 0`): they are abandoned, as a worker's are."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
