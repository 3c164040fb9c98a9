"""host.json and local.settings.json: what of them concerns this host, and the settings that the app gets.

Settings come from the environment first, then from local.settings.json (as Core Tools does it); `%NAME%` in a binding is
resolved from both.
"""

import json
import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, ValidationError, field_validator

from standalone.http_syntax import is_token

log = logging.getLogger("standalone")

_PERCENT = re.compile(r"%([^%]+)%")
_SPAN = re.compile(r"^(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.\d+)?$")
_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)  # .NET reads over comments, and over a comma too many
_TRAILING = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])')
_NO_OBJECT = ("model_type", "dict_type")  # pydantic's names for a value that should have been one
VERSION = "2.0"
"""Of the form of host.json."""
NO_LIMIT = "-1"
WORKER_RUNTIME, PYTHON = "FUNCTIONS_WORKER_RUNTIME", "python"


class ConfigurationWrong(Exception):
    """A file of the app's folder is no JSON, or says what it cannot mean; the message names it."""


def _limit(given: int) -> int | None:
    if given == 0:
        raise ValueError("Input should be -1, which is no limit, or at least 1")
    return given if given > 0 else None


Limit = Annotated[int, Field(ge=-1), AfterValidator(_limit)]
"""A number of requests."""


class _Hsts(BaseModel):
    enabled: bool = Field(default=False, alias="isEnabled")


class _Http(BaseModel):
    """What the file says of HTTP. `model_extra`: what this host knows nothing of."""

    model_config = ConfigDict(extra="allow")

    route_prefix: str = Field(default="api", alias="routePrefix")
    custom_headers: dict[str, str] = Field(default_factory=dict, alias="customHeaders")
    most_outstanding: Limit | None = Field(default=None, alias="maxOutstandingRequests")
    most_concurrent: Limit | None = Field(default=None, alias="maxConcurrentRequests")
    hsts: _Hsts = _Hsts()
    dynamic_throttles: bool = Field(default=False, alias="dynamicThrottlesEnabled")

    @field_validator("custom_headers")
    @classmethod
    def _are_headers(cls, given: dict[str, str]) -> dict[str, str]:
        for name, value in given.items():
            if not is_token(name) or not value.isprintable():
                raise ValueError(f"{name!r}: {value!r} is no header")
        return given

    def not_applied(self) -> Sequence[str]:
        """The settings that change nothing here, each with the reason."""
        told = [f"extensions.http.{name}: it is not known here" for name in self.model_extra or {}]
        if self.hsts.enabled:
            told.append("extensions.http.hsts: nothing here speaks TLS; the proxy that does must send the header")
        if self.dynamic_throttles:
            told.append("extensions.http.dynamicThrottlesEnabled: the counters that it watches are Azure's")
        return told


class _StorageProvider(BaseModel):
    connection: str = Field(default="Storage", validation_alias=AliasChoices("connectionName", "connectionStringName"))


class _DurableTask(BaseModel):
    hub_name: str = Field(default="TestHubName", alias="hubName")
    storage: _StorageProvider = Field(default=_StorageProvider(), alias="storageProvider")
    default_version: str | None = Field(default=None, alias="defaultVersion")
    version_match: str = Field(default="CurrentOrOlder", alias="versionMatchStrategy", pattern="(?i)^(none|strict|currentorolder)$")
    version_failure: str = Field(default="Reject", alias="versionFailureStrategy", pattern="(?i)^(reject|fail)$")
    overridable: str = Field(
        default="NonRunningStates", alias="overridableExistingInstanceStates", pattern="(?i)^(nonrunningstates|anystate)$"
    )


class _Extensions(BaseModel):
    http: _Http = _Http()
    durable_task: _DurableTask = Field(default=_DurableTask(), alias="durableTask")


class _HostFile(BaseModel):
    """host.json: https://learn.microsoft.com/azure/azure-functions/functions-host-json. What is not named here is not used."""

    extensions: _Extensions = _Extensions()
    function_timeout: str | None = Field(default=None, alias="functionTimeout")
    functions: list[str] = Field(default_factory=list)
    retry: Any = None
    version: str | None = None

    @field_validator("version", mode="before")
    @classmethod
    def _is_known(cls, given: Any) -> Any:
        if given != VERSION:
            raise ValueError(f'it must be "{VERSION}", not {given!r}: the Functions host would not start either')
        return given

    def not_applied(self) -> list[str]:
        """What it says that has no effect here, or would have another there, a line each."""
        told = list(self.extensions.http.not_applied())
        if self.retry:
            told.append("retry: a policy of all functions; those of single timer functions are")
        if self.version is None:
            told.append(f'"version": "{VERSION}" is missing; the Functions host would not start')
        return told

    @field_validator("functions", mode="before")
    @classmethod
    def _in_their_order(cls, given: Any) -> Any:
        """Settings number the entries of a list."""
        return [given[number] for number in sorted(given, key=str)] if isinstance(given, dict) else given


class _Local(BaseModel):
    port: int | None = Field(default=None, alias="LocalHttpPort", ge=0, le=65535)
    address: str | None = Field(default=None, alias="LocalHttpAddress")
    cors: str = Field(default="", alias="CORS")
    cors_credentials: bool = Field(default=False, alias="CORSCredentials")


class _LocalSettings(BaseModel):
    """local.settings.json, as Core Tools has it (learn.microsoft.com/azure/azure-functions/functions-develop-local)."""

    encrypted: bool = Field(default=False, alias="IsEncrypted")
    values: dict[str, str | int | float | bool | None] = Field(default_factory=dict, alias="Values")
    host: _Local = Field(default=_Local(), alias="Host")

    @field_validator("values", mode="before")
    @classmethod
    def _are_settings(cls, given: Any) -> Any:
        """Core Tools takes no nested ones. pydantic would tell of each type that a value could have had."""
        for name, value in given.items() if isinstance(given, dict) else ():
            if isinstance(value, dict | list):
                raise ValueError(f"{name} is no text, number, true or false; what is nested goes into one text, as JSON")
        return given


