"""The routes as OpenAPI tells them: what goes in, what comes out, with which statuses. openapi.py joins them with the models."""

from collections.abc import Mapping
from typing import Any, get_args

from clients.problem import TYPES
from domain.review import Status

Json = dict[str, Any]

STATUSES = list(get_args(Status))


def ref(name: str) -> Json:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def text(**more: Any) -> Json:
    """A string."""
    return {"type": "string", **more}


def either(schema: Json) -> Json:
    """The schema, or null."""
    return {"oneOf": [schema, {"type": "null"}]}


def record(required: Mapping[str, Json], optional: Mapping[str, Json] | None = None) -> Json:
    """An object."""
    return {"type": "object", "required": list(required), "properties": {**required, **(optional or {})}}


def array(items: Json) -> Json:
    """A list."""
    return {"type": "array", "items": items}


OBJECT: Json = {"type": "object"}
INSTANT = text(format="date-time")
STATUS = text(enum=STATUSES)

SCHEMAS: dict[str, Json] = {
    "Problem": record(
        {"type": text(format="uri-reference"), "title": text(), "status": {"type": "integer"}, "detail": text()},
        {"errors": array(record({"pointer": text(), "message": text()})), "reason": text(), "at": INSTANT},
    ),
    "Accepted": record(
        {"id": text(), "status": STATUS, "links": record({"self": text(format="uri"), "submission": text(format="uri")})},
    ),
    "Finding": record({"rule": text(), "severity": text(enum=["info", "warning", "error"]), "message": text()}),
    "Status": record(
        {
            "id": text(),
            "title": text(),
            "status": STATUS,
            "round": {"type": "integer", "minimum": 1},
            "stage": either(
                record({"name": text(), "index": {"type": "integer"}, "of": {"type": "integer"}, "rule": text(), "deadline": INSTANT})
            ),
            "reviewers": array(record({"name": text(), "state": text(), "decided_at": either(INSTANT)})),
            "findings": array(ref("Finding")),
            "decision": either(record({"outcome": text(), "decided_at": INSTANT, "reasons": array(text())})),
            "on_hold": either(record({"since": INSTANT, "reason": text()})),
            "next": text(),
            "timeline": array(record({"at": INSTANT, "what": text()})),
            "links": record({"self": text(format="uri")}),
        }
    ),
    "DryRun": record(
        {
            "policy": either(text()),
            "stages": array(ref("PlannedStage")),
            "findings": array(ref("Finding")),
            "refused": {"type": "boolean"},
        }
    ),
    "PlannedStage": record({"name": text(), "reviewers": array(text()), "rule": text(), "deadline": text(), "decided_by": INSTANT}),
    "Review": record(
        {"slot": record({"id": text(), "name": text(), "state": text()}), "message": text(), "choices": array(text()),
         "content_hash": text(), "proposal": ref("Status")}
    ),
    "Recorded": record(
        {"recorded": record({"action": text(), "at": INSTANT, "comment": text()}), "repeated": {"type": "boolean"}, "message": text(),
         "proposal": ref("Status")}
    ),
    "SubmissionAction": record(
        {"action": text(enum=["revise", "withdraw"])}, {"revision": ref("ProposalIn"), "reason": text(maxLength=4000)}
    ),
    "Row": record({"id": text(), "title": text(), "status": STATUS, "waits_on": array(text())}),
    "List": record({"proposals": array(ref("Row"))}, {"cursor": text()}),
    "Detail": {"allOf": [ref("Status"), record({"slots": array(OBJECT), "mails": array(OBJECT), "engine": OBJECT})]},
    "Fact": record(
        {"number": {"type": "integer"}, "at": INSTANT, "author": record({"name": text(), "email": text()}), "role": text(), "kind": text(),
         "body": {"type": "object"}, "hash": text()}
    ),
    "Audit": record({"proposal": text(), "verified": {"type": "boolean"}, "facts": array(ref("Fact"))}),
    "Health": record(
        {"status": text(enum=["healthy", "degraded", "unhealthy"]), "checks": {"type": "object", "additionalProperties": text()}}
    ),
}  # fmt: skip


