"""Where the app's code runs: in this process, or in processes of its own.

`InProcessWorkers` is imported when it is asked for: it brings the SDK with it, 40 MB that a main process with workers does not need.
"""

from typing import TYPE_CHECKING, Any

from standalone.workers.processes import ProcessWorkers

if TYPE_CHECKING:
    from standalone.workers.inside import InProcessWorkers

__all__ = ["InProcessWorkers", "ProcessWorkers"]


def __getattr__(name: str) -> Any:
    if name == "InProcessWorkers":
        from standalone.workers.inside import InProcessWorkers

        return InProcessWorkers
    raise AttributeError(name)
