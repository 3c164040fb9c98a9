"""Cross-origin requests: what other sites' pages may ask, as Core Tools lets them by `CORS` in local.settings.json or `--cors`.

Core Tools hands the list to ASP.NET's CORS middleware, in front of everything: any method, any header, for the app's functions as for the
durable API. Every preflight is answered, by 204; whoever may not ask gets no headers in it, and the browser does the rest.
https://github.com/Azure/azure-functions-core-tools (Startup.cs), https://learn.microsoft.com/aspnet/core/security/cors
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ANY = "*"
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s]+|null")


class CorsWrong(Exception):
    """A list of origins that cannot be: any of them, and with credentials."""


@dataclass(frozen=True)
class Cors:
    """Who may ask. Without origins nobody is told anything."""

    origins: Sequence[str] = ()
    credentials: bool = False

    def admits(self, origin: str | None) -> bool:
        """Whether pages of this origin may ask."""
        return bool(origin) and (self._any or origin in self.origins)

    @property
    def _any(self) -> bool:
        return list(self.origins) == [ANY]

    def never_matching(self) -> Sequence[str]:
        """What stands in the list and is never sent by a browser: a slash at the end, a blank in front, a `*` among others."""
        return [each for each in self.origins if not (_ORIGIN.fullmatch(each) or self._any)]

    def headers(self, request: Mapping[str, str]) -> Mapping[str, str]:
        """What is added to an answer, given the request's headers. Vary is to be appended to what is there."""
        if not self.admits(request.get("Origin")):
            return {}
        told = {"Access-Control-Allow-Origin": ANY if self._any else request["Origin"]}
        if self.credentials:
            told["Access-Control-Allow-Credentials"] = "true"
        if len(self.origins) > 1:
            told["Vary"] = "Origin"
        return told

    def preflight(self, method: str, request: Mapping[str, str]) -> Mapping[str, str] | None:
        """The headers of the answer to a preflight, which is 204; None when the request is none."""
        if not self.origins or method != "OPTIONS" or "Origin" not in request or "Access-Control-Request-Method" not in request:
            return None
        told = dict(self.headers(request))
        if told:
            told["Access-Control-Allow-Methods"] = request["Access-Control-Request-Method"]
            if asked := request.get("Access-Control-Request-Headers"):
                told["Access-Control-Allow-Headers"] = ",".join(name.strip() for name in asked.split(","))
        return told


def policy(origins: str, *, credentials: bool) -> Cors:
    """A policy by a list with commas and no blanks, as Core Tools reads it. Raises CorsWrong."""
    listed = [origin.lower() for origin in origins.split(",") if origin]
    if listed == [ANY] and credentials:
        raise CorsWrong("CORS: any origin (*) and credentials do not go together: name the origins")
    return Cors(listed, credentials and bool(listed))