def parameter(name: str, where: str = "query", schema: Json | None = None, required: bool = False, description: str = "") -> Json:
    """A parameter."""
    told = {"description": description} if description else {}
    return {"name": name, "in": where, "required": required or where == "path", "schema": schema or text(), **told}


def operation(
    name: str, summary: str, answers: Mapping[int, Json | None], problems: tuple[int, ...] = (), pages: bool = False, **more: Any
) -> Json:
    """An operation: its answers by status, and the statuses of its problems."""
    responses: Json = {str(status): answer or {"description": "Nothing but headers."} for status, answer in answers.items()}
    for status in problems:
        title = " / ".join(title for code, title in TYPES.values() if code == status)
        content: Json = {"application/problem+json": {"schema": ref("Problem")}}
        responses[str(status)] = {"description": title, "content": content | ({"text/html": {"schema": text()}} if pages else {})}
    return {"operationId": name, "summary": summary, "responses": responses, **more}


def answer(description: str, schema: str, *others: str) -> Json:
    """An answer in JSON, and perhaps in other media types."""
    content: Json = {"application/json": {"schema": ref(schema)}}
    content |= {media_type: {"schema": text()} for media_type in others}
    return {"description": description, "content": content}


def body(schema: str, form: bool = False, required: bool = True) -> Json:
    """A request's body."""
    content: Json = {"application/json": {"schema": ref(schema)}}
    if form:
        content["application/x-www-form-urlencoded"] = {"schema": {"type": "object"}}
    return {"required": required, "content": content}


def heads(entry: Json) -> Json:
    """The same by HEAD."""
    return {**entry, "operationId": f"{entry['operationId']}_head", "responses": {
        status: {"description": response["description"]} for status, response in entry["responses"].items()
    }}  # fmt: skip


def paths(acts: Mapping[str, str]) -> Json:
    """Every path. `acts`: the operators' verbs and the names of their bodies."""
    return {**systems(), **people(), **operators(acts), **machines()}


def systems() -> Json:
    """What submitting systems call."""
    system: Json = {"security": [{"systemKey": []}, {}]}
    proposal = [parameter("id", "path")]
    read = operation(
        "read_proposal", "The status document, or its page", {200: answer("As it stands.", "Status", "text/html"), 304: None},
        (404, 503), pages=True, **system,
    )  # fmt: skip
    done = {202: answer("Done; the status document as it stands.", "Status")}
    wrong = (400, 404, 409, 413, 415, 422, 503)
    return {
        "/proposals": {
            "post": operation(
                "submit_proposal", "Post a proposal",
                {202: answer("Taken in.", "Accepted"), 200: answer("dry_run: what would become of it.", "DryRun")},
                (400, 409, 413, 415, 422, 503),
                parameters=[
                    parameter("Idempotency-Key", "header", text(maxLength=255), description="The same key and body: the same proposal."),
                    parameter("dry_run", schema={"type": "boolean"}),
                ],
                requestBody=body("ProposalIn"), **system,
            )
        },
        "/proposals/{id}": {"parameters": proposal, "get": read, "head": heads(read)},
        "/proposals/{id}/withdraw": {
            "parameters": proposal,
            "post": operation(
                "withdraw_proposal", "Take it back", done, wrong, requestBody=body("Withdrawal", required=False), **system
            ),
        },
        "/proposals/{id}/revisions": {
            "parameters": proposal,
            "post": operation("revise_proposal", "Answer requested changes", done, wrong, requestBody=body("ProposalIn"), **system),
        },
    }  # fmt: skip


