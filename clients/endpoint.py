"""The frame around every HTTP function: whatever is raised becomes an answer, and no log line ever holds a request's path."""

import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import azure.functions as func
from pydantic import ValidationError

from clients.answers import page_answer, problem_answer, without_body
from clients.pages import render_problem
from clients.problem import Problem
from services.policies import PolicyUnusable
from services.records import RecordsUnavailable

log = logging.getLogger("greenlight.http")

Handler = Callable[..., Awaitable[func.HttpResponse]]


def endpoint(as_page: Callable[[func.HttpRequest], bool]) -> Callable[[Handler], Handler]:
    """Frame a handler; `as_page` says whether this request gets its errors as a page. HEAD gets the answer of GET without its body."""

    def frame(handler: Handler) -> Handler:
        @functools.wraps(handler)
        async def framed(req: func.HttpRequest, **bound: Any) -> func.HttpResponse:
            try:
                answer = await handler(req=req, **bound)
            except Exception as error:
                problem = problem_of(error, handler.__name__)
                answer = page_answer(render_problem(problem), problem.status, problem.headers) if as_page(req) else problem_answer(problem)
            return without_body(answer) if req.method == "HEAD" else answer

        return framed

    return frame


def problem_of(error: Exception, name: str) -> Problem:
    """What a caller is told of an exception. What is not theirs is logged, by the function's name alone."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RecordsUnavailable):
        log.warning("%s: the records are away: %s", name, error)
        return Problem("unavailable", "Nothing was changed. Please try again in a moment.", headers={"Retry-After": "5"})
    if isinstance(error, PolicyUnusable):
        log.error("%s: %s", name, error)
        return Problem("policy-unusable", "Nothing was changed. The operators have to mend the policy file first.")
    if isinstance(error, ValidationError):
        faults = [(fault["loc"], fault["msg"]) for fault in error.errors(include_input=False)]
        log.error("%s: a setting or a stored shape is wrong: %s", name, faults)
    else:
        log.error("%s failed", name, exc_info=error)
    return Problem("internal", "This is our fault, and nothing was half done. Please try again; if it stays so, tell the operators.")


def never(_: func.HttpRequest) -> bool:
    """For routes of machines alone."""
    return False
