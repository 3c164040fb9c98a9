"""Whether Greenlight lives, and whether what it needs answers: for monitors, which carry no key."""

import azure.durable_functions as df
import azure.functions as func

from clients.answers import json_answer
from clients.endpoint import endpoint, never
from services.wiring import services

bp = df.Blueprint()

ESSENTIAL = frozenset({"records", "policy"})
"""Without these nothing can be taken in. A mail server that is away delays mails and fails nothing."""


@bp.function_name("health")
@bp.route("health", methods=["GET", "HEAD"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(never)
async def health(req: func.HttpRequest) -> func.HttpResponse:
    """200 when proposals can be taken in, 503 when not; `checks` names each part, and what is wrong with it."""
    checks = await services().health.check()
    wrong = {name for name, answer in checks.items() if answer != "ok"}
    status = "unhealthy" if wrong & ESSENTIAL else "degraded" if wrong else "healthy"
    return json_answer({"status": status, "checks": checks}, 503 if status == "unhealthy" else 200)
