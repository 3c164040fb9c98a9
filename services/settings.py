"""Settings, from the environment: what differs between one company's Greenlight and another's. docs/settings.md explains each.

Read when first needed, never at import, so that an app with a wrong setting still loads and says which one it is.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, EmailStr, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from services.mail import in_ascii

DEVELOPMENT_KEY = "greenlight-development-key-that-protects-nothing"


class OperatorKey(BaseModel):
    """One operator key: the role it gives, and the key itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["operator", "auditor", "reader"]
    key: SecretStr = Field(min_length=16)


def _seconds(value: object) -> object:
    """A number of seconds, given as text in the environment."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError("must be a number of seconds, such as 20") from None


Seconds = Annotated[timedelta, BeforeValidator(_seconds), Field(gt=timedelta(0), le=timedelta(days=1))]


def _words(value: object) -> object:
    """A list given as words with commas, as app settings are written."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


class Settings(BaseSettings):
    """Every setting. In the environment each has the prefix GREENLIGHT_ and is in capitals; lists are separated by commas."""

    model_config = SettingsConfigDict(env_prefix="GREENLIGHT_", frozen=True, extra="ignore", populate_by_name=True)

    development: bool = False
    """A machine for trying: a well-known signing key and operator key are taken where none is given. Never in production."""

    public_base_url: str = Field(
        default="http://localhost:7071", validation_alias=AliasChoices("GREENLIGHT_PUBLIC_BASE_URL", "STANDALONE_PUBLIC_URL")
    )
    """Where people reach the app; links in mails begin with it. Without a slash at the end."""

    signing_keys: Annotated[list[SecretStr], NoDecode] = []
    """Keys that sign links, oldest first; the last signs, all verify. At least 32 characters each."""

    id_secret: SecretStr | None = None
    """What proposal ids are derived with, so that an Idempotency-Key always names the same one. Default: the first signing key."""

    state_dir: Path = Field(default=Path(".state"), validation_alias=AliasChoices("GREENLIGHT_STATE_DIR", "STANDALONE_STATE_DIR"))
    """The folder of the records, for the embedded store."""

    policy_file: Path = Path("policy.toml")
    """The policy file; a changed file counts from the next plan on."""

    plugins: Annotated[list[str], NoDecode] = []
    """Packages with proprietary rules, by import name."""

    rule_timeout: Seconds = timedelta(seconds=120)
    """How long one rule may take, in seconds; then it is a finding."""

    zone: str = "UTC"
    """The time zone in which mails and pages tell times, such as Europe/Berlin."""

    smtp_host: str = Field(default="localhost", validation_alias=AliasChoices("GREENLIGHT_SMTP_HOST", "STANDALONE_SMTP_HOST"))
    """The mail server."""

    smtp_port: int = Field(default=25, ge=1, le=65535, validation_alias=AliasChoices("GREENLIGHT_SMTP_PORT", "STANDALONE_SMTP_PORT"))
    """Its port."""

    smtp_user: str | None = None
    """Who we are to the mail server, if it asks."""

    smtp_password: SecretStr | None = None
    """The password for `smtp_user`."""

    smtp_starttls: bool = False
    """Encrypt with STARTTLS, and refuse to send without."""

    mail_timeout: Seconds = timedelta(seconds=20)
    """How long the mail server may take for one mail, in seconds."""

    mail_from: EmailStr = "greenlight@example.com"
    """The sender's address; its domain is that of Message-IDs."""

    mail_sender: str = Field(default="Greenlight", max_length=25)
    """The sender's name."""

    operators_mailbox: EmailStr | None = None
    """Where people's answers to our mails go (Reply-To). Without one, answers go to the sender's address."""

    operator_keys: dict[str, OperatorKey] = {}
    """Operator keys, as JSON: {"name of the key": {"role": "operator", "key": "…"}}. Roles: operator, auditor, reader."""

    easy_auth: bool = False
    """Believe the principal header of App Service authentication. Only where it is on: else anyone could send that header."""

    engine_far_behind: Seconds = timedelta(minutes=10)
    """How far, in seconds, an instance may be behind its trail before it is ended and begun anew."""

    sweep_batch: int = Field(default=200, ge=1, le=5000)
    """How many proposals one run of the sweep looks at."""

    _words = field_validator("plugins", "signing_keys", mode="before")(_words)

    @field_validator("public_base_url")
    @classmethod
    def _no_slash_at_the_end(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url.rstrip("/")

    @field_validator("mail_from", "operators_mailbox")
    @classmethod
    def _address_in_ascii(cls, address: str | None) -> str | None:
        return in_ascii(address) if address else None

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{zone!r} is no time zone, such as Europe/Berlin") from None
        return zone

    @field_validator("signing_keys")
    @classmethod
    def _keys_are_long(cls, keys: list[SecretStr]) -> list[SecretStr]:
        if any(len(key.get_secret_value()) < 32 for key in keys):
            raise ValueError("each signing key needs at least 32 characters")
        return keys

    @model_validator(mode="after")
    def _keys_are_there(self) -> Self:
        if not self.signing_keys and not self.development:
            raise ValueError("GREENLIGHT_SIGNING_KEYS is missing (or set GREENLIGHT_DEVELOPMENT=true on a machine for trying)")
        return self

    def keys(self) -> list[str]:
        """The signing keys, oldest first."""
        return [key.get_secret_value() for key in self.signing_keys] or [DEVELOPMENT_KEY]

    def secret_of_ids(self) -> str:
        """What proposal ids are derived with."""
        return self.id_secret.get_secret_value() if self.id_secret else self.keys()[0]
