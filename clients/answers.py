"""What goes out: JSON, pages, problems, redirections, with the headers that each must carry. Nothing is cached unless said so."""

import json
from collections.abc import Mapping
from typing import Any

import azure.functions as func

from clients.problem import MEDIA_TYPE, Problem

NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

PAGE_HEADERS = {
    **NO_STORE,
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
    "Vary": "Accept",
}
"""A page runs no script, is framed by nobody, and tells nobody its address, which may be a capability (DESIGN 4)."""


def json_answer(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    """JSON in UTF-8."""
    body = json.dumps(document, ensure_ascii=False).encode("utf-8", "backslashreplace")
    sent = {**NO_STORE, "Vary": "Accept", **(headers or {})}
    return func.HttpResponse(body, status_code=status, mimetype="application/json", headers=sent)


def page_answer(html: str, status: int = 200, headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    """A page."""
    return func.HttpResponse(html, status_code=status, mimetype="text/html", headers={**PAGE_HEADERS, **(headers or {})})


def problem_answer(problem: Problem) -> func.HttpResponse:
    """A problem for machines."""
    return func.HttpResponse(
        problem.body(), status_code=problem.status, mimetype=MEDIA_TYPE, headers={**NO_STORE, "Vary": "Accept", **problem.headers}
    )


def see_other(location: str) -> func.HttpResponse:
    """Back to a page by GET, so that reloading it sends nothing again."""
    return func.HttpResponse(status_code=303, headers={**PAGE_HEADERS, "Location": location})


def without_body(answer: func.HttpResponse) -> func.HttpResponse:
    """The answer to HEAD."""
    return func.HttpResponse(status_code=answer.status_code, mimetype=answer.mimetype, headers=dict(answer.headers))


def not_modified(headers: Mapping[str, str]) -> func.HttpResponse:
    """What the caller has is what stands."""
    return func.HttpResponse(status_code=304, headers={**NO_STORE, "Vary": "Accept", **headers})


def preferred(req: func.HttpRequest, *offered: str) -> str:
    """The media type of `offered` that the caller likes best (RFC 9110, 12.5.1); the first, when they do not say or like nothing of it."""
    header = req.headers.get("Accept") or "*/*"
    best, liking = offered[0], 0.0
    for media_type in offered:
        weight = weight_of(media_type, header)
        if weight > liking:
            best, liking = media_type, weight
    return best


def weight_of(media_type: str, accept: str) -> float:
    """How much an Accept header likes a media type, 0 to 1; the most specific range that fits decides."""
    specific, weight = -1, 0.0
    for part in accept.split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        fits = {media_type: 2, media_type.partition("/")[0] + "/*": 1, "*/*": 0}.get(name.casefold())
        if fits is None or fits <= specific:
            continue
        quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        try:
            specific, weight = fits, min(max(float(quality), 0.0), 1.0)
        except ValueError:
            continue
    return weight


def wants_page(req: func.HttpRequest) -> bool:
    """Whether a caller of the API asks for the page. A browser does, and nobody else by chance."""
    return preferred(req, "application/json", "text/html") == "text/html"
