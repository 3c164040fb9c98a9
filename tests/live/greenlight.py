"""Greenlight as systems and people see it: the contract over HTTP, and mails. Every answer is kept, to be searched for secrets."""

import asyncio
import itertools
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.live.mailbox import PATIENCE, Letter, Mailbox

SAM = {"name": "Sam Submitter", "email": "sam@live.example"}


@dataclass(frozen=True)
class Answer:
    """One answer, as it came."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    text: str

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


@dataclass
class Greenlight:
    """The app at `url`. `headers` go with what systems and operators call, `host_headers` with what the host itself serves.

    Neither goes with a person's link.
    """

    url: str
    http: aiohttp.ClientSession
    mailbox: Mailbox
    headers: Mapping[str, str]
    host_headers: Mapping[str, str] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request; `path` may be a whole URL. `headers` are named with `_` for `-`."""
        url = path if path.startswith("http") else self.url + path
        if path.startswith(("/runtime/", "/admin/")):
            headers = {**headers, **self.host_headers}
        sent = {"Accept": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.request(method, url, json=body, headers=sent, allow_redirects=False) as response:
            answer = Answer(method, path, response.status, dict(response.headers), await response.text())
        if "/runtime/webhooks/" not in path:
            self.answers.append(answer)
        return answer

    async def submit(self, policy: str, **changes: Any) -> "Proposal":
        """Post a proposal that the policy of this name is for."""
        body = proposal_body(policy, **changes)
        answer = await self.call("POST", "/api/proposals", body, **self.headers)
        assert answer.status == 202, answer
        return Proposal(self, answer.json()["id"], body["title"], answer.json())

    async def instance(self, proposal: str, history: bool = False) -> dict[str, Any] | None:
        """What the engine says of a proposal's instance; None when it knows none."""
        query = "?showHistory=true&showHistoryOutput=true" if history else ""
        answer = await self.call("GET", f"/runtime/webhooks/durabletask/instances/{proposal}{query}")
        return answer.json() if answer.status in (200, 202) else None

    async def sweep(self) -> None:
        """Fire the timer function that looks for what stands still, as its schedule would."""
        answer = await self.call("POST", "/admin/functions/sweep", {"input": ""})
        assert answer.status == 202, answer


@dataclass
class Proposal:
    """One proposal, by what its people can do with it."""

    greenlight: Greenlight
    id: str
    title: str
    first_answer: dict[str, Any]
    told: list[tuple[str, str, Answer]] = field(default_factory=list)

    async def status(self) -> dict[str, Any]:
        """The status document, as its submitting system reads it."""
        answer = await self.greenlight.call("GET", f"/api/proposals/{self.id}", **self.greenlight.headers)
        assert answer.status == 200, answer
        return dict(answer.json())

    async def until(self, status: str, patience: float = PATIENCE) -> dict[str, Any]:
        """The status document once its status is `status`."""
        end = time.monotonic() + patience
        while (document := await self.status())["status"] != status:
            assert time.monotonic() < end, f"{self.id} is not {status} but {document['status']}: {document['next']}"
            await asyncio.sleep(0.3)
        return document

    async def letter(self, address: str, kind: str = "", number: int = 1, patience: float = PATIENCE) -> Letter:
        """Letter `number` to `address` about this proposal."""
        return await self.greenlight.mailbox.wait_for(address, self.title, kind, number, patience)

    async def decides(self, address: str, action: str, comment: str = "", to: str | None = None, number: int = 1) -> Answer:
        """What `address` is answered who opens the link of their mail and decides."""
        link = (await self.letter(address, "/review/", number)).link()
        return await self.decided_at(link, action, comment, to)

    async def decided_at(self, link: str, action: str, comment: str = "", to: str | None = None) -> Answer:
        """What the holder of a link is answered. It is kept in `told`."""
        body = {"action": action, "comment": comment} | ({"to": to} if to else {})
        answer = await self.greenlight.call("POST", link, body)
        self.told.append((link, action, answer))
        return answer

    async def trail(self) -> list[dict[str, Any]]:
        """The facts, as an auditor reads them."""
        answer = await self.greenlight.call("GET", f"/api/operations/proposals/{self.id}/audit", **self.greenlight.headers)
        assert answer.status == 200, answer
        return facts_of(answer.json())

    async def kinds(self) -> list[str]:
        """The kinds of the facts, in order."""
        return [str(fact["kind"]) for fact in await self.trail()]


def facts_of(document: Any) -> list[dict[str, Any]]:
    """The facts of an audit answer."""
    return list(document["facts"])


def proposal_body(policy: str, **changes: Any) -> dict[str, Any]:
    """A proposal that nothing is wrong with, under a title of its own. Its department picks its policy in policy.toml."""
    return {
        "title": f"Roof {secrets.token_hex(4)}",
        "summary": "Photovoltaics on the roof of hall 3.",
        "submitter": SAM,
        "department": policy,
        "category": "office",
        "budget": {"amount": "12500.00", "currency": "EUR"},
        **changes,
    }


WORK = ("notify", "validate", "assess", "plan", "follow_up")
"""What a look at the trail may ask for."""


def looks(instance: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What each `advance` of an instance answered, in order. `instance` comes with its history."""
    done = [
        event for event in instance["historyEvents"] if event["EventType"] == "TaskCompleted" and event.get("FunctionName") == "advance"
    ]
    return [json.loads(event["Result"]) if isinstance(event["Result"], str) else event["Result"] for event in done]


def empty_looks(instance: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The looks that were in vain: they found no new fact, asked for nothing, and were not the last."""
    pairs = itertools.pairwise(looks(instance))
    return [now for before, now in pairs if now["seen"] == before["seen"] and not any(now[work] for work in WORK) and not now["outcome"]]


async def told_is_trail(proposal: Proposal) -> None:
    """Every decision that somebody was told is recorded stands in the trail, once, and no other does; one outcome at most."""
    told = sorted({(link, action) for link, action, answer in proposal.told if answer.status == 200})
    trail = await proposal.trail()
    decided = [fact["body"]["action"] for fact in trail if fact["kind"] == "decided"]
    delegated = ["delegate" for fact in trail if fact["kind"] == "handed_on" and fact["body"]["why"] == "delegated"]
    assert sorted(action for _, action in told) == sorted(decided + delegated), (proposal.told, trail)
    assert [fact["kind"] for fact in trail].count("concluded") <= 1
    assert [fact["number"] for fact in trail] == list(range(1, len(trail) + 1))
