"""Settings: what must be given, what is refused, and that each is explained."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from services import wiring
from services.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
KEY = "k" * 32


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without our settings."""
    import os

    for name in os.environ:
        if name.startswith(("GREENLIGHT_", "STANDALONE_")):
            monkeypatch.delenv(name)


def names() -> set[str]:
    """Each setting as it is written in the environment."""
    return {f"GREENLIGHT_{name.upper()}" for name in Settings.model_fields}


def test_every_setting_is_documented() -> None:
    """A setting that nobody can find does not exist; one that is documented and gone misleads."""
    rows = re.findall(r"^\| `(GREENLIGHT_\w+)` \|", (ROOT / "docs/settings.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(names())


def test_without_signing_keys_the_app_refuses_and_names_the_setting() -> None:
    """Links signed with a key that everybody knows would let anybody approve anything."""
    with pytest.raises(ValidationError, match="GREENLIGHT_SIGNING_KEYS"):
        Settings()


def test_a_machine_for_trying_says_so_and_needs_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only an explicit setting brings the well-known key."""
    monkeypatch.setenv("GREENLIGHT_DEVELOPMENT", "true")
    assert len(Settings().keys()) == 1


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """App settings are text; JSON in them is a trap for quotes."""
    monkeypatch.setenv("GREENLIGHT_SIGNING_KEYS", f"{KEY}1, {KEY}2")
    monkeypatch.setenv("GREENLIGHT_PLUGINS", "acme, examples.acme_rules,")
    settings = Settings()
    assert settings.keys() == [f"{KEY}1", f"{KEY}2"]
    assert settings.plugins == ["acme", "examples.acme_rules"]
    assert settings.secret_of_ids() == f"{KEY}1"


def test_durations_are_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number in the environment is a number of seconds, as documented."""
    monkeypatch.setenv("GREENLIGHT_SIGNING_KEYS", KEY)
    monkeypatch.setenv("GREENLIGHT_RULE_TIMEOUT", "1.5")
    assert Settings().rule_timeout == timedelta(seconds=1.5)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("GREENLIGHT_SIGNING_KEYS", "short", "32 characters"),
        ("GREENLIGHT_RULE_TIMEOUT", "0", "greater than"),
        ("GREENLIGHT_RULE_TIMEOUT", "soon", "number of seconds"),
        ("GREENLIGHT_ZONE", "Mars/Olympus", "no time zone"),
        ("GREENLIGHT_ZONE", "../etc/passwd", "no time zone"),
        ("GREENLIGHT_PUBLIC_BASE_URL", "greenlight.example.com", "http"),
        ("GREENLIGHT_SMTP_PORT", "70000", "65535"),
        ("GREENLIGHT_OPERATOR_KEYS", '{"a": {"role": "king", "key": "0123456789abcdef"}}', "operator"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str, complaint: str) -> None:
    """Whoever deploys reads what is wrong, not what it led to."""
    monkeypatch.setenv("GREENLIGHT_SIGNING_KEYS", KEY)
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=complaint) as refused:
        Settings()
    assert name.removeprefix("GREENLIGHT_").lower() in str(refused.value).lower()


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that are logged by mistake give no key away."""
    monkeypatch.setenv("GREENLIGHT_SIGNING_KEYS", KEY)
    monkeypatch.setenv("GREENLIGHT_SMTP_PASSWORD", "open sesame")
    assert KEY not in repr(Settings())
    assert "sesame" not in repr(Settings())


def test_the_embedded_host_s_mailbox_is_taken_where_no_server_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trying the app needs no mail server; a setting of one's own goes before."""
    monkeypatch.setenv("GREENLIGHT_SIGNING_KEYS", KEY)
    monkeypatch.setenv("STANDALONE_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("STANDALONE_SMTP_PORT", "2525")
    assert (Settings().smtp_host, Settings().smtp_port) == ("127.0.0.1", 2525)
    monkeypatch.setenv("GREENLIGHT_SMTP_HOST", "mail.example.com")
    assert Settings().smtp_host == "mail.example.com"


def test_a_sender_s_domain_beyond_ascii_is_written_in_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands in Message-IDs too, which know nothing else (RFC 5322); a mailbox that cannot be written so is refused at the start."""
    monkeypatch.setenv("GREENLIGHT_SIGNING_KEYS", KEY)
    monkeypatch.setenv("GREENLIGHT_MAIL_FROM", "gl@bücher.de")
    assert Settings().mail_from == "gl@xn--bcher-kva.de"
    monkeypatch.setenv("GREENLIGHT_MAIL_FROM", "grün@example.com")
    with pytest.raises(ValidationError, match="SMTPUTF8"):
        Settings()


def test_services_are_made_once_and_anew_after_a_reset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Settings are read when first needed, and then no more."""
    monkeypatch.setenv("GREENLIGHT_SIGNING_KEYS", KEY)
    monkeypatch.setenv("GREENLIGHT_STATE_DIR", str(tmp_path))
    wiring.reset()
    first = wiring.services()
    assert wiring.services() is first
    wiring.reset()
    assert wiring.services() is not first
    wiring.reset()
