"""What goes in and out of activities: plain JSON, read by pydantic, with nothing of people in it."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Call(BaseModel):
    """The least that every call carries. `last`: no further attempt will follow. Unknown fields are of a newer version: let be."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    proposal: str
    last: bool = False


class RuleCall(Call):
    """One rule on one round's revision. `rule` is `package.module`, or a name of Greenlight's own."""

    round: int
    rule: str


class Envelope(BaseModel):
    """What became of a call. `learned`: the trail has grown; `retry`: try again later; `refused`: the chain ends here."""

    learned: bool = False
    retry: bool = False
    refused: bool = False

    def plain(self) -> dict[str, Any]:
        """As the orchestrator gets it."""
        return self.model_dump(mode="json")
