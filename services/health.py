"""Whether the world answers: one look at each thing that an approval needs."""

import asyncio
import time
from dataclasses import dataclass, field

from services.mail import MailUnavailable
from services.mail_smtp import SmtpMailer
from services.plugins import Plugins
from services.policies import PolicyFile
from services.records import Records, RecordsUnavailable

FRESH_SECONDS = 10.0


@dataclass
class Health:
    """Checks, each remembered for some seconds, so that a nervous monitor does no harm. Answers name what is wrong, never a secret."""

    records: Records
    mailer: SmtpMailer
    plugins: Plugins
    policies: PolicyFile
    _known: dict[str, str] = field(default_factory=dict)
    _until: float = 0.0

    async def check(self) -> dict[str, str]:
        """What was looked at -> "ok", or what is wrong with it."""
        if time.monotonic() < self._until:
            return self._known
        records, mail = await asyncio.gather(self._records(), self._mail())
        self._known = {
            "records": records,
            "mail": mail,
            "policy": self.policies.fault() or "ok",
            "plugins": "; ".join(f"{name}: {fault}" for name, fault in self.plugins.faults.items()) or "ok",
        }
        self._until = time.monotonic() + FRESH_SECONDS
        return self._known

    async def _records(self) -> str:
        try:
            await self.records.check()
        except RecordsUnavailable as outage:
            return str(outage)
        return "ok"

    async def _mail(self) -> str:
        try:
            await self.mailer.check()
        except MailUnavailable as outage:
            return str(outage)
        return "ok"
