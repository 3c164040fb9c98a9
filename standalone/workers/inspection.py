"""Where an instance stands, for the pages: its history is replayed beside it, and it notices nothing."""

from dataclasses import replace

from azure.durable_functions.orchestrator import Orchestrator

from standalone.contracts import Whereabouts
from standalone.engine.decisions import Answer
from standalone.engine.messages import Load
from standalone.engine.orchestration import Orchestration
from standalone.engine.trigger import Trigger
from standalone.engine.whereabouts import whereabouts
from standalone.workers.functions import Functions, failed
from standalone.workers.tracing import Trace


def inspect(functions: Functions, load: Load) -> Whereabouts:
    """Replay an instance to see where it stands, as often as anybody likes. Raises FunctionFailed."""
    seen: Trace | None = None

    def call(name: str, trigger: Trigger) -> Answer:
        nonlocal seen
        function = functions.durable["orchestrator", name.casefold()].call
        seen = Trace(function.orchestrator_function, functions.app_dir)
        traced = Orchestrator.create(seen)
        # Where the SDK's decorator leaves the declared type of the input, and its handler looks for it.
        traced._df_input_type = getattr(function, "_df_input_type", None)  # type: ignore[attr-defined]
        return functions.orchestrate(name, trigger, lambda **body: traced(*body.values()))

    try:
        instance = Orchestration(load, functions.known, call)
        answer = instance.ask()
        places, wanted = seen.look_up(answer.state) if seen else ({}, None)
        found = whereabouts(
            instance.events, answer, functions.known,
            place=seen.place if seen else (), places=places, wanted=wanted, ended=instance.ended,
        )  # fmt: skip
    except Exception as error:  # an SDK that is made otherwise: who looks gets the history, and why there are no lines
        raise failed(error) from error
    return replace(found, edited=seen is not None and seen.edited)
