"""The reviewer's link: the page, and the one decision that it is good for (DESIGN 4, the whole table).

GET and HEAD decide nothing, however often they come. The answer to a POST is what stands recorded.
"""

from typing import Any

import azure.durable_functions as df
import azure.functions as func

from clients.answers import json_answer, page_answer, preferred, see_other
from clients.body import form_fields, is_form, json_object
from clients.callers import named_person, signed_in
from clients.endpoint import endpoint
from clients.pages import render
from clients.problem import FieldError, Problem
from clients.proposal import Scene, etag
from clients.reviewing import Choice, Notice, choices, comment_hint, delegated_to, gone_for_good, notice_of, standing
from clients.schemas import Decision, read
from domain.commands import Actor, Command, Decide, Delegate
from domain.judge import Refusal
from domain.review import Slot
from services.links import BadLink
from services.records import Stored
from services.wiring import services

bp = df.Blueprint()

BAD_LINK = "This is not a valid link. Please open it from your mail, in full; it may have been cut at a line's end."


def as_page(req: func.HttpRequest) -> bool:
    """Links are opened by people: only who asks for JSON, or sends it, gets it."""
    if req.method == "POST" and not is_form(req):
        return preferred(req, "application/json", "text/html") == "text/html"
    return preferred(req, "text/html", "application/json") == "text/html"


