"""Keys, where the host can be reached from elsewhere: a master key, a key for all functions, and the durable API's system key.

They are made at the first start and lie in the state folder, readable by its owner alone. On loopback none is asked for.
"""

import hmac
import json
import secrets
from collections.abc import Mapping
from pathlib import Path

MASTER, FUNCTIONS, DURABLE = "master", "default", "durabletask_extension"


class Keys:
    """The keys of a state folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            made = {name: secrets.token_urlsafe(32) for name in (MASTER, FUNCTIONS, DURABLE)}
            path.touch(mode=0o600)
            path.write_text(json.dumps(made, indent=2), encoding="utf-8")
        self._keys: Mapping[str, str] = json.loads(path.read_text(encoding="utf-8"))

    def admits(self, level: str, given: str) -> bool:
        """Whether a key opens what asks for `level`: anonymous, function, admin, or system (the durable API)."""
        if level == "anonymous":
            return True
        opening = {"function": (MASTER, FUNCTIONS), "admin": (MASTER,), "system": (MASTER, DURABLE)}[level]
        return any(hmac.compare_digest(given.encode(), self._keys[name].encode()) for name in opening)
