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
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

_PERCENT = re.compile(r"%([^%]+)%")
_SPAN = re.compile(r"^(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.\d+)?$")
_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)  # .NET reads over comments, and over a comma too many
_TRAILING = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])')
NO_LIMIT = "-1"


class ConfigurationWrong(Exception):
    """A file of the app's folder is no JSON, or says what it cannot mean; the message names it."""


class _Http(BaseModel):
    route_prefix: str = Field(default="api", alias="routePrefix")


class _DurableTask(BaseModel):
    hub_name: str = Field(default="TestHubName", alias="hubName")
    default_version: str | None = Field(default=None, alias="defaultVersion")
    version_match: str = Field(default="CurrentOrOlder", alias="versionMatchStrategy", pattern="(?i)^(none|strict|currentorolder)$")
    version_failure: str = Field(default="Reject", alias="versionFailureStrategy", pattern="(?i)^(reject|fail)$")


class _Extensions(BaseModel):
    http: _Http = _Http()
    durable_task: _DurableTask = Field(default=_DurableTask(), alias="durableTask")


class _HostFile(BaseModel):
    """host.json: https://learn.microsoft.com/azure/azure-functions/functions-host-json. What is not named here is not used."""

    extensions: _Extensions = _Extensions()
    function_timeout: str | None = Field(default=None, alias="functionTimeout")


class _LocalSettings(BaseModel):
    """local.settings.json, as Core Tools has it."""

    encrypted: bool = Field(default=False, alias="IsEncrypted")
    values: dict[str, str | int | float | bool | None] = Field(default_factory=dict, alias="Values")


@dataclass(frozen=True)
class HostSettings:
    """What host.json says that applies here."""

    route_prefix: str = "api"
    function_timeout: timedelta | None = timedelta(minutes=30)
    task_hub: str = "TestHubName"
    default_version: str = ""
    version_match: str = "CurrentOrOlder"
    version_failure: str = "Reject"
    largest_body: int = 100 * 1024 * 1024


@dataclass(frozen=True)
class Configuration:
    """The host's settings and the app's. `values` is what the app gets beside the environment."""

    host: HostSettings
    values: Mapping[str, str] = field(default_factory=dict)

    def resolve(self, text: str) -> str:
        """`text` with every %NAME% replaced by the setting; an unknown one stays."""
        return _PERCENT.sub(lambda found: self.values.get(found[1], os.environ.get(found[1], found[0])), text)


def read(app_dir: Path, settings: Mapping[str, str] | None = None) -> Configuration:
    """The configuration of the app in `app_dir`; `settings` win over the environment and the file. Raises ConfigurationWrong."""
    local = _file(app_dir / "local.settings.json", _LocalSettings)
    if local.encrypted:
        raise ConfigurationWrong("local.settings.json is encrypted: run `func settings decrypt`, or give the settings by the environment")
    values = {name: _text(value) for name, value in local.values.items() if name not in os.environ and value is not None}
    values |= settings or {}
    host = _file(app_dir / "host.json", _HostFile, {**os.environ, **values})
    resolve = Configuration(HostSettings(), values).resolve
    return Configuration(
        HostSettings(
            route_prefix=host.extensions.http.route_prefix.strip("/"),
            function_timeout=span(host.function_timeout) if host.function_timeout else HostSettings.function_timeout,
            task_hub=resolve(host.extensions.durable_task.hub_name),
            default_version=resolve(host.extensions.durable_task.default_version or ""),
            version_match=host.extensions.durable_task.version_match,
            version_failure=host.extensions.durable_task.version_failure,
        ),
        values,
    )


def span(text: str) -> timedelta | None:
    """A .NET time span such as 00:10:00; None for -1, which is no limit."""
    if text == NO_LIMIT:
        return None
    found = _SPAN.match(text)
    if not found:
        raise ConfigurationWrong(f"host.json: {text!r} is no time such as 00:10:00")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _text(value: Any) -> str:
    """A setting as an environment variable, as .NET writes it where it is no text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


_Model = TypeVar("_Model", bound=BaseModel)


def _override(said: Any, settings: Mapping[str, str]) -> None:
    """Settings such as AzureFunctionsJobHost__extensions__durableTask__hubName win over host.json (functions-host-json)."""
    for name, value in settings.items():
        prefix, *path = name.split("__")
        if prefix.lower() != "azurefunctionsjobhost" or not path or not isinstance(said, dict):
            continue
        place = said
        for step in path[:-1]:
            place = place.setdefault(_as_written(place, step), {})
            if not isinstance(place, dict):
                break
        else:
            place[_as_written(place, path[-1])] = value


def _as_written(place: Mapping[str, Any], step: str) -> str:
    """The key of `place` that is `step` but for its case, which the file alone decides."""
    names = [*place, "extensions", "http", "routePrefix", "durableTask", "hubName", "defaultVersion", "functionTimeout"]
    names += ["versionMatchStrategy", "versionFailureStrategy"]
    return next((name for name in names if name.lower() == step.lower()), step)


def _file(path: Path, model: type[_Model], settings: Mapping[str, str] | None = None) -> _Model:
    """A file of the app's folder; what holds without one when there is none. `settings` may stand in for what it says."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        text = "{}"
    try:
        said = json.loads(_TRAILING.sub(r"\1", _COMMENT.sub(r"\1", text)))
        _override(said, settings or {})
        return model.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigurationWrong(f"{path.name}: {'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}") from None
    except ValueError as error:
        raise ConfigurationWrong(f"{path.name} is no JSON: {error}") from None
