"""A look, and a hand, into the process that runs the app, for the tests alone: a copy of it lies beside a copy of the app.

It is no part of the app, whose copy imports it. It wraps the SDK from outside, the same on every host:

- the folder `workers` beside it gets a file named by the process id of each worker that loads the app;
- the file `episodes`, if it is there, gets a line with the instance's id for each episode of an orchestrator;
- the file `die-in-episode`, if it is there, holds the ids of instances: in the next episode of each, once, the worker kills itself.
"""

import os
import signal
from pathlib import Path
from typing import Any

import azure.durable_functions.orchestrator as sdk

HERE = Path(__file__).parent
DEATHS = HERE / "die-in-episode"
EPISODES = HERE / "episodes"

run = sdk.Orchestrator.handle


def handle(orchestrator: sdk.Orchestrator, context: Any) -> str:
    """One episode."""
    if EPISODES.exists():
        with EPISODES.open("a") as file:
            file.write(f"{context.instance_id}\n")
    if DEATHS.exists() and context.instance_id in (doomed := DEATHS.read_text().split()):
        doomed.remove(context.instance_id)
        DEATHS.write_text("\n".join(doomed))
        os.kill(os.getpid(), signal.SIGKILL)
    return run(orchestrator, context)


sdk.Orchestrator.handle = handle  # type: ignore[method-assign, assignment]  # by design, from outside
(HERE / "workers").mkdir(exist_ok=True)
(HERE / "workers" / str(os.getpid())).touch()