@bp.function_name("review_page")
@bp.route("review/{token}", methods=["GET", "HEAD"], auth_level=func.AuthLevel.ANONYMOUS)
@bp.durable_client_input(client_name="client")
@endpoint(as_page)
async def review_page(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """What is asked of the link's holder, or what became of it. 410 once it can decide nothing and decided nothing."""
    scene = Scene(services(), client)
    stored, slot = await opened(scene, req)
    refusal = standing(stored.review, slot, scene.world.clock.now(), scene.world.directory)
    answered = slot.action is not None or delegated_to(stored.review, slot) is not None
    status = 200 if answered else gone_for_good(refusal)
    if status == 410 and refusal is not None and not as_page(req):
        raise told(refusal)
    return await shown(scene, req, stored, slot, refusal, status)


@bp.function_name("review_decision")
@bp.route("review/{token}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@bp.durable_client_input(client_name="client")
@endpoint(as_page)
async def review_decision(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Record the decision of the link's holder, once."""
    scene = Scene(services(), client)
    stored, slot = await opened(scene, req)
    values = form_fields(req) if is_form(req) else json_object(req)
    try:
        body = decision_of(values)
        command = command_of(scene, slot, body)
    except Problem as problem:
        if problem.kind != "invalid" or not as_page(req):
            raise
        errors = {field_of(error.pointer): f"{FIELD_WORDS.get(error.pointer, '')}{error.message}" for error in problem.errors}
        return await form_again(scene, req, stored, slot, errors, values)
    brought = await scene.bring(stored.review.proposal, command, Actor(slot.person, "reviewer"))
    slot = brought.stored.review.slot(slot.id) or slot
    refusal = brought.judgement.refusal
    if refusal is None:
        return see_other(own_path(req)) if as_page(req) else recorded(scene, brought.stored, slot, brought.judgement.repeated)
    if refusal.code == "invalid" and as_page(req):
        return await form_again(scene, req, brought.stored, slot, {field_of(refusal.field or ""): refusal.message}, values)
    if as_page(req):
        return await shown(scene, req, brought.stored, slot, refusal, told(refusal).status)
    raise told(refusal)


FIELD_WORDS = {"/action": "Your decision ", "/comment": "The comment ", "/to": "The person to hand it to ", "/content_hash": "This page "}


def field_of(pointer: str) -> str:
    """The field of the form beside which a fault is told; what has no field of its own is told at the choices."""
    field = pointer.lstrip("/")
    return field if field in ("comment", "to") else "action"


async def opened(scene: Scene, req: func.HttpRequest) -> tuple[Stored, Slot]:
    """The proposal and slot of the route's token, as they stand. Raises Problem 403, 404 or 410."""
    try:
        link = scene.world.links.read_review(req.route_params["token"])
    except BadLink:
        raise Problem("not-found", BAD_LINK) from None
    stored = await scene.healed(link.proposal)
    if stored is None:
        raise Problem("gone", "This proposal is no longer kept: it ended long ago, or was erased.")
    slot = stored.review.slot(link.slot)
    if slot is None:
        raise Problem("not-found", BAD_LINK)
    person = signed_in(req, scene.world)
    if person and not scene.world.directory.same(person, slot.person):
        raise Problem(
            "forbidden",
            f"This link is for {slot.person.name}, and you are signed in as somebody else. They can hand it to you on this page.",
        )
    return stored, slot


def own_path(req: func.HttpRequest) -> str:
    """The page itself, named so that no proxy's prefix matters: the last step of its path."""
    return req.route_params["token"]


def decision_of(values: dict[str, Any]) -> Decision:
    """The body as a decision; blank fields of a form are fields left out. Raises Problem 422."""
    given = {name: value for name, value in values.items() if value != "" or name == "comment"}
    if "action" not in given:
        message = "Choose what you decide."
        raise Problem("invalid", message, (FieldError("/action", message),))
    return read(Decision, given)


def command_of(scene: Scene, slot: Slot, body: Decision) -> Command:
    """What the decision asks of the rules. Raises Problem 422 when it is handed to nobody known."""
    if body.action != "delegate":
        return Decide(slot.id, body.action, body.comment, body.content_hash)
    if body.to is None:
        message = "Say whom you hand it to."
        raise Problem("invalid", message, (FieldError("/to", message),))
    to = named_person(scene.world, body.to)
    if to is None:
        message = "Nobody, or more than one person, is known by this name. A mail address will do."
        raise Problem("invalid", message, (FieldError("/to", message),))
    return Delegate(slot.id, to, body.comment)


def told(refusal: Refusal) -> Problem:
    """A refusal as the table of DESIGN 4 has it."""
    members = {"reason": refusal.code, **({"at": refusal.at.isoformat().replace("+00:00", "Z")} if refusal.at else {})}
    match refusal.code:
        case "invalid":
            errors = (FieldError(f"/{refusal.field}" if refusal.field else "", refusal.message),)
            return Problem("invalid", refusal.message, errors, extra=members)
        case "on_hold":
            return Problem("on-hold", refusal.message, extra=members)
        case "unknown_slot":
            return Problem("not-found", BAD_LINK)
        case "already_decided" | "not_open":
            return Problem("conflict", refusal.message, extra=members)
    return Problem("gone", refusal.message, extra=members)


def recorded(scene: Scene, stored: Stored, slot: Slot, repeated: bool) -> func.HttpResponse:
    """What stands recorded, as JSON."""
    notice = notice_of(stored.review, slot, None)
    at = slot.decided_at or slot.closed_at
    document = {
        "recorded": {
            "action": slot.action or "delegate",
            "at": at.isoformat().replace("+00:00", "Z") if at else None,
            "comment": slot.comment,
        },
        "repeated": repeated,
        "message": notice.text() if notice else "",
        "proposal": scene.document(stored),
    }
    return json_answer(document, headers={"ETag": etag(stored), "Referrer-Policy": "no-referrer"})


async def form_again(
    scene: Scene, req: func.HttpRequest, stored: Stored, slot: Slot, errors: dict[str, str], values: dict[str, Any]
) -> func.HttpResponse:
    """The page with what is wrong said above and beside the fields, and every answer kept. Nothing is used up."""
    refusal = standing(stored.review, slot, scene.world.clock.now(), scene.world.directory)
    if slot.action is not None or refusal is not None:
        return await shown(scene, req, stored, slot, refusal, gone_for_good(refusal) if slot.action is None else 409)
    return await shown(scene, req, stored, slot, None, 422, errors, values)


async def shown(
    scene: Scene,
    req: func.HttpRequest,
    stored: Stored,
    slot: Slot,
    refusal: Refusal | None,
    status: int,
    errors: dict[str, str] | None = None,
    values: dict[str, Any] | None = None,
) -> func.HttpResponse:
    """The page, or its JSON: what is asked while the slot is open, what stands when it is not."""
    review = stored.review
    open_now = slot.action is None and refusal is None
    offered = choices(review, slot, scene.world.clock.now(), scene.world.directory) if open_now else ()
    notice = notice_of(review, slot, refusal)
    if not as_page(req):
        return asked_as_json(scene, stored, slot, offered, notice, status)
    page = render(
        "review.html",
        scene.face(),
        view=await scene.view(stored, slot),
        heading=heading_of(slot, refusal),
        you=slot.person.name,
        notice=notice,
        choices=offered,
        comment_hint=comment_hint(review, slot),
        errors=errors or {},
        values=values or {},
        ask=scene.ask(),
    )
    return page_answer(page, status)


def heading_of(slot: Slot, refusal: Refusal | None) -> str:
    """What the page is to its reader, in a few words."""
    if slot.action is not None:
        return "Your decision"
    if refusal is None:
        return "Your decision is asked for"
    return "Your decision can wait" if refusal.code == "on_hold" else "Nothing more is needed of you"


def asked_as_json(
    scene: Scene, stored: Stored, slot: Slot, offered: tuple[Choice, ...], notice: Notice | None, status: int
) -> func.HttpResponse:
    """What the page says, for programs."""
    document = {
        "slot": {"id": slot.id, "name": slot.person.name, "state": slot.state, "action": slot.action, "comment": slot.comment},
        "message": notice.text() if notice else "Your decision is asked for.",
        "choices": [choice.action for choice in offered if not choice.refused],
        "content_hash": stored.review.content_hash,
        "proposal": scene.document(stored),
    }
    return json_answer(document, status, {"ETag": etag(stored), "Referrer-Policy": "no-referrer"})
