"""The status document: what a proposal's own people may read of it. No mail address leaves through it."""

from collections.abc import Sequence
from typing import Any

from domain.facts import Fact
from domain.review import Review


def status_document(review: Review, facts: Sequence[Fact], links: dict[str, str]) -> dict[str, Any]:
    """The document of DESIGN 3, plain JSON, with its one sentence `next` and its `timeline` in words."""
    raise NotImplementedError
