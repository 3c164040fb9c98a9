"""What tests of the host's edge share: the small app, apps written on the spot, a GET."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

APP = Path(__file__).parent / "edge_app"
ROOT = Path(__file__).resolve().parents[2]
BEGINNING = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
HEAD = (
    "import azure.durable_functions as df\nimport azure.functions as func\n\napp = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)\n\n"
)


def an_app(folder: Path, code: str, host: dict[str, Any] | None = None, values: dict[str, str] | None = None) -> Path:
    """An app of those functions in a new folder."""
    folder.mkdir()
    (folder / "function_app.py").write_text(HEAD + code, encoding="utf-8")
    (folder / "host.json").write_text(json.dumps({"version": "2.0", **(host or {})}), encoding="utf-8")
    (folder / "local.settings.json").write_text(
        json.dumps({"IsEncrypted": False, "Values": {"AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1", **(values or {})}}), encoding="utf-8"
    )
    return folder


async def get(http: aiohttp.ClientSession, path: str, **headers: str) -> tuple[int, str]:
    """A GET's status and body."""
    async with http.get(path, headers=headers) as answer:
        return answer.status, await answer.text()