def people() -> Json:
    """The links in mails."""
    token = [parameter("token", "path", description="The capability of the link.")]
    open_to_holders: Json = {"security": [], "pages": True}
    submission = operation(
        "submission_page",
        "The submitter's page",
        {200: answer("As it stands.", "Status", "text/html")},
        (403, 404, 410, 503),
        **open_to_holders,
    )
    review = operation(
        "review_page", "The reviewer's page; it changes nothing", {200: answer("What is asked, or what stands.", "Review", "text/html")},
        (403, 404, 410, 503), **open_to_holders,
    )  # fmt: skip
    return {
        "/submission/{token}": {
            "parameters": token, "get": submission, "head": heads(submission),
            "post": operation(
                "submission_action", "Revise or withdraw", {200: answer("Done.", "Status", "text/html"), 303: None},
                (400, 403, 404, 409, 410, 413, 415, 422, 503), requestBody=body("SubmissionAction", form=True), **open_to_holders,
            ),
        },
        "/review/{token}": {
            "parameters": token, "get": review, "head": heads(review),
            "post": operation(
                "review_decision", "Record the decision, once", {200: answer("What stands recorded.", "Recorded", "text/html"), 303: None},
                (400, 403, 404, 409, 410, 413, 415, 422, 503), requestBody=body("Decision", form=True), **open_to_holders,
            ),
        },
    }  # fmt: skip


def operators(acts: Mapping[str, str]) -> Json:
    """What operators call."""
    guarded: Json = {"security": [{"operatorKey": []}]}
    who = parameter("X-Operator", "header", description="Who acts: a mail address, or a name of the directory.")
    proposal = [parameter("id", "path")]
    filters = [
        parameter("status", schema=STATUS), parameter("submitter"), parameter("reviewer"), parameter("department"),
        parameter("overdue", schema={"type": "boolean"}), parameter("q"),
        parameter("limit", schema={"type": "integer", "minimum": 1, "maximum": 200}), parameter("cursor"),
    ]  # fmt: skip
    exports = ("text/csv", "application/jsonl")
    entries: Json = {
        "/operations/proposals": {
            "get": operation(
                "list_proposals", "The list", {200: answer("A page, or all that match.", "List", *exports)}, (400, 401, 403, 503),
                parameters=filters, **guarded,
            )
        },
        "/operations/proposals/{id}": {
            "parameters": proposal,
            "get": operation(
                "proposal_detail", "Everything known of it", {200: answer("As it stands.", "Detail")}, (401, 403, 404, 503), **guarded
            ),
        },
        "/operations/proposals/{id}/audit": {
            "parameters": proposal,
            "get": operation(
                "proposal_audit", "Its trail", {200: answer("All facts.", "Audit", *exports)}, (401, 403, 404, 503), **guarded
            ),
        },
    }  # fmt: skip
    for act, schema in acts.items():
        entries[f"/operations/proposals/{{id}}/{act}"] = {
            "parameters": [*proposal, who, parameter("If-Match", "header")],
            "post": operation(
                f"operator_{act}", act.capitalize(), {200: answer("Done; the status document as it stands.", "Status")},
                (400, 401, 403, 404, 409, 412, 413, 415, 422, 503), requestBody=body(schema, required=act in REQUIRED), **guarded,
            ),
        }  # fmt: skip
    return entries


REQUIRED = frozenset({"suspend", "resume", "cancel", "reassign", "add", "extend", "override"})
"""The verbs that do nothing without a body."""


def machines() -> Json:
    """What monitors, browsers and generators call."""
    anyone: Json = {"security": []}
    health = operation(
        "health", "Whether it lives", {200: answer("It takes proposals in.", "Health"), 503: answer("It does not.", "Health")}, **anyone
    )
    described = operation("openapi", "This document", {200: {"description": "OpenAPI 3.1.", "content": {"application/json": {}}}}, **anyone)
    sheet = operation(
        "static_file", "The style sheet", {200: {"description": "CSS.", "content": {"text/css": {}}}}, (404,), **anyone
    )  # fmt: skip
    return {
        "/health": {"get": health, "head": heads(health)},
        "/openapi.json": {"get": described, "head": heads(described)},
        "/static/{name}": {"parameters": [parameter("name", "path")], "get": sheet, "head": heads(sheet)},
    }
