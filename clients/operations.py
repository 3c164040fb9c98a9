"""What operators call: the list, everything known of one proposal, its audit trail, and acts on it with a reason."""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import azure.durable_functions as df
import azure.functions as func
from pydantic import BaseModel

from clients import engine
from clients.answers import NO_STORE, json_answer, preferred
from clients.body import json_object
from clients.callers import EVERY_ROLE, named_person, operator
from clients.endpoint import endpoint, never
from clients.exports import CSV, JSON, JSON_LINES, csv_text, json_lines
from clients.problem import FieldError, Problem, invalid
from clients.proposal import Scene, etag, if_match, not_found, refused
from clients.schemas import AddIn, Because, ExtendIn, OverrideIn, ReassignIn, RemindIn, RetryIn, read
from domain import chain
from domain import commands as c
from domain.people import Person
from domain.review import ENDED, Review, Slot
from domain.status import instant
from services.records import Filters, Row, Stored
from services.wiring import Services, services

bp = df.Blueprint()

STATUSES = ("received", "validating", "in_review", "changes_requested", *sorted(ENDED))
MOST_AT_ONCE = 200
PAGES_OF_EXPORT = 1000

_ID = re.compile(r"prp-[a-z2-7]{26}")

LIST_COLUMNS = (
    "id", "title", "status", "on_hold", "round", "stage", "submitter_name", "submitter_email", "department", "category", "amount",
    "currency", "submitted_at", "changed_at", "deadline", "waits_on",
)  # fmt: skip
AUDIT_COLUMNS = ("number", "at", "kind", "author_name", "author_email", "role", "body", "hash")


