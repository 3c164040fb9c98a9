"""The one place that chooses implementations, by the settings. Nothing is made at import; each process makes it once, when first asked."""

import functools
import json
from dataclasses import dataclass

from domain.agenda import Notice
from domain.judge import Directory
from domain.people import Person
from domain.policy import Policies
from services.clock import Clock, SystemClock
from services.health import Health
from services.letters import Letters
from services.links import Links
from services.mail import Mail
from services.mail_smtp import SmtpMailer
from services.plugins import Plugins
from services.policies import PolicyFile, PolicyUnusable
from services.records import Records, Stored
from services.records_sqlite import SqliteRecords
from services.settings import Settings


def nobody(_: Person) -> bool:
    """Without a directory, a slot can be handed to nobody."""
    return False


@dataclass(frozen=True)
class Services:
    """The outside world, as clients and activities are handed it."""

    settings: Settings
    clock: Clock
    records: Records
    mailer: SmtpMailer
    links: Links
    letters: Letters
    plugins: Plugins
    policy_file: PolicyFile
    health: Health

    def policies(self) -> Policies:
        """The policies as they stand. Raises PolicyUnusable."""
        return self.policy_file.current()

    @property
    def directory(self) -> Directory:
        """Who is who. Without a usable policy file nobody is known, and addresses alone tell people apart."""
        try:
            return self.policies().directory()
        except PolicyUnusable:
            return Directory(admits=nobody)

    async def letter(self, stored: Stored, notice: Notice) -> Mail:
        """The mail of a notice, with the body that it quotes. Raises RecordsUnavailable."""
        content = json.loads(await self.records.get_content(stored.review.content_hash))
        return self.letters.letter(notice, stored.review, stored.facts, content)


def reset() -> None:
    """Let go of this process's services, so that the next look reads the settings anew: for tests."""
    if services.cache_info().currsize:
        services().records.close()
        services.cache_clear()


@functools.cache
def services() -> Services:
    """The services of this process. Raises pydantic's ValidationError when a setting is missing or wrong: it names which."""
    settings = Settings()
    records = SqliteRecords(settings.state_dir / "greenlight.sqlite")
    mailer = SmtpMailer(settings)
    links = Links(settings)
    plugins = Plugins(settings.plugins, settings.rule_timeout)
    policy_file = PolicyFile(settings.policy_file)
    return Services(
        settings=settings,
        clock=SystemClock(),
        records=records,
        mailer=mailer,
        links=links,
        letters=Letters(settings, links),
        plugins=plugins,
        policy_file=policy_file,
        health=Health(records, mailer, plugins, policy_file),
    )
