"""The OpenAPI 3.1 document, built from the very models that read requests, so that it cannot say anything else."""

import functools
from typing import Any, Literal

import azure.durable_functions as df
import azure.functions as func
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from clients.answers import json_answer
from clients.contract import SCHEMAS, paths
from clients.endpoint import endpoint, never
from clients.operations import ACTS
from clients.schemas import Decision, ProposalIn, Withdrawal

bp = df.Blueprint()


@bp.function_name("openapi")
@bp.route("openapi.json", methods=["GET", "HEAD"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(never)
async def openapi(req: func.HttpRequest) -> func.HttpResponse:
    """The document."""
    return json_answer(document(), headers={"Cache-Control": "public, max-age=300"})


@functools.cache
def document() -> dict[str, Any]:
    """OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0)."""
    bodies = {act: entry.body for act, entry in ACTS.items()}
    models: dict[type[BaseModel], None] = dict.fromkeys([ProposalIn, Withdrawal, Decision, *bodies.values()])
    wanted: list[tuple[type[BaseModel], Literal["validation"]]] = [(model, "validation") for model in models]
    _, schemas = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Greenlight",
            "version": "1",
            "description": "Proposals are approved by people. Times are RFC 3339 in UTC, amounts decimal strings, errors RFC 9457.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/api"}],
        "paths": paths({act: body.__name__ for act, body in bodies.items()}),
        "components": {
            "schemas": {**schemas["$defs"], **SCHEMAS},
            "securitySchemes": {
                "systemKey": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
                "operatorKey": {"type": "apiKey", "in": "header", "name": "X-Operator-Key"},
            },
        },
    }
