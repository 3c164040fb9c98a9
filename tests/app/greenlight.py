"""What a person does with Greenlight, as a test says it: submit, open a mail, decide, let time pass."""

import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from pydantic import TypeAdapter

from domain.names import APPROVAL
from standalone.engine import EngineSettings
from standalone.host import Host
from standalone.mailbox import Letter

ROOT = Path(__file__).resolve().parents[2]
BEGINNING = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
"""Monday, 9 in the morning in Berlin."""

OPERATOR = {"X-Operator-Key": "greenlight-development-key-that-protects-nothing", "X-Operator": "olga@example.com"}
PEOPLE = ("ann", "ben", "cem", "dia", "eli", "mia")
_LINK = re.compile(r"^https?://\S+/api/(review|submission)/(\S+)$", re.MULTILINE)
_DURATION: TypeAdapter[timedelta] = TypeAdapter(timedelta)


def a_proposal(**changes: Any) -> dict[str, Any]:
    """A proposal that passes, with `changes`."""
    return {
        "title": "Solar roof, Hall 3",
        "summary": "Panels on the south roof.",
        "submitter": {"name": "Sam", "email": "sam@example.com"},
        "department": "facilities",
        "category": "building",
        "budget": {"amount": "12500.00", "currency": "EUR"},
        **changes,
    }


def stage(*reviewers: str, **fields: Any) -> dict[str, Any]:
    """A stage of a policy."""
    return {"name": "Review", "reviewers": list(reviewers), "rule": "all", "deadline": "P5D", **fields}


def policy(*stages: dict[str, Any], **fields: Any) -> str:
    """A policy file that routes everything through `stages`."""
    lines = ['mail_domains = ["example.com"]']
    for person in PEOPLE:
        lines += [f"[people.{person}]", f'name = "{person.capitalize()}"', f'email = "{person}@example.com"']
    lines += ["[[policy]]", 'name = "standard"', *(f"{key} = {toml(value)}" for key, value in fields.items())]
    for each in stages:
        lines += ["[[policy.stages]]", *(f"{key} = {toml(value)}" for key, value in each.items())]
    return "\n".join(lines)


def toml(value: Any) -> str:
    """A value of a policy file."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read."""

    status: int
    headers: Any
    text: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        import json

        return json.loads(self.text)


class Greenlight:
    """The app, running, and everybody who uses it."""

    def __init__(self, host: Host, session: aiohttp.ClientSession, policy_file: Path) -> None:
        self.host = host
        self._session = session
        self._policy_file = policy_file

    def use(self, text: str) -> None:
        """A new policy file; it counts from the next plan on."""
        self._policy_file.write_text(text, encoding="utf-8")

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Any request. A dict goes as JSON, bytes as they are."""
        given = {"Accept": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
        arguments: dict[str, Any] = {"data": body} if isinstance(body, bytes) else {} if body is None else {"json": body}
        async with self._session.request(method, f"{self.host.url}{path}", headers=given, allow_redirects=False, **arguments) as answer:
            return Answer(answer.status, answer.headers, await answer.text())

    async def submit(self, **changes: Any) -> "Proposal":
        """Post a proposal and let its checks and first mails happen."""
        answer = await self.call("POST", "/api/proposals", a_proposal(**changes))
        assert answer.status == 202, answer.text
        await self.host.settle()
        return Proposal(self, answer.json["id"])

    async def advance(self, duration: str) -> None:
        """Let an ISO 8601 duration pass, and everything that is due in it."""
        await self.host.advance(_DURATION.validate_python(duration))

    def now(self) -> datetime:
        """The present instant."""
        return self.host.clock.now()

    def mails_to(self, person: str) -> Sequence[Letter]:
        """What came for somebody of example.com, newest first."""
        return [letter for letter in self.host.mailbox.list() if f"{person}@example.com" in letter.to]

    def link(self, person: str, number: int = 0) -> str:
        """The path of the newest link that somebody got by mail."""
        links = [f"/api/{found[1]}/{found[2]}" for letter in self.mails_to(person) if (found := _LINK.search(letter.text))]
        assert len(links) > number, f"no link came to {person}"
        return links[number]

    async def operate(self, proposal: str, action: str, **body: Any) -> Answer:
        """An operator acts."""
        return await self.call("POST", f"/api/operations/proposals/{proposal}/{action}", body, **OPERATOR)


class Proposal:
    """One proposal and what can be done about it."""

    def __init__(self, greenlight: Greenlight, proposal: str) -> None:
        self.greenlight = greenlight
        self.id = proposal

    async def status(self) -> Any:
        """The status document."""
        answer = await self.greenlight.call("GET", f"/api/proposals/{self.id}")
        assert answer.status == 200, answer.text
        return answer.json

    async def decide(self, person: str, action: str, comment: str = "because", **fields: Any) -> Answer:
        """Somebody decides by their newest link."""
        return await self.decide_at(self.greenlight.link(person), action, comment, **fields)

    async def decide_at(self, link: str, action: str, comment: str = "because", **fields: Any) -> Answer:
        """Somebody decides by a link that was kept."""
        answer = await self.greenlight.call("POST", link, {"action": action, "comment": comment, **fields})
        await self.greenlight.host.settle()
        return answer

    async def waits_on(self) -> list[str]:
        """Whose turn it is, by name."""
        return [each["name"] for each in (await self.status())["reviewers"] if each["state"] == "open"]

    async def trail(self) -> list[Any]:
        """The facts, as the audit tells them."""
        answer = await self.greenlight.call("GET", f"/api/operations/proposals/{self.id}/audit", **OPERATOR)
        assert answer.status == 200, answer.text
        found = answer.json
        return found["facts"] if isinstance(found, dict) else found

    async def told(self) -> list[tuple[str, Any]]:
        """The trail's kinds and bodies."""
        return [(fact["kind"], fact["body"]) for fact in await self.trail()]

    async def engine(self) -> str:
        """What the engine says of the instance; empty when there is none."""
        found = await self.greenlight.host.engine.get(self.id)
        return found.runtime_status if found else ""

    async def rounds(self) -> list[str]:
        """The activities of the instance, in order."""
        found = await self.greenlight.host.engine.get(self.id, history=True)
        assert found is not None
        assert found.name == APPROVAL
        import json

        return [event["FunctionName"] for event in json.loads(found.history_json or "[]") if event["EventType"] == "TaskCompleted"]


@asynccontextmanager
async def running(folder: Path, *, workers: int = 0, virtual: bool = True, **settings: str) -> AsyncIterator[Greenlight]:
    """The app on a host of its own, with an empty state folder unless `folder` has one."""
    policy_file = folder / "policy.toml"
    if not policy_file.exists():
        policy_file.write_text(policy(stage("ann")), encoding="utf-8")
    given = {
        "GREENLIGHT_POLICY_FILE": str(policy_file),
        "GREENLIGHT_DEVELOPMENT": "true",
        "GREENLIGHT_PLUGINS": "",
        "ACME_SCORING_SECONDS": "0.01",
        **settings,
    }
    fast = EngineSettings(synchronous="OFF") if virtual else None
    host = Host(
        ROOT, folder / "state", workers=workers, virtual=virtual, start=BEGINNING if virtual else None, settings=given, engine_settings=fast
    )
    app = None
    try:
        async with host, aiohttp.ClientSession() as session:
            app = sys.modules.get("services.wiring")  # the app's own, where it runs in this process
            yield Greenlight(host, session, policy_file)
    finally:
        if app is not None:
            app.reset()
