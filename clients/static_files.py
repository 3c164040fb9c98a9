"""The style sheet, under a name that changes with it."""

import azure.durable_functions as df
import azure.functions as func

from clients.endpoint import endpoint, never
from clients.pages import style_sheet
from clients.problem import Problem

bp = df.Blueprint()

A_YEAR = "public, max-age=31536000, immutable"


@bp.function_name("static_file")
@bp.route("static/{name}", methods=["GET", "HEAD"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(never)
async def static_file(req: func.HttpRequest) -> func.HttpResponse:
    """The style sheet. An older version's name gets the present one, uncached: while a new version rolls out, both are asked for."""
    name, content = style_sheet()
    asked = req.route_params["name"]
    if not (asked.startswith("greenlight.") and asked.endswith(".css")):
        raise Problem("not-found", "There is no such file.")
    caching = A_YEAR if asked == name else "no-cache"
    return func.HttpResponse(content, mimetype="text/css", headers={"Cache-Control": caching, "X-Content-Type-Options": "nosniff"})
