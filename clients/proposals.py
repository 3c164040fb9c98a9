"""What submitting systems call: post a proposal, follow it, withdraw it, revise it."""

import hashlib
import re
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from clients import engine
from clients.answers import json_answer, not_modified, page_answer, wants_page
from clients.body import json_object
from clients.callers import signed_in, submitting_caller
from clients.endpoint import endpoint, never
from clients.pages import render
from clients.problem import FieldError, Problem, invalid
from clients.proposal import Scene, etag, not_found, refused
from clients.rehearsal import rehearse
from clients.schemas import ProposalIn, Withdrawal, read
from domain.commands import Actor, Command, Revise, Withdraw
from domain.facts import Submitted
from domain.judge import submitted
from domain.review import Review
from services.records import Stored
from services.wiring import Services, services

bp = df.Blueprint()

_ID = re.compile(r"prp-[a-z2-7]{26}")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@bp.function_name("submit_proposal")
@bp.route("proposals", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
@bp.durable_client_input(client_name="client")
@endpoint(never)
async def submit_proposal(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Take a proposal in. The same Idempotency-Key with the same body is answered the same; with another it is refused."""
    scene = Scene(services(), client)
    body = read(ProposalIn, json_object(req))
    caller = submitting_caller(req, scene.world)
    refuse_other_name(req, scene.world, body)
    if req.params.get("dry_run", "false").casefold() in ("true", "1"):
        return json_answer(await rehearse(scene.world, body))
    proposal = scene.world.links.proposal_id(caller, idempotency_key(req))
    if await taken_in(scene.world, proposal, body, caller):
        await engine.begin(client, proposal)
    else:
        await scene.healed(proposal)  # the first request may have died before it began the instance
    return accepted(scene.world, proposal)


async def taken_in(world: Services, proposal: str, body: ProposalIn, caller: str) -> bool:
    """Keep the proposal. False when the very same was sent before. Raises Problem 409 when it was another one."""
    content = body.content()
    first = Submitted(
        title=body.title,
        submitter=body.submitter.person(),
        department=body.department,
        category=body.category,
        budget=body.budget.money(),
        content_hash=await world.records.put_content(content),
        payload_hash=hashlib.sha256(content).hexdigest(),
        caller=caller,
        needed_by=body.needed_by,
    )
    if await world.records.create(proposal, submitted(proposal, first, world.clock.now())):
        return True
    stored = await world.records.read(proposal)
    earlier = stored.facts[0].body if stored else None
    if stored is None or not isinstance(earlier, Submitted):
        raise Problem("conflict", f"{proposal} was purged; a new proposal needs a new Idempotency-Key.")
    if earlier.payload_hash != first.payload_hash:
        raise Problem("idempotency-conflict", f"It names {proposal}, which was sent with another body. Nothing was changed.")
    return False


def accepted(world: Services, proposal: str) -> func.HttpResponse:
    """The first answer, the same whenever it is asked for again."""
    links = {"self": world.links.proposal_url(proposal), "submission": world.links.submission_url(proposal)}
    return json_answer({"id": proposal, "status": "received", "links": links}, 202, {"Location": links["self"], "Retry-After": "2"})


def idempotency_key(req: func.HttpRequest) -> str | None:
    """The caller's key, bare or as a quoted string. Raises Problem 400."""
    header = req.headers.get("Idempotency-Key")
    if header is None:
        return None
    key = header.strip().strip('"')
    if not _KEY.fullmatch(key):
        raise Problem("malformed-header", "Idempotency-Key must be 1 to 255 visible ASCII characters.")
    return key


def refuse_other_name(req: func.HttpRequest, world: Services, body: ProposalIn) -> None:
    """A signed-in person submits in their own name. Raises Problem 422."""
    person = signed_in(req, world)
    if person and not world.directory.same(person, body.submitter.person()):
        raise invalid([FieldError("/submitter/email", "must be your own, as you are signed in.")])


@bp.function_name("read_proposal")
@bp.route("proposals/{id}", methods=["GET", "HEAD"], auth_level=func.AuthLevel.FUNCTION)
@bp.durable_client_input(client_name="client")
@endpoint(wants_page)
async def read_proposal(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """The status document, or its page."""
    scene = Scene(services(), client)
    stored = await own(scene, req)
    as_page = wants_page(req)
    tag = etag(stored) if not as_page else f'"{stored.etag}-page"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", **retry_after(stored.review)}
    if tag in [each.strip().removeprefix("W/") for each in (req.headers.get("If-None-Match") or "").split(",")]:
        return not_modified(headers)
    if not as_page:
        return json_answer(scene.document(stored), headers=headers)
    page = render(
        "submission.html", scene.face(), view=await scene.view(stored), ask=scene.ask(), notice=None,
        errors={}, values={}, may_revise=False, may_withdraw=False,
    )  # fmt: skip
    return page_answer(page, headers=headers)


@bp.function_name("withdraw_proposal")
@bp.route("proposals/{id}/withdraw", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
@bp.durable_client_input(client_name="client")
@endpoint(never)
async def withdraw_proposal(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Take the proposal back."""
    scene = Scene(services(), client)
    stored = await own(scene, req)
    body = read(Withdrawal, json_object(req) if req.get_body() else {})
    return await brought(scene, stored.review, Withdraw(body.reason))


@bp.function_name("revise_proposal")
@bp.route("proposals/{id}/revisions", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
@bp.durable_client_input(client_name="client")
@endpoint(never)
async def revise_proposal(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Answer requested changes with a whole new version."""
    scene = Scene(services(), client)
    stored = await own(scene, req)
    body = read(ProposalIn, json_object(req))
    refuse_other_name(req, scene.world, body)
    return await brought(scene, stored.review, await revision(scene.world, body))


async def revision(world: Services, body: ProposalIn) -> Revise:
    """The command of a revision, its body kept."""
    content = body.content()
    return Revise(
        title=body.title,
        submitter=body.submitter.person(),
        department=body.department,
        category=body.category,
        budget=body.budget.money(),
        content_hash=await world.records.put_content(content),
        payload_hash=hashlib.sha256(content).hexdigest(),
        needed_by=body.needed_by,
    )


async def own(scene: Scene, req: func.HttpRequest) -> Stored:
    """The caller's own proposal of the route. Raises Problem 404: another's looks like none."""
    proposal = req.route_params["id"]
    stored = await scene.healed(proposal) if _ID.fullmatch(proposal) else None
    if stored is None or stored.review.caller != submitting_caller(req, scene.world):
        raise not_found()
    return stored


async def brought(scene: Scene, review: Review, command: Command) -> func.HttpResponse:
    """Bring the submitter's command and answer the status document it led to. Raises Problem 409 or 422 with why."""
    done = await scene.bring(review.proposal, command, Actor(review.submitter, "submitter"))
    if done.judgement.refusal:
        raise refused(done.judgement.refusal)
    document: dict[str, Any] = scene.document(done.stored)
    return json_answer(document, 202, {"Location": document["links"]["self"], "ETag": etag(done.stored), **retry_after(done.stored.review)})


def retry_after(review: Review) -> dict[str, str]:
    """How soon it is worth asking again; nothing once it has ended."""
    if review.ended:
        return {}
    return {"Retry-After": "2" if review.status in ("received", "validating") else "300"}
