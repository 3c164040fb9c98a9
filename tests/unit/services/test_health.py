"""Health: each thing that an approval needs, and what is wrong with it."""

import asyncio
import socket
from datetime import timedelta
from pathlib import Path

import pytest

from services.health import Health
from services.mail_smtp import SmtpMailer
from services.plugins import Plugins
from services.policies import PolicyFile
from services.records_sqlite import SqliteRecords
from services.settings import Settings
from tests.unit.services.sink import listening

POLICY = Path(__file__).resolve().parents[3] / "policy.toml"


def health(records: SqliteRecords, port: int, policy: Path = POLICY, plugins: tuple[str, ...] = ()) -> Health:
    """Health of these parts."""
    mailer = SmtpMailer(Settings(development=True, smtp_host="127.0.0.1", smtp_port=port))
    return Health(records, mailer, Plugins(plugins, timedelta(seconds=1)), PolicyFile(policy))


async def test_where_everything_answers_all_is_ok(tmp_path: Path) -> None:
    """A real write, a real greeting, a real policy."""
    records = SqliteRecords(tmp_path / "greenlight.sqlite")
    with listening() as sink:
        assert await health(records, sink.port).check() == {"records": "ok", "mail": "ok", "policy": "ok", "plugins": "ok"}
    records.close()


async def test_each_thing_that_is_wrong_is_named(tmp_path: Path) -> None:
    """One look tells whoever is on call where to go."""
    (tmp_path / "file").touch()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        broken = health(SqliteRecords(tmp_path / "file" / "x"), closed.getsockname()[1], tmp_path / "none.toml", ("acme_that_is_not",))
        found = await broken.check()
    assert "Error" in found["records"]
    assert "ConnectionRefusedError" in found["mail"]
    assert "none.toml cannot be read" in found["policy"]
    assert "acme_that_is_not: ModuleNotFoundError" in found["plugins"]


async def test_a_nervous_monitor_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many looks within seconds are one look at the mail server."""
    looks = []

    class Counting(SmtpMailer):
        async def check(self) -> None:
            looks.append(1)

    records = SqliteRecords(tmp_path / "greenlight.sqlite")
    made = health(records, 1)
    made.mailer = Counting(Settings(development=True))
    for _ in range(5):
        await made.check()
    await asyncio.gather(*(made.check() for _ in range(5)))
    assert len(looks) == 1
    made._until = 0
    await made.check()
    assert len(looks) == 2
    records.close()
