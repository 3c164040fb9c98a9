"""Who is who: which system calls, which person is signed in, which operator brings which key.

A function key says which system calls; the host has checked it, so its hash is the system's name. The principal header of App
Service authentication is believed only where a setting says that it is on: anywhere else, anyone could send it.
Operators are signed-in persons with a role, or bring an operator key of Greenlight's own and say who they are, which is
marked as claimed.
"""

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import azure.functions as func
from pydantic import BaseModel, ValidationError

from clients.problem import Problem
from clients.schemas import one_address
from clients.text import line
from domain.commands import Actor
from domain.people import Person
from services.policies import PolicyUnusable
from services.settings import DEVELOPMENT_KEY
from services.wiring import Services

Role = Literal["operator", "auditor", "reader"]
EVERY_ROLE: tuple[Role, ...] = ("operator", "auditor", "reader")

CHALLENGE = {"WWW-Authenticate": 'GreenlightOperatorKey header="X-Operator-Key"'}

_ADDRESS_CLAIMS = ("preferred_username", "email", "upn", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress")


class Claim(BaseModel):
    """One claim of a principal."""

    typ: str
    val: str


class Principal(BaseModel):
    """Who App Service authentication says is signed in: the JSON inside `X-MS-CLIENT-PRINCIPAL`.

    https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities
    """

    claims: list[Claim]
    name_typ: str = "name"
    role_typ: str = "roles"

    def person(self) -> Person | None:
        """The person, if the principal has an address."""
        values = {claim.typ: claim.val for claim in reversed(self.claims)}
        address = next((values[kind] for kind in _ADDRESS_CLAIMS if "@" in values.get(kind, "")), None)
        return Person(values.get(self.name_typ) or values.get("name") or address, address) if address else None

    def roles(self) -> set[str]:
        """The roles they have in the app."""
        return {claim.val.casefold() for claim in self.claims if claim.typ == self.role_typ}


@dataclass(frozen=True)
class Operator:
    """Who acts on the operators' routes, and in which role."""

    person: Person
    role: Role

    def actor(self) -> Actor:
        """As the rules see them."""
        return Actor(self.person, "operator")


def principal(req: func.HttpRequest, world: Services) -> Principal | None:
    """The signed-in person, where the setting says that such a header can be believed. Raises Problem 401 for a broken one."""
    header = req.headers.get("X-MS-CLIENT-PRINCIPAL")
    if not world.settings.easy_auth or not header:
        return None
    try:
        return Principal.model_validate(json.loads(base64.b64decode(header, validate=True)))
    except (binascii.Error, ValueError, ValidationError):
        raise Problem("unauthenticated", "The sign-in cannot be read. Sign in again.") from None


def signed_in(req: func.HttpRequest, world: Services) -> Person | None:
    """The signed-in person, if there is one."""
    who = principal(req, world)
    return who.person() if who else None


def submitting_caller(req: func.HttpRequest, world: Services) -> str:
    """The name under which a caller's proposals are kept: a person, a system by its key's hash, or whoever is on this machine."""
    person = signed_in(req, world)
    if person:
        return f"person:{person.email.casefold()}"
    key = req.headers.get("x-functions-key") or req.params.get("code")
    if key:
        digest = hmac.new(world.settings.secret_of_ids().encode(), key.encode(), hashlib.sha256).hexdigest()
        return f"system:{digest[:20]}"
    return "local"


def operator(req: func.HttpRequest, world: Services, *roles: Role) -> Operator:
    """Who calls, in one of `roles`. Raises Problem 401 when they do not say, 403 when they may not."""
    found = operator_by_key(req, world) or operator_signed_in(req, world)
    if found is None:
        raise Problem(
            "unauthenticated", "Sign in, or send an operator key in X-Operator-Key and your address in X-Operator.", headers=CHALLENGE
        )
    if found.role not in roles:
        raise Problem("forbidden", f"The role {found.role} may read this and no more; it takes {' or '.join(roles)}.")
    return found


def operator_by_key(req: func.HttpRequest, world: Services) -> Operator | None:
    """The bringer of an operator key. Raises Problem 401 for an unknown key, 400 for an unreadable name."""
    given = req.headers.get("X-Operator-Key")
    if given is None:
        return None
    known: dict[str, tuple[Role, str]] = {
        name: (entry.role, entry.key.get_secret_value()) for name, entry in world.settings.operator_keys.items()
    }
    if not known and world.settings.development:
        known = {"development": ("operator", DEVELOPMENT_KEY)}
    fitting = [(name, role) for name, (role, key) in known.items() if hmac.compare_digest(key.encode(), given.encode())]
    if not fitting:
        raise Problem("unauthenticated", "This operator key is not known.", headers=CHALLENGE)
    name, role = fitting[0]
    return Operator(claimed_person(req, world, name), role)


def claimed_person(req: func.HttpRequest, world: Services, key_name: str) -> Person:
    """Who the bringer of a key says they are: an address, or a name of the directory. The trail says that it is a claim."""
    claim = req.headers.get("X-Operator", "").strip()
    if not claim:
        if req.method in ("GET", "HEAD"):
            return Person(f"somebody (key {key_name})", "")
        raise Problem("malformed-header", "Say who you are in X-Operator: your mail address. It stands in the trail, as claimed.")
    person = in_directory(world, claim)
    if person is None:
        try:
            address = one_address(claim)
        except ValueError:
            raise Problem("malformed-header", "X-Operator must be a mail address, or a name of the directory.") from None
        person = Person(address, address)
    return Person(f"{person.name} (claimed, key {key_name})", person.email)


def operator_signed_in(req: func.HttpRequest, world: Services) -> Operator | None:
    """The signed-in person with a role of ours; the strongest counts. Raises Problem 403 without one."""
    who = principal(req, world)
    person = who.person() if who else None
    if who is None or person is None:
        return None
    role: Role | None = next((role for role in EVERY_ROLE if role in who.roles()), None)
    if role is None:
        raise Problem("forbidden", "You are signed in, but have no role here: operator, auditor or reader.")
    if req.method == "POST":
        refuse_foreign_origin(req)
    return Operator(person, role)


def refuse_foreign_origin(req: func.HttpRequest) -> None:
    """A signed-in person's browser sends their sign-in with other sites' forms too. Raises Problem 403."""
    site = req.headers.get("Sec-Fetch-Site")
    if site is not None and site not in ("same-origin", "none"):
        raise Problem("forbidden", "This was sent from another site.")
    origin = req.headers.get("Origin")
    if site is None and origin is not None and urlsplit(origin).netloc != req.headers.get("Host"):
        raise Problem("forbidden", "This was sent from another site.")


def in_directory(world: Services, text: str) -> Person | None:
    """A person of the policy file's directory, by address or name."""
    try:
        return world.policies().find(text)
    except PolicyUnusable:
        return None


def named_person(world: Services, text: str) -> Person | None:
    """Somebody to ask: of the directory, or by a bare address, which the rules then judge. None for neither."""
    found = in_directory(world, text)
    if found:
        return found
    try:
        address = one_address(text)
    except ValueError:
        return None
    return Person(line(address.partition("@")[0]), address)
