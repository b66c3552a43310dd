"""Every setting of the product, read from the environment and `.env`, in one place."""

import os
import re
from datetime import datetime, time
from pathlib import Path
from typing import Annotated, Literal, Self, cast
from zoneinfo import ZoneInfo

from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from rfm_common.lasting import Lasting, split_words
from rfm_common.lasting import rfm_field as _rfm
from rfm_common.setting_words import doubtful, invalid_values, refuse_unknown

Transform = Literal["log1p", "yeo-johnson", "none"]
Rule = Literal["promises", "classic"]
"""How segments are told apart and named: see docs/decisions/0024."""

LAKE = re.compile(r"(file:///|s3a://[a-z0-9])[^*?\[\]{}\s]+")


class Settings(Lasting, BaseSettings):
    """One immutable value, built at the edges only (`__main__`, the CLI, tests)."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, populate_by_name=True, env_ignore_empty=True
    )

    # Servers. `rfm up` sets them to its private ones when DB_HOST and REDIS_URL are absent.
    db_host: str = "127.0.0.1"
    db_port: int = 5432
    db_name: str = "rfm"
    db_user: str = "rfm"
    db_password: SecretStr = SecretStr("")
    redis_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    api_host: str = "127.0.0.1"
    api_port: int = Field(8701, ge=0, le=65535)

    # Folders.
    input_dir: Path = Field(
        Path("data/input"), validation_alias=AliasChoices("DATA_DIR", "input_dir")
    )
    """The watched folder; the folders for files that were read lie beside it."""
    state_dir: Path = _rfm("state_dir", Path(".rfm"))

    # What the numbers mean; more of it is in Lasting.
    transform: Transform = _rfm("transform", "log1p")
    segments: Rule = _rfm("segments", "promises")
    seed: int = _rfm("seed", 42, ge=0)
    snapshot_days: int = _rfm("snapshot_days", 60, ge=1)
    """Automatic snapshots are kept daily for so long, then the last of each month."""
    history_months: int = _rfm("history_months", 24, ge=0, le=120)
    """How many past months of a new shop are scored by themselves; 0: none."""
    discount: float = _rfm("discount", 0.1, ge=0, le=1)
    """By how much money is worth less a year later: of what customers are expected to spend."""
    engine: Literal["local", "spark"] = _rfm("engine", "local")
    """Where the heavy part of a run is computed: here, or on a Spark cluster."""
    spark_remote: str = _rfm("spark_remote", "")
    """The cluster's Spark Connect server: sc://host:15002."""
    spark_database_url: str = _rfm("spark_database_url", "")
    """PostgreSQL as the cluster reaches it (jdbc:postgresql://...); empty: at DB_HOST."""

    # The gateway.
    max_upload_bytes: int = _rfm("max_upload_bytes", 2**30, ge=1)
    allowed_hosts: Annotated[frozenset[str], NoDecode] = _rfm("allowed_hosts", frozenset())
    """Host names that requests may use besides loopback's; `*` for any."""
    proxies: Annotated[frozenset[str], NoDecode] = _rfm("proxies", frozenset())
    """Addresses and networks of proxies whose X-Forwarded-For and -Proto are believed."""
    auth: Literal["on", "off", "required"] = _rfm("auth", "on")
    """On: whoever asks needs a key or a login unless the gateway listens on loopback only.
    Required: there too. Off: nowhere, for a gateway that something else protects."""
    admin_key: SecretStr | None = _rfm("admin_key", None, min_length=32)
    """Opens everything, besides the keys in the database; for containers."""
    logins_per_minute: int = _rfm("logins_per_minute", 10, ge=0)
    runs_per_minute: int = _rfm("runs_per_minute", 60, ge=0)
    exports_per_minute: int = _rfm("exports_per_minute", 60, ge=0)
    customers_per_minute: int = _rfm("customers_per_minute", 20_000, ge=0)
    """Customers that one key or login may list with their e-mail addresses; 0: any number."""
    streams_per_caller: int = _rfm("streams_per_caller", 200, ge=0)
    """Event streams that one caller may have open at an address; 0: any number."""
    body_seconds: float = _rfm("body_seconds", 30.0, gt=0)
    """How long a request's body may take to arrive, besides a second for each 16 KiB."""

    # Webhooks; more endpoints are registered by the API.
    webhook_url: str = _rfm("webhook_url", "")
    webhook_secret: SecretStr = _rfm("webhook_secret", SecretStr(""))
    webhook_allow_private: Literal["on", "off"] = _rfm("webhook_allow_private", "off")
    """Whether messages may go to this machine and into its network."""
    webhook_days: int = _rfm("webhook_days", 30, ge=4)
    """How long messages and what became of them are kept; longer than they are attempted."""

    # The dashboard.
    cdn: Literal["on", "off"] = _rfm("cdn", "on")
    """Whether the pages' libraries may come from a CDN; off: from the gateway's copies alone."""

    # The commands.
    api_key: SecretStr | None = _rfm("api_key", None)
    """What `rfm` sends to a gateway that asks for a key."""

    # What the loader accepts, and how long it waits before it believes that a file is complete.
    max_file_bytes: int = _rfm("max_file_bytes", 16 * 2**30, ge=1)
    max_rows: int = _rfm("max_rows", 100_000_000, ge=1)
    max_line_bytes: int = _rfm("max_line_bytes", 2**20, ge=1024)
    max_reject_share: float = _rfm("max_reject_share", 0.1, ge=0, le=1)
    date_order: Literal["dmy", "mdy"] | None = _rfm("date_order", None)
    settle_seconds: float = _rfm("settle_seconds", 0.5, ge=0)
    rescan_seconds: float = _rfm("rescan_seconds", 5.0, gt=0)
    rebuild_rows: int = _rfm("rebuild_rows", 50_000, ge=1)

    # A copy of the orders that a cluster reads.
    lake: str | None = _rfm("lake", None)
    """`file:///folder` or `s3a://bucket/prefix`; one for each database."""

    # How long what may name people is kept; 0 is for ever.
    archive_days: int = _rfm("archive_days", 365, ge=0)
    quarantine_days: int = _rfm("quarantine_days", 90, ge=0)
    reject_days: int = _rfm("reject_days", 90, ge=0)
    retention_seconds: int = _rfm("retention_seconds", 3600, ge=1)
    """How often what is too old is looked for."""
    erasure_key: SecretStr = _rfm("erasure_key", SecretStr(""))
    """Of the hashes that keep erased customers out; empty: a key file in the data folder."""

    # Logs.
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _rfm("log_level", "INFO")
    log_format: Literal["text", "json"] = _rfm("log_format", "text")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Refuse names that begin like settings and are none."""
        for source in (env_settings, dotenv_settings):
            refuse_unknown(cast("EnvSettingsSource", source).env_vars, variables())
        return init_settings, env_settings, dotenv_settings, file_secret_settings

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_capitals(cls, value: object) -> object:
        return value.strip().upper() if isinstance(value, str) else value

    @field_validator("redis_url")
    @classmethod
    def _known_server(cls, value: SecretStr) -> SecretStr:
        """Refuse at start what no client could reach."""
        if not value.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("should be like redis://:password@host:6379/0")
        return value

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        return split_words(value)

    @field_validator("input_dir")
    @classmethod
    def _own_folder(cls, value: Path) -> Path:
        """Keep what comes in apart from what was read."""
        if value.name in ("archive", "quarantine", "held"):
            raise ValueError(f"the watched folder cannot be called {value.name}")
        if (value / "input").is_dir() and (value / "archive").is_dir():
            raise ValueError(f"this is the watched folder itself now: DATA_DIR={value / 'input'}")
        return value

    @field_validator("lake")
    @classmethod
    def _known_scheme(cls, value: str | None) -> str | None:
        """Refuse what Spark would read as a pattern, or not at all."""
        if value and not LAKE.fullmatch(value):
            raise ValueError("a lake is file:///folder or s3a://bucket/prefix, without *?[]{}")
        return value.rstrip("/") if value else None

    @model_validator(mode="after")
    def _whole_engine(self) -> Self:
        """Say at start that an address is missing."""
        if self.engine == "spark" and not self.spark_remote.startswith("sc://"):
            raise ValueError("RFM_ENGINE=spark needs RFM_SPARK_REMOTE=sc://host:15002")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The shop's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def data_dir(self) -> Path:
        """The folder that holds the watched folder, the archive, the quarantine and the key."""
        return Path(os.path.normpath(self.input_dir / ".."))

    @property
    def archive_dir(self) -> Path:
        """Where loaded files go."""
        return self.data_dir / "archive"

    @property
    def quarantine_dir(self) -> Path:
        """Where refused files go."""
        return self.data_dir / "quarantine"

    @property
    def held_dir(self) -> Path:
        """Where files wait for a decision."""
        return self.data_dir / "held"

    @property
    def spool_dir(self) -> Path:
        """Where exports wait for their clients, in files without names."""
        return self.state_dir / "spool"

    def localise(self, moment: datetime) -> datetime:
        """Read a date-time without a zone in the shop's zone; keep one that has it."""
        return moment if moment.tzinfo else moment.replace(tzinfo=self.zone)

    def end_of_day(self, moment: datetime) -> datetime:
        """The last microsecond of the shop's day that `moment` falls in."""
        return datetime.combine(moment.astimezone(self.zone).date(), time.max, self.zone)