@bp.function_name("list_proposals")
@bp.route("operations/proposals", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(never)
async def list_proposals(req: func.HttpRequest) -> func.HttpResponse:
    """A page of the list as JSON, or all that match as CSV or JSON Lines."""
    world = services()
    operator(req, world, *EVERY_ROLE)
    filters, limit, cursor = asked_of(req)
    form = preferred(req, JSON, CSV, JSON_LINES)
    if form == JSON:
        page = await listed(world, filters, limit, cursor)
        document: dict[str, Any] = {"proposals": [row_document(row) for row in page.rows]}
        if page.cursor is not None:
            document["cursor"] = page.cursor
        return json_answer(document)
    rows = [row_document(row) for row in await every_row(world, filters)]
    if form == CSV:
        return download(csv_text(LIST_COLUMNS, rows, numbers=("amount", "round")), CSV, "proposals.csv")
    return download(json_lines(rows), JSON_LINES, "proposals.jsonl")


@bp.function_name("proposal_detail")
@bp.route("operations/proposals/{id}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@bp.durable_client_input(client_name="client")
@endpoint(never)
async def proposal_detail(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Everything known of one proposal. Reading it sets its instance right, if need be."""
    scene = Scene(services(), client)
    operator(req, scene.world, *EVERY_ROLE)
    stored = await found(scene, req)
    return json_answer(await detail(scene, stored), headers={"ETag": etag(stored)})


@bp.function_name("proposal_audit")
@bp.route("operations/proposals/{id}/audit", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(never)
async def proposal_audit(req: func.HttpRequest) -> func.HttpResponse:
    """The whole trail, with the hash after each fact, and whether the chain holds. Never capped."""
    world = services()
    operator(req, world, *EVERY_ROLE)
    proposal = req.route_params["id"]
    stored = await world.records.read(proposal) if _ID.fullmatch(proposal) else None
    if stored is None:
        raise not_found()
    encoded = [chain.encode(fact) for fact in stored.facts]
    broken = chain.verify(encoded, stored.hashes)
    facts = [{**fact, "hash": digest} for fact, digest in zip(encoded, stored.hashes, strict=True)]
    form = preferred(req, JSON, JSON_LINES, CSV)
    if form == JSON:
        return json_answer({"proposal": proposal, "verified": broken is None, "first_broken": broken, "facts": facts})
    headers = {"X-Chain-Verified": "true" if broken is None else "false"}
    if form == JSON_LINES:
        return download(json_lines(facts), JSON_LINES, f"{proposal}.jsonl", headers)
    rows = [{**fact, "author_name": fact["author"]["name"], "author_email": fact["author"]["email"]} for fact in facts]
    return download(csv_text(AUDIT_COLUMNS, rows, numbers=("number",)), CSV, f"{proposal}.csv", headers)


@dataclass(frozen=True)
class Act:
    """One verb of the operators: its body, and the command it means. Makers raise Problem 422 for people that nobody knows."""

    body: type[BaseModel]
    command: Callable[[Services, Any], c.Command]


def somebody(world: Services, text: str) -> Person:
    """A person to ask. Raises Problem 422."""
    person = named_person(world, text)
    if person is None:
        raise invalid([FieldError("/to", "is not a mail address, nor the name of exactly one person of the directory.")])
    return person


ACTS: dict[str, Act] = {
    "suspend": Act(Because, lambda _, body: c.Suspend(body.reason)),
    "resume": Act(Because, lambda _, body: c.Resume(body.reason)),
    "cancel": Act(Because, lambda _, body: c.Cancel(body.reason)),
    "remind": Act(RemindIn, lambda _, body: c.Remind(body.slot)),
    "reassign": Act(ReassignIn, lambda world, body: c.Reassign(body.slot, somebody(world, body.to), body.reason)),
    "add": Act(AddIn, lambda world, body: c.Add(body.stage, somebody(world, body.to), body.reason)),
    "extend": Act(ExtendIn, lambda _, body: c.Extend(body.until, body.reason)),
    "override": Act(OverrideIn, lambda _, body: c.Override(body.outcome, body.reason)),
    "retry": Act(RetryIn, lambda _, body: c.Retry(body.reason)),
}
"""The verbs by their names in the route."""


@bp.function_name("operator_action")
@bp.route("operations/proposals/{id}/{action}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@bp.durable_client_input(client_name="client")
@endpoint(never)
async def operator_action(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Act on a proposal. 200 with the status document as it stands then; 409 with why not; 412 when If-Match no longer holds."""
    scene = Scene(services(), client)
    who = operator(req, scene.world, "operator")
    act = ACTS.get(req.route_params["action"])
    if act is None:
        raise Problem("not-found", f"There is no such act; there are {', '.join(ACTS)}.")
    stored = await found(scene, req)
    command = act.command(scene.world, read(act.body, json_object(req) if req.get_body() else {}))
    brought = await scene.bring(stored.review.proposal, command, who.actor(), if_match(req))
    if brought.judgement.refusal:
        raise refused(brought.judgement.refusal)
    if isinstance(command, c.Retry):
        await engine.begin_anew(client, stored.review.proposal)
    return json_answer(scene.document(brought.stored), headers={"ETag": etag(brought.stored)})


async def found(scene: Scene, req: func.HttpRequest) -> Stored:
    """The proposal of the route. Raises Problem 404."""
    proposal = req.route_params["id"]
    stored = await scene.healed(proposal) if _ID.fullmatch(proposal) else None
    if stored is None:
        raise not_found()
    return stored


async def detail(scene: Scene, stored: Stored) -> dict[str, Any]:
    """The status document with what only operators may see: people with addresses, slots, mails, the engine's state."""
    review = stored.review
    return {
        **scene.document(stored),
        "submitter": {"name": review.submitter.name, "email": review.submitter.email},
        "department": review.department,
        "category": review.category,
        "budget": {"amount": str(review.budget.amount), "currency": review.budget.currency},
        "needed_by": review.needed_by,
        "submitted_at": instant(review.submitted_at),
        "caller": review.caller,
        "content": await scene.content(review.content_hash),
        "slots": [slot_document(review, slot) for slot in review.slots],
        "mails": [{"notice": notice, "sent_at": instant(at)} for notice, at in await scene.world.records.sent(review.proposal)],
        "engine": {
            "state": await engine.state(scene.client, review.proposal),
            "facts": review.number,
            "seen": stored.seen,
            "seen_at": instant(stored.seen_at),
        },
    }


def slot_document(review: Review, slot: Slot) -> dict[str, Any]:
    """A slot as operators see it."""
    plain = {name: instant(value) if name.endswith("_at") else value for name, value in asdict(slot).items()}
    del plain["person"], plain["closed_by"]
    return {**plain, "name": slot.person.name, "email": slot.person.email, "present_round": slot.round == review.round}


def row_document(row: Row) -> dict[str, Any]:
    """A line of the list."""
    plain = {name: instant(value) if name.endswith("_at") or name == "deadline" else value for name, value in asdict(row).items()}
    return {"id": plain.pop("proposal"), **plain, "waits_on": list(row.waits_on)}


def asked_of(req: func.HttpRequest) -> tuple[Filters, int, str | None]:
    """The filters, limit and cursor of a request. Raises Problem 400 and names the parameter."""
    known = ("status", "submitter", "reviewer", "department", "overdue", "q", "limit", "cursor", "code")
    if unknown := [name for name in req.params if name not in known]:
        raise Problem("malformed-query", f"There is no parameter {unknown[0][:40]}; there are {', '.join(known[:-1])}.")
    status = req.params.get("status") or None
    if status is not None and status not in STATUSES:
        raise Problem("malformed-query", f"status must be one of {', '.join(STATUSES)}.")
    overdue = (req.params.get("overdue") or "false").casefold()
    if overdue not in ("true", "false", "1", "0"):
        raise Problem("malformed-query", "overdue must be true or false.")
    limit = req.params.get("limit") or "50"
    if not re.fullmatch(r"[0-9]{1,3}", limit, re.ASCII) or not 1 <= int(limit) <= MOST_AT_ONCE:
        raise Problem("malformed-query", f"limit must be a number from 1 to {MOST_AT_ONCE}.")
    filters = Filters(
        status=status,
        submitter=req.params.get("submitter") or None,
        reviewer=req.params.get("reviewer") or None,
        department=req.params.get("department") or None,
        overdue=overdue in ("true", "1"),
        q=req.params.get("q") or None,
    )
    return filters, int(limit), req.params.get("cursor") or None


async def listed(world: Services, filters: Filters, limit: int, cursor: str | None) -> Any:
    """A page of the records. Raises Problem 400 for a cursor that is none."""
    try:
        return await world.records.listed(filters, limit, cursor, world.clock.now())
    except ValueError:
        raise Problem("malformed-query", "cursor must be one that an earlier page answered.") from None


async def every_row(world: Services, filters: Filters) -> list[Row]:
    """All rows that match. Raises Problem 413 beyond what one answer can hold, rather than leaving any out in silence."""
    rows: list[Row] = []
    cursor: str | None = None
    for _ in range(PAGES_OF_EXPORT):
        page = await listed(world, filters, MOST_AT_ONCE, cursor)
        rows += page.rows
        cursor = page.cursor
        if cursor is None:
            return rows
    raise Problem("too-large", f"More than {PAGES_OF_EXPORT * MOST_AT_ONCE:,} proposals match. Narrow the filters, or page through JSON.")


def download(text: str, media_type: str, name: str, headers: dict[str, str] | None = None) -> func.HttpResponse:
    """An export, saved under a name of its own."""
    sent = {**NO_STORE, "Vary": "Accept", "Content-Disposition": f'attachment; filename="{name}"', **(headers or {})}
    return func.HttpResponse(text, mimetype=media_type, headers=sent)
