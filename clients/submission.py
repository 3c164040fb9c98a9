"""The submitter's link: a page to follow the proposal, answer requested changes with a revision, and withdraw it."""

from collections.abc import Mapping
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from clients.answers import json_answer, page_answer, see_other
from clients.body import form_fields, is_form, json_object
from clients.callers import signed_in
from clients.endpoint import endpoint
from clients.pages import render
from clients.problem import FieldError, Problem, invalid
from clients.proposal import Scene, etag, refused
from clients.proposals import revision
from clients.review import BAD_LINK, as_page
from clients.reviewing import Notice
from clients.schemas import ProposalIn, Withdrawal, read
from domain.commands import Actor, Command, Withdraw
from domain.review import Review
from services.links import BadLink
from services.records import Stored
from services.wiring import services

bp = df.Blueprint()

ACTIONS = ("revise", "withdraw")

LABELS = {"amount": "The amount", "links": "The links", "needed_by": "Needed by"}


@bp.function_name("submission_page")
@bp.route("submission/{token}", methods=["GET", "HEAD"], auth_level=func.AuthLevel.ANONYMOUS)
@bp.durable_client_input(client_name="client")
@endpoint(as_page)
async def submission_page(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """How the proposal stands, and what its submitter may do. It changes nothing."""
    scene = Scene(services(), client)
    stored = await opened(scene, req)
    if not as_page(req):
        return json_answer(scene.document(stored), headers={"ETag": etag(stored), "Referrer-Policy": "no-referrer"})
    return await shown(scene, stored, 200)


@bp.function_name("submission_action")
@bp.route("submission/{token}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@bp.durable_client_input(client_name="client")
@endpoint(as_page)
async def submission_action(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """`revise` or `withdraw`, by form or by JSON (`{"action": "revise", "revision": {…}}`, `{"action": "withdraw", "reason": …}`)."""
    scene = Scene(services(), client)
    stored = await opened(scene, req)
    values = form_fields(req) if is_form(req) else json_object(req)
    try:
        command = await command_of(scene, stored, values, by_form=is_form(req))
    except Problem as problem:
        if problem.kind != "invalid" or not as_page(req):
            raise
        return await shown(scene, stored, 422, errors=form_errors(problem), values=values)
    brought = await scene.bring(stored.review.proposal, command, Actor(stored.review.submitter, "submitter"))
    refusal = brought.judgement.refusal
    if refusal is None:
        return see_other(req.route_params["token"]) if as_page(req) else json_answer(scene.document(brought.stored))
    if not as_page(req):
        raise refused(refusal)
    if refusal.code == "invalid":
        return await shown(scene, brought.stored, 422, errors={refusal.field or "title": refusal.message}, values=values)
    return await shown(scene, brought.stored, 409, notice=Notice("This was not done", "warn", (refusal.message,)))


async def opened(scene: Scene, req: func.HttpRequest) -> Stored:
    """The proposal of the route's token. Raises Problem 403, 404 or 410."""
    try:
        proposal = scene.world.links.read_submission(req.route_params["token"])
    except BadLink:
        raise Problem("not-found", BAD_LINK) from None
    stored = await scene.healed(proposal)
    if stored is None:
        raise Problem("gone", "This proposal is no longer kept: it ended long ago, or was erased.")
    person = signed_in(req, scene.world)
    if person and not scene.world.directory.same(person, stored.review.submitter):
        raise Problem("forbidden", f"This link is for {stored.review.submitter.name}, and you are signed in as somebody else.")
    return stored


async def command_of(scene: Scene, stored: Stored, values: dict[str, Any], by_form: bool) -> Command:
    """What the submitter asks of the rules. Raises Problem 422."""
    action = values.get("action")
    if action not in ACTIONS:
        raise invalid([FieldError("/action", "must be revise or withdraw.")])
    if action == "withdraw":
        return Withdraw(read(Withdrawal, {name: value for name, value in values.items() if name != "action"}).reason)
    if by_form:
        if values.get("content_hash") != stored.review.content_hash:
            raise invalid([FieldError("/title", "Your page was of another version of the proposal. Look at this one first.")])
        return await revision(scene.world, read(ProposalIn, await proposal_of(scene, stored, values)))
    if unknown := [name for name in values if name not in ("action", "revision")]:
        raise invalid([FieldError(f"/{name}", "is not a field of this.") for name in unknown])
    if not isinstance(values.get("revision"), dict):
        raise invalid([FieldError("/revision", "is required: the whole proposal as it shall be.")])
    return await revision(scene.world, read(ProposalIn, values["revision"]))


async def proposal_of(scene: Scene, stored: Stored, values: Mapping[str, str]) -> dict[str, Any]:
    """A form's fields as a whole proposal; what the form does not show stays as it was."""
    before = await scene.content(stored.review.content_hash) or {}
    return {
        "title": values.get("title", ""),
        "summary": values.get("summary", ""),
        "submitter": before.get("submitter", {"name": stored.review.submitter.name, "email": stored.review.submitter.email}),
        "department": values.get("department", ""),
        "category": values.get("category", ""),
        "budget": {"amount": values.get("amount", "").strip(), "currency": values.get("currency", "").strip().upper()},
        "needed_by": values.get("needed_by", "").strip() or None,
        "links": [link.strip() for link in values.get("links", "").splitlines() if link.strip()],
        "details": before.get("details", {}),
    }


def form_errors(problem: Problem) -> dict[str, str]:
    """Pointers as fields of the form, each once."""
    errors: dict[str, str] = {}
    for error in problem.errors:
        steps = [step for step in error.pointer.split("/") if step]
        field = (steps[1] if steps[0] == "budget" and len(steps) > 1 else steps[0]) if steps else "title"
        label = LABELS.get(field, field.replace("_", " ").capitalize())
        words = error.message if error.message[:1].isupper() else f"{label} {error.message}"
        errors.setdefault(field, words)
    return errors


async def shown(
    scene: Scene,
    stored: Stored,
    status: int,
    notice: Notice | None = None,
    errors: dict[str, str] | None = None,
    values: Mapping[str, Any] | None = None,
) -> func.HttpResponse:
    """The page, with its form filled in: as it stands, or as it was sent."""
    review = stored.review
    page = render(
        "submission.html",
        scene.face(),
        view=await scene.view(stored),
        ask=scene.ask(),
        notice=notice,
        errors=errors or {},
        values=values if values is not None and values.get("action") == "revise" else {**await prefilled(scene, review), **(values or {})},
        may_revise=review.status == "changes_requested" and review.hold is None,
        may_withdraw=not review.ended,
    )
    return page_answer(page, status)


async def prefilled(scene: Scene, review: Review) -> dict[str, str]:
    """The form's fields as the proposal stands."""
    content = await scene.content(review.content_hash) or {}
    return {
        "title": review.title,
        "summary": str(content.get("summary", "")),
        "department": review.department,
        "category": review.category,
        "amount": str(review.budget.amount),
        "currency": review.budget.currency,
        "needed_by": review.needed_by or "",
        "links": "\n".join(content.get("links", [])),
    }