def variables() -> dict[str, str]:
    """The field of each variable that is read."""
    return {
        (str(alias.choices[0]) if isinstance(alias := field.validation_alias, AliasChoices)
         else name.upper()): name
        for name, field in Settings.model_fields.items()
    }  # fmt: skip


def settings_problem(error: Exception) -> str:
    """What is wrong with the settings, in sentences; the values of secrets are not shown."""
    if not isinstance(error, ValidationError):
        return str(error)
    secrets = [
        variable for variable, name in variables().items()
        if "SecretStr" in str(Settings.model_fields[name].annotation)
    ]  # fmt: skip
    return invalid_values(error, secrets)


def env_file_doubts() -> list[str]:
    """Doubts about names in the `.env` of this folder."""
    source = DotEnvSettingsSource(Settings)
    return doubtful(source.env_vars, variables())


def service_environment(settings: Settings) -> dict[str, str]:
    """This process's environment, and where the servers, the folders and the port are."""
    return os.environ | {
        "DB_HOST": settings.db_host,
        "DB_PORT": str(settings.db_port),
        "DB_NAME": settings.db_name,
        "DB_USER": settings.db_user,
        "DB_PASSWORD": settings.db_password.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "API_HOST": settings.api_host,
        "API_PORT": str(settings.api_port),
        "DATA_DIR": str(settings.input_dir.absolute()),
        "RFM_STATE_DIR": str(settings.state_dir.absolute()),
    }
