"""Which versions of orchestrations a worker takes: host.json's `versionMatchStrategy` (VersioningSettings.cs of DurableTask.Core)."""

import re

NONE, STRICT, CURRENT_OR_OLDER = "none", "strict", "currentorolder"
_DOTTED = re.compile(r"\s*\d+\s*(?:\.\s*\d+\s*){1,3}")
_LONGEST = 4


def taken(version: str, default_version: str, strategy: str) -> bool:
    """Does a worker whose version is `default_version` run an orchestration of `version`?"""
    if strategy.lower() == NONE:
        return True
    if strategy.lower() == STRICT:
        return version == default_version
    return not newer(version, default_version)


def newer(version: str, other: str) -> bool:
    """Is `version` above `other`? None at all is below any; numbers with dots are compared as such, all else as text."""
    if not version.strip() or not other.strip():
        return bool(version.strip())
    if _DOTTED.fullmatch(version) and _DOTTED.fullmatch(other):
        return _parts(version) > _parts(other)
    return version.upper() > other.upper()


def _parts(version: str) -> list[int]:
    """As .NET's Version: a part that is not there is below 0, so that 1.0 comes before 1.0.0."""
    parts = [int(part) for part in version.split(".")]
    return parts + [-1] * (_LONGEST - len(parts))
