"""The settings, and the only place that reads the environment.

The original's names (``REDIS_URL``, ``RESEND_API_KEY`` …) are kept; jobdesk's own begin with
``JOBDESK_``. A ``.env`` file in the working directory is read too. Secrets are ``SecretStr``: they
do not show in logs or reprs.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from jobdesk.errors import InvalidSetting


def _ours(name: str) -> AliasChoices:
    return AliasChoices(f"JOBDESK_{name}")


class ContextSettings(BaseModel):
    """A named place to connect to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: SecretStr
    namespace: str | None = None
    #: shown in red, and asked twice; unset: where the name begins with ``prod``
    production: bool | None = None


_FACTORY = re.compile(
    r"(?:mail|sms|push|bank|tax|registry|rates|payment\.[a-z][a-z0-9_-]{0,29})"
    r"=[A-Za-z_][\w.]*:[A-Za-z_]\w*"
)


class Settings(BaseSettings):
    """Everything that can be set from outside; see docs/settings.md for the table."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", populate_by_name=True, frozen=True, env_ignore_empty=True
    )

    # --- Redis
    redis_url: str | None = Field(None, validation_alias="REDIS_URL")
    """redis[s]://, unix://, redis+sentinel://, redis+cluster://, embedded://; unset: embedded."""
    redis_password: SecretStr | None = Field(None, validation_alias="REDIS_PASSWORD")
    """Fills in where the URL has no password."""
    namespace: str = Field(
        "jd", validation_alias=_ours("NAMESPACE"), pattern=r"^[A-Za-z0-9._-]{1,32}$"
    )
    """What every key starts with, so that two applications can share a server."""
    allow_eviction: bool = Field(False, validation_alias=_ours("ALLOW_EVICTION"))
    """Let workers start on a Redis whose maxmemory-policy may throw jobs away."""
    allow_insecure_redis: bool = Field(False, validation_alias=_ours("ALLOW_INSECURE_REDIS"))
    """Let plain redis:// reach a host that is not this one."""

    # --- jobs
    secret: SecretStr | None = Field(None, validation_alias=_ours("SECRET"))
    """Signs payloads; unsigned ones are then refused."""
    previous_secret: SecretStr | None = Field(None, validation_alias=_ours("PREVIOUS_SECRET"))
    """Still accepted while a secret is being changed."""
    max_data_bytes: int = Field(262_144, validation_alias=_ours("MAX_DATA_BYTES"), ge=1024)
    max_result_bytes: int = Field(262_144, validation_alias=_ours("MAX_RESULT_BYTES"), ge=1024)
    timezone: str = Field("UTC", validation_alias=_ours("TIMEZONE"))
    """The zone in which crontabs are read."""
    imports: Annotated[tuple[str, ...], NoDecode] = Field((), validation_alias=_ours("IMPORTS"))
    """Modules with queues of one's own, separated by commas."""
    shutdown_timeout: float = Field(25.0, validation_alias=_ours("SHUTDOWN_TIMEOUT"), ge=0)
    """Seconds that a stopping worker lets its jobs run on, before it gives them back."""
    child_memory_bytes: int = Field(
        2 << 30, validation_alias=_ours("CHILD_MEMORY_BYTES"), ge=1 << 26
    )
    """RLIMIT_AS of the child processes that run pdf, report and suspected jobs."""

    # --- the dashboard
    tui_theme: str = Field("jobdesk-dark", validation_alias=_ours("TUI__THEME"))
    """The colours: jobdesk-dark, jobdesk-light, or one of Textual's themes."""
    tui_refresh: float = Field(1.0, validation_alias=_ours("TUI__REFRESH"), ge=0.25, le=60)
    """Seconds between two reads."""
    tui_keymap: dict[str, str] = Field({}, validation_alias=_ours("TUI__KEYMAP"))
    """Other keys for actions, as JSON: {"job.retry": "ctrl+r"}; `jobdesk keys` lists the ids."""
    tui_glyphs: Literal["unicode", "ascii"] = Field(
        "unicode", validation_alias=_ours("TUI__GLYPHS")
    )
    """``ascii`` for terminals without the signs of the states."""
    tui_read_only: bool = Field(False, validation_alias=_ours("TUI__READ_ONLY"))
    """The dashboard changes nothing."""
    display: str | None = Field(None, validation_alias=AliasChoices("WAYLAND_DISPLAY", "DISPLAY"))
    """The desktop, where there is one: files are opened on it."""
    editor: str | None = Field(None, validation_alias=AliasChoices("VISUAL", "EDITOR"))
    """The command that edits a job's data; unset: a form of our own."""
    pager: str = Field("less", validation_alias="PAGER")
    """The command that shows long texts."""
    pager_options: str = Field("-SX", validation_alias="LESS")
    """What less is told, where it is the pager."""
    contexts: dict[str, ContextSettings] = Field({}, validation_alias=_ours("CONTEXTS"))
    """Named places for ``--context``, as JSON: {"prod": {"url": "rediss://…"}}."""

    # --- files
    data: Path | None = Field(None, validation_alias=_ours("DATA"))
    """The folder of everything jobdesk writes; unset: the user's data folder."""
    templates: Path | None = Field(None, validation_alias=_ours("TEMPLATES"))
    """A folder whose templates go before the built-in ones."""
    log_folder: Path | None = Field(None, validation_alias=_ours("LOG_FOLDER"))
    """Where cleanup:old-logs looks; unset: ``logs`` in the data folder."""
    temp_folders: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), validation_alias=_ours("TEMP_FOLDERS")
    )
    """Where cleanup:temp-files looks; unset: ``tmp`` in the data folder."""
    database_url: SecretStr | None = Field(None, validation_alias="DATABASE_URL")

    # --- delivery
    delivery: Literal["live", "outbox"] = Field("live", validation_alias=_ours("DELIVERY"))
    """``outbox`` writes mails, pushes and SMS to files instead of sending them."""
    email_fallback: Literal["sync", "off"] = Field("sync", validation_alias=_ours("EMAIL_FALLBACK"))
    """Send mail in place when Redis provably got nothing."""
    providers: Annotated[tuple[str, ...], NoDecode] = Field((), validation_alias=_ours("PROVIDERS"))
    """Providers of one's own, ``need=module:factory``, separated by commas; docs/providers.md."""
    resend_api_key: SecretStr | None = Field(None, validation_alias="RESEND_API_KEY")
    resend_base_url: str = Field("https://api.resend.com", validation_alias="RESEND_BASE_URL")
    resend_timeout: float = Field(30.0, validation_alias="RESEND_TIMEOUT", gt=0)
    from_email: str | None = Field(None, validation_alias="FROM_EMAIL")
    from_name: str | None = Field(None, validation_alias="FROM_NAME")
    unsubscribe: str | None = Field(None, validation_alias=_ours("UNSUBSCRIBE"))
    """Where campaigns may be left: an https:// URL, a mailto:, or both with a space between.

    ``{trackingId}``, ``{campaignId}`` and ``{email}`` in it are filled in.
    """
    contact_email: str | None = Field(None, validation_alias="CONTACT_EMAIL")
    """Whom a push service writes to when our pushes give trouble."""
    vapid_public_key: str | None = Field(None, validation_alias="VAPID_PUBLIC_KEY")
    """Only compared with the private key."""
    vapid_private_key: SecretStr | None = Field(None, validation_alias="VAPID_PRIVATE_KEY")
    """Signs pushes: 32 bytes in URL-safe base64, or PEM."""
    push_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), validation_alias=_ours("PUSH_HOSTS")
    )
    """``host[:port]`` of push services beside the browsers' own, separated by commas."""
    push_timeout: float = Field(15.0, validation_alias=_ours("PUSH_TIMEOUT"), gt=0)
    sms_provider: Literal["unifonic", "twilio"] | None = Field(
        None, validation_alias="SMS_PROVIDER"
    )
    """Who sends SMS."""
    unifonic_app_sid: SecretStr | None = Field(None, validation_alias="UNIFONIC_APP_SID")
    unifonic_sender_id: str | None = Field(None, validation_alias="UNIFONIC_SENDER_ID")
    unifonic_base_url: str = Field(
        "https://el.cloud.unifonic.com", validation_alias="UNIFONIC_BASE_URL"
    )
    unifonic_timeout: float = Field(30.0, validation_alias="UNIFONIC_TIMEOUT", gt=0)
    twilio_account_sid: str | None = Field(None, validation_alias="TWILIO_ACCOUNT_SID")
    twilio_auth_token: SecretStr | None = Field(None, validation_alias="TWILIO_AUTH_TOKEN")
    twilio_from: str | None = Field(None, validation_alias="TWILIO_FROM")
    """A number, a sender name, or a messaging service (MG…)."""
    twilio_base_url: str = Field("https://api.twilio.com", validation_alias="TWILIO_BASE_URL")
    twilio_timeout: float = Field(30.0, validation_alias="TWILIO_TIMEOUT", gt=0)
    webhook_secret: SecretStr | None = Field(None, validation_alias="WEBHOOK_SECRET")
    """Signs webhooks: ``whsec_`` and base64."""
    webhook_timeout: float = Field(15.0, validation_alias="WEBHOOK_TIMEOUT", gt=0)
    webhook_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), validation_alias=_ours("WEBHOOK_HOSTS")
    )
    """``host:port`` that webhooks may reach though it is in our own network, or plain http."""

    # --- what sync asks
    whatsapp_app_secret: SecretStr | None = Field(None, validation_alias="WHATSAPP_APP_SECRET")
    """Proves that a webhook of WhatsApp is WhatsApp's."""
    whatsapp_verify_token: SecretStr | None = Field(None, validation_alias="WHATSAPP_VERIFY_TOKEN")
    """What WhatsApp says when the webhook is set up."""
    lean_app_token: str | None = Field(None, validation_alias="LEAN_APP_TOKEN")
    """The id of the application at Lean."""
    lean_client_secret: SecretStr | None = Field(None, validation_alias="LEAN_CLIENT_SECRET")
    lean_base_url: str = Field("https://api2.sa.leantech.me", validation_alias="LEAN_BASE_URL")
    lean_token_url: str = Field("https://auth.sa.leantech.me", validation_alias="LEAN_TOKEN_URL")
    """Where Lean gives out access tokens."""
    lean_timeout: float = Field(60.0, validation_alias="LEAN_TIMEOUT", gt=0)
    stripe_secret_key: SecretStr | None = Field(None, validation_alias="STRIPE_SECRET_KEY")
    stripe_base_url: str = Field("https://api.stripe.com", validation_alias="STRIPE_BASE_URL")
    stripe_timeout: float = Field(30.0, validation_alias="STRIPE_TIMEOUT", gt=0)
    moyasar_secret_key: SecretStr | None = Field(None, validation_alias="MOYASAR_SECRET_KEY")
    moyasar_base_url: str = Field("https://api.moyasar.com/v1", validation_alias="MOYASAR_BASE_URL")
    moyasar_timeout: float = Field(30.0, validation_alias="MOYASAR_TIMEOUT", gt=0)
    zatca_binary_token: SecretStr | None = Field(None, validation_alias="ZATCA_BINARY_TOKEN")
    """The ``binarySecurityToken`` of the production CSID, as ZATCA gave it."""
    zatca_secret: SecretStr | None = Field(None, validation_alias="ZATCA_SECRET")
    zatca_base_url: str = Field(
        "https://gw-fatoora.zatca.gov.sa/e-invoicing/core", validation_alias="ZATCA_BASE_URL"
    )
    """Ends in /core; /simulation and /developer-portal are for trying out."""
    zatca_timeout: float = Field(60.0, validation_alias="ZATCA_TIMEOUT", gt=0)
    wathq_api_key: SecretStr | None = Field(None, validation_alias="WATHQ_API_KEY")
    wathq_base_url: str = Field("https://api.wathq.sa", validation_alias="WATHQ_BASE_URL")
    wathq_timeout: float = Field(30.0, validation_alias="WATHQ_TIMEOUT", gt=0)
    rates_base_url: str = Field("https://api.frankfurter.dev", validation_alias="RATES_BASE_URL")
    """Where currency rates come from: a Frankfurter, version 2."""
    rates_timeout: float = Field(30.0, validation_alias="RATES_TIMEOUT", gt=0)

    @field_validator("imports", "providers", "push_hosts", "webhook_hosts", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("providers")
    @classmethod
    def _named_factories(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            if not _FACTORY.fullmatch(entry):
                raise ValueError("must be need=module:factory, separated by commas")
        return value

    @field_validator("temp_folders", mode="before")
    @classmethod
    def _split_folders(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(Path(part.strip()) for part in value.split(",") if part.strip())
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("no such time zone; names are like Europe/Berlin") from None
        return value

    def __hash__(self) -> int:
        """By some fields: frozen as it is, it serves as a key, though not all fields can."""
        return hash((self.redis_url, self.namespace, self.data, self.delivery, self.from_email))

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the schedules."""
        return ZoneInfo(self.timezone)

    @property
    def data_folder(self) -> Path:
        """The folder of everything jobdesk writes; not made here."""
        if self.data is not None:
            return self.data.expanduser().absolute()
        from platformdirs import user_data_path

        return user_data_path("jobdesk", appauthor=False)


def load(**values: object) -> Settings:
    """Settings from the environment, with ``values`` over them.

    Raises :class:`~jobdesk.errors.InvalidSetting`, which names the variable and never its value.
    """
    try:
        return Settings(**values)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as exc:
        first = exc.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise InvalidSetting(
            f"{_variable(name)}: {first['msg'].removeprefix('Value error, ')}"
        ) from None
    except SettingsError as exc:
        # it tells the field in quotes, and nothing else that helps
        name = str(exc).split('"')[1]
        raise InvalidSetting(f"{_variable(name)}: must be JSON") from None


def _variable(name: str) -> str:
    """The variable that a field is read from."""
    alias = Settings.model_fields[name].validation_alias if name in Settings.model_fields else name
    return str(alias.choices[0] if isinstance(alias, AliasChoices) else alias)


_current: Settings | None = None


def current() -> Settings:
    """The settings of this process, read from the environment at first use."""
    global _current
    if _current is None:
        _current = load()
    return _current


def use(settings: Settings | None) -> None:
    """Make ``settings`` this process's; with None, read the environment again at next use."""
    global _current
    _current = settings
