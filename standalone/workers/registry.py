"""The app's durable functions by name, as the extension registers them. Knows nothing of the libraries: the main process needs it too."""

from collections.abc import Sequence

from standalone.contracts import FunctionInfo
from standalone.engine.decisions import Known

_NAME_IN_TRIGGER = {"orchestrator": "orchestration", "activity": "activity", "entity": "entityName"}


def durable_name(info: FunctionInfo) -> str:
    """The name by which orchestrators and clients call a durable function: the trigger's own, else the function's."""
    return str(info.trigger.get(_NAME_IN_TRIGGER.get(info.kind, ""), None) or info.name)


def known(infos: Sequence[FunctionInfo]) -> Known:
    """The durable functions among `infos`."""
    named: dict[str, dict[str, str]] = {"activity": {}, "orchestrator": {}, "entity": {}}
    disabled = set()
    for info in infos:
        if info.kind in named:
            name = durable_name(info)
            if info.disabled and info.kind == "activity":
                disabled.add(name.casefold())
            elif not info.disabled:
                named[info.kind][name.casefold()] = name
    return Known(named["activity"], named["orchestrator"], named["entity"], frozenset(disabled))
