"""Where the app's code runs: in this process, or in processes of its own."""

from standalone.workers.inside import InProcessWorkers
from standalone.workers.processes import ProcessWorkers

__all__ = ["InProcessWorkers", "ProcessWorkers"]
