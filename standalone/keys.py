"""Keys, where the host can be reached from elsewhere: a master key, a key for all functions, and the durable API's system key.

They are made at the first start and lie in the state folder, readable by its owner alone. On loopback none is asked for.
"""

import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

MASTER, FUNCTIONS, DURABLE = "master", "default", "durabletask_extension"


class Keys:
    """The keys of a state folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            self._make()
        self._keys: Mapping[str, str] = json.loads(path.read_text(encoding="utf-8"))

    def _make(self) -> None:
        """Write new keys: whole or not at all, and never readable by others."""
        unfinished = self.path.with_suffix(".tmp")
        unfinished.unlink(missing_ok=True)
        made = {name: secrets.token_urlsafe(32) for name in (MASTER, FUNCTIONS, DURABLE)}
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(made, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self.path)

    @property
    def durable(self) -> str:
        """The key of the durable HTTP API, as the links that the app hands out carry it."""
        return self._keys[DURABLE]

    def admits(self, level: str, given: str) -> bool:
        """Whether a key opens what asks for `level`: anonymous, function, admin, or system (the durable API)."""
        if level == "anonymous":
            return True
        opening = {"function": (MASTER, FUNCTIONS), "admin": (MASTER,), "system": (MASTER, DURABLE)}[level]
        return any(hmac.compare_digest(given.encode(), self._keys[name].encode()) for name in opening)