@dataclass(frozen=True)
class HostSettings:
    """What host.json says that applies here."""

    route_prefix: str = "api"
    function_timeout: timedelta | None = timedelta(minutes=30)
    task_hub: str = "TestHubName"
    connection: str = "Storage"
    default_version: str = ""
    version_match: str = "CurrentOrOlder"
    version_failure: str = "Reject"
    replaces_running: bool = False
    largest_body: int = 100 * 1024 * 1024
    custom_headers: Mapping[str, str] = field(default_factory=dict)
    most_outstanding: int | None = None
    most_concurrent: int | None = None
    only_functions: Sequence[str] = ()
    not_applied: Sequence[str] = ()


@dataclass(frozen=True)
class LocalSettings:
    """The section `Host` of local.settings.json: what Core Tools takes for options that are not given."""

    port: int | None = None
    address: str | None = None
    cors: str = ""
    cors_credentials: bool = False


@dataclass(frozen=True)
class Configuration:
    """The host's settings and the app's. `values` is what the app gets beside the environment."""

    host: HostSettings
    values: Mapping[str, str] = field(default_factory=dict)
    local: LocalSettings = LocalSettings()

    def setting(self, name: str) -> str | None:
        """An application setting, if there is one."""
        return self.values.get(name, os.environ.get(name))

    def resolve(self, text: str) -> str:
        """`text` with every %NAME% replaced by the setting; an unknown one stays."""
        return _PERCENT.sub(lambda found: found[0] if (said := self.setting(found[1])) is None else said, text)


def read(app_dir: Path, settings: Mapping[str, str] | None = None) -> Configuration:
    """The configuration of the app in `app_dir`; `settings` win over the environment and the file. Raises ConfigurationWrong."""
    local = _file(app_dir / "local.settings.json", _LocalSettings)
    if local.encrypted:
        raise ConfigurationWrong("local.settings.json is encrypted: run `func settings decrypt`, or give the settings by the environment")
    for name in local.values.keys() & os.environ.keys():
        log.debug("%s of local.settings.json is not used: it stands in the environment, which wins", name)
    values = {name: _text(value) for name, value in local.values.items() if name not in os.environ and value is not None}
    values |= settings or {}
    host = _file(app_dir / "host.json", _HostFile, {**os.environ, **values})
    configuration = Configuration(HostSettings(), values, LocalSettings(**local.host.model_dump()))
    runtime = configuration.setting(WORKER_RUNTIME) or PYTHON
    if runtime.lower() != PYTHON:
        raise ConfigurationWrong(f"{WORKER_RUNTIME} is {runtime!r}: this host runs apps of the runtime {PYTHON!r} only")
    return replace(configuration, host=_settings(host, configuration.resolve))


def _settings(host: _HostFile, resolve: Callable[[str], str]) -> HostSettings:
    http, durable = host.extensions.http, host.extensions.durable_task
    return HostSettings(
        route_prefix=http.route_prefix.strip("/"),
        function_timeout=span(host.function_timeout) if host.function_timeout else HostSettings.function_timeout,
        task_hub=resolve(durable.hub_name),
        connection=resolve(durable.storage.connection),
        default_version=resolve(durable.default_version or ""),
        version_match=durable.version_match,
        version_failure=durable.version_failure,
        replaces_running=durable.overridable.lower() == "anystate",
        custom_headers=http.custom_headers,
        most_outstanding=http.most_outstanding,
        most_concurrent=http.most_concurrent,
        only_functions=host.functions,
        not_applied=host.not_applied(),
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
            key = _as_written(place, step)
            if isinstance(place.get(key), list):
                place[key] = {str(number): each for number, each in enumerate(place[key])}
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                break
        else:
            place[_as_written(place, path[-1])] = value


def _as_written(place: Mapping[str, Any], step: str) -> str:
    """The key of `place` that is `step` but for its case, which the file alone decides."""
    names = [*place, "extensions", "http", "durableTask", "functionTimeout", "functions"]
    names += [field.alias for model in (_Http, _DurableTask) for field in model.model_fields.values() if field.alias]
    return next((name for name in names if name.lower() == step.lower()), step)


def _file(path: Path, model: type[_Model], settings: Mapping[str, str] | None = None) -> _Model:
    """A file of the app's folder; what holds without one when there is none. `settings` may stand in for what it says."""
    try:
        written = path.read_bytes()
    except FileNotFoundError:
        written = b"{}"
    except OSError as error:
        raise ConfigurationWrong(f"{path.name} cannot be read: {error.strerror}") from None
    try:
        text = written.decode(json.detect_encoding(written))  # Windows PowerShell writes UTF-16, and .NET reads it
        said = json.loads(_TRAILING.sub(r"\1", _COMMENT.sub(r"\1", text)))
        if said == {}:  # the Functions host writes it in
            said = {"version": VERSION}
        _override(said, settings or {})
        return model.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        told = "it is no JSON object" if first["type"] in _NO_OBJECT else first["msg"].removeprefix("Value error, ")
        raise ConfigurationWrong(": ".join(filter(None, [path.name, ".".join(map(str, first["loc"])), told]))) from None
    except UnicodeDecodeError:
        raise ConfigurationWrong(f"{path.name} is no text in UTF-8") from None
    except ValueError as error:
        raise ConfigurationWrong(f"{path.name} is no JSON: {error}") from None
