"""host.json and local.settings.json: what of them concerns this host, and the settings that the app gets.

Settings come from the environment first, then from local.settings.json (as Core Tools does it); `%NAME%` in a binding is
resolved from both.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

_PERCENT = re.compile(r"%([^%]+)%")
_SPAN = re.compile(r"^(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.\d+)?$")


class ConfigurationWrong(Exception):
    """A file of the app's folder is no JSON, or says what it cannot mean; the message names it."""


@dataclass(frozen=True)
class HostSettings:
    """What host.json says that applies here."""

    route_prefix: str = "api"
    function_timeout: timedelta | None = timedelta(minutes=30)
    task_hub: str = "TestHubName"
    default_version: str = ""
    largest_body: int = 100 * 1024 * 1024


@dataclass(frozen=True)
class Configuration:
    """The host's settings and the app's."""

    host: HostSettings
    values: Mapping[str, str] = field(default_factory=dict)

    def resolve(self, text: str) -> str:
        """`text` with every %NAME% replaced by the setting; an unknown one stays."""
        return _PERCENT.sub(lambda found: self.values.get(found[1], os.environ.get(found[1], found[0])), text)


def read(app_dir: Path) -> Configuration:
    """The configuration of the app in `app_dir`. Raises ConfigurationWrong."""
    local = _json(app_dir / "local.settings.json").get("Values", {})
    values = {str(name): str(value) for name, value in local.items() if name not in os.environ}
    host = _json(app_dir / "host.json")
    extensions = host.get("extensions", {})
    durable = extensions.get("durableTask", {})
    http = extensions.get("http", {})
    configuration = Configuration(HostSettings(), values)
    settings = HostSettings(
        route_prefix=str(http.get("routePrefix", "api")).strip("/"),
        function_timeout=span(host["functionTimeout"]) if host.get("functionTimeout") else HostSettings.function_timeout,
        task_hub=configuration.resolve(str(durable.get("hubName", HostSettings.task_hub))),
        default_version=configuration.resolve(str(durable.get("defaultVersion") or "")),
    )
    return Configuration(settings, values)


def span(text: str) -> timedelta | None:
    """A .NET time span such as 00:10:00; None for -1, which is no limit."""
    if text == "-1":
        return None
    found = _SPAN.match(text)
    if not found:
        raise ConfigurationWrong(f"host.json: {text!r} is no time such as 00:10:00")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _json(path: Path) -> dict[str, Any]:
    """A file's object, empty when there is no file."""
    try:
        loaded = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ConfigurationWrong(f"{path.name} is no JSON: {error}") from None
    if not isinstance(loaded, dict):
        raise ConfigurationWrong(f"{path.name} holds no JSON object")
    return loaded
