"""The durable engine: the extension's state machine, the file, the dispatcher.

Its parts are imported when they are asked for: a worker needs the state machine, and neither the file nor SQLite.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from standalone.engine.dispatcher import EngineSettings
    from standalone.engine.engine import Engine
    from standalone.engine.migrations import StoreUnusable

__all__ = ["Engine", "EngineSettings", "StoreUnusable"]


def __getattr__(name: str) -> Any:
    if name == "Engine":
        from standalone.engine.engine import Engine

        return Engine
    if name == "EngineSettings":
        from standalone.engine.dispatcher import EngineSettings

        return EngineSettings
    if name == "StoreUnusable":
        from standalone.engine.migrations import StoreUnusable

        return StoreUnusable
    raise AttributeError(name)
