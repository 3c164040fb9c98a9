"""The durable engine: the extension's state machine, the file, the dispatcher."""

from standalone.engine.dispatcher import EngineSettings
from standalone.engine.engine import Engine
from standalone.engine.store import StoreUnusable

__all__ = ["Engine", "EngineSettings", "StoreUnusable"]
