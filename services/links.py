"""Capability links and proposal ids: what may be guessed by nobody.

A token is the signed text `{proposal}.{slot}` (itsdangerous, HMAC with SHA-256, a salt for each kind of link). It holds no time,
so a mail sent again holds the same link; whether it may still decide, the records say.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from itsdangerous import BadSignature, Signer

from services.settings import Settings

_PROPOSAL = re.compile(r"prp-[a-z2-7]{26}")
_SLOT = re.compile(r"r[1-9]\d?s[1-9]\d?p[1-9]\d{0,2}")


class BadLink(Exception):
    """Not a token of ours: forged, cut short, of another kind, or signed with a key that is gone."""


@dataclass(frozen=True)
class ReviewLink:
    """Whom a reviewer's link is for."""

    proposal: str
    slot: str


class Links:
    """Makes and reads links with the keys of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._base = settings.public_base_url
        self._id_secret = settings.secret_of_ids().encode()
        self._review = self._signer(settings.keys(), "review")
        self._submission = self._signer(settings.keys(), "submission")

    @staticmethod
    def _signer(keys: list[str], kind: str) -> Signer:
        return Signer(keys, salt=f"greenlight.{kind}", digest_method=hashlib.sha256)

    def review_token(self, proposal: str, slot: str) -> str:
        """The token of a slot; about 81 characters."""
        return self._review.sign(f"{proposal}.{slot}").decode()

    def submission_token(self, proposal: str) -> str:
        """The submitter's token."""
        return self._submission.sign(proposal).decode()

    def review_url(self, proposal: str, slot: str) -> str:
        """The reviewer's link."""
        return f"{self._base}/api/review/{self.review_token(proposal, slot)}"

    def submission_url(self, proposal: str) -> str:
        """The submitter's link."""
        return f"{self._base}/api/submission/{self.submission_token(proposal)}"

    def proposal_url(self, proposal: str) -> str:
        """The proposal's own address, for systems with a key."""
        return f"{self._base}/api/proposals/{proposal}"

    def read_review(self, token: str) -> ReviewLink:
        """Whom a token is for. Raises BadLink."""
        proposal, _, slot = self._read(self._review, token).partition(".")
        if not _PROPOSAL.fullmatch(proposal) or not _SLOT.fullmatch(slot):
            raise BadLink
        return ReviewLink(proposal, slot)

    def read_submission(self, token: str) -> str:
        """The proposal of a submitter's token. Raises BadLink."""
        proposal = self._read(self._submission, token)
        if not _PROPOSAL.fullmatch(proposal):
            raise BadLink
        return proposal

    def _read(self, signer: Signer, token: str) -> str:
        """The signed text. Base64 has several spellings of the same bytes: only the one that we write is taken."""
        try:
            text = signer.unsign(token.encode("ascii")).decode("ascii")
        except (BadSignature, UnicodeError):
            raise BadLink from None
        signature = token.rpartition(".")[2]
        padded = signature + "=" * (-len(signature) % 4)
        if base64.urlsafe_b64encode(base64.urlsafe_b64decode(padded)).decode().rstrip("=") != signature:
            raise BadLink
        return text

    def proposal_id(self, caller: str, idempotency_key: str | None) -> str:
        """`prp-` and 26 letters and digits: derived from caller and key, so that the same request names the same proposal; else random."""
        if idempotency_key is None:
            digest = secrets.token_bytes(16)
        else:
            text = f"{len(caller)}:{caller}{idempotency_key}".encode()
            digest = hmac.new(self._id_secret, text, hashlib.sha256).digest()[:16]
        return "prp-" + base64.b32encode(digest).decode().rstrip("=").lower()
