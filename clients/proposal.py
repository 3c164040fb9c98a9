"""What the routes of one proposal share: find it, heal it, bring a command to it, and say what became of that."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import azure.durable_functions as df
import azure.functions as func

from clients import engine
from clients.pages import Face
from clients.problem import FieldError, Problem, pointer
from clients.views import View, view_of
from domain.commands import Actor, Command
from domain.facts import Revised, Submitted
from domain.judge import Refusal
from domain.review import Slot
from domain.status import status_document
from services.records import Stored
from services.trail import Brought, Stale, UnknownProposal, bring
from services.wiring import Services


@dataclass(frozen=True)
class Scene:
    """A request about proposals: the outside world and the durable client."""

    world: Services
    client: df.DurableOrchestrationClient

    async def healed(self, proposal: str) -> Stored | None:
        """The proposal as it stands, its instance set right; None when there is none."""
        stored = await self.world.records.read(proposal)
        return await engine.heal(self.client, self.world, stored) if stored else None

    async def bring(self, proposal: str, command: Command, actor: Actor, if_match: str | None = None) -> Brought:
        """Judge and commit a command, and announce what is new. Raises Problem 404 or 412."""
        world = self.world
        try:
            brought = await bring(world.records, world.directory, world.clock, proposal, command, actor, if_match)
        except UnknownProposal:
            raise not_found() from None
        except Stale as stale:
            raise Problem(
                "precondition-failed", "Somebody was faster. Read it again, then decide anew.", headers={"ETag": etag(stale.stored)}
            ) from None
        await engine.announce(self.client, brought.stored, brought.first_new)
        return brought

    def document(self, stored: Stored) -> dict[str, Any]:
        """The status document. Its only link is its own address: a submitter's link is for the submitter."""
        proposal = stored.review.proposal
        return status_document(stored.review, stored.facts, {"self": self.world.links.proposal_url(proposal)})

    def face(self) -> Face:
        """How pages tell times."""
        return Face(ZoneInfo(self.world.settings.zone), self.world.clock.now())

    def ask(self) -> str | None:
        """Where questions go."""
        return self.world.settings.operators_mailbox

    async def view(self, stored: Stored, you: Slot | None = None) -> View:
        """The proposal as a page shows it."""
        revisions = [fact.body for fact in stored.facts if isinstance(fact.body, Submitted | Revised)]
        content = await self.content(stored.review.content_hash)
        before = await self.content(revisions[-2].content_hash) if len(revisions) > 1 else None
        return view_of(stored.review, self.document(stored), content, before, you)

    async def content(self, content_hash: str) -> Mapping[str, Any] | None:
        """A revision's body; None when it is no longer kept."""
        try:
            body = await self.world.records.get_content(content_hash)
        except KeyError:
            return None
        content: Mapping[str, Any] = json.loads(body)
        return content


def etag(stored: Stored) -> str:
    """What stands, as an entity tag: quoted, as RFC 9110 section 8.8.3 has it."""
    return f'"{stored.etag}"'


def if_match(req: func.HttpRequest) -> str | None:
    """What the caller last read, None when they do not say, or take anything. A proxy may have weakened it on the way."""
    header = (req.headers.get("If-Match") or "*").strip()
    return None if header == "*" else header.removeprefix("W/").strip('"')


def not_found() -> Problem:
    """No such proposal, or not theirs: the two look the same."""
    return Problem("not-found", "There is no such proposal.")


def refused(refusal: Refusal) -> Problem:
    """A refusal as systems and operators are told it: 422 for a field, 409 with why for everything else."""
    if refusal.code == "invalid":
        where = pointer((refusal.field,)) if refusal.field else ""
        return Problem("invalid", refusal.message, (FieldError(where, refusal.message),))
    if refusal.code == "on_hold":
        return Problem("on-hold", refusal.message, extra={"reason": refusal.code})
    return Problem("conflict", refusal.message, extra={"reason": refusal.code})
