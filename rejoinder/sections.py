"""The sections of the settings, with what each setting is and what it may be."""

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from engine.errors import RejoinderError

MAXIMUM_WORKERS: Final = 256
MAXIMUM_PORT: Final = 65_535
MINIMUM_SECRET: Final = 32
X_API: Final = "https://api.x.com"
META_API: Final = "https://graph.facebook.com/v26.0"


class SettingsError(RejoinderError):
    """A setting is wrong."""

    exit_code = 2


def _bootstrap(value: str) -> str:
    for server in value.split(","):
        host, colon, port = server.strip().rpartition(":")
        if not (host and colon and port.isdigit() and 0 < int(port) <= MAXIMUM_PORT):
            raise ValueError("must be host:port, or several with commas between them")
    return value


def _dsn(value: SecretStr) -> SecretStr:
    from psycopg import ProgrammingError  # noqa: PLC0415  # it loads slowly, and not every program has a database
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

    try:
        conninfo_to_dict(value.get_secret_value())
    except ProgrammingError as error:  # its text may hold the password
        raise ValueError("must be a PostgreSQL connection string, as postgresql://user@host:5432/database") from error
    return value


def _long_enough(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < MINIMUM_SECRET:
        raise ValueError(f"must have at least {MINIMUM_SECRET} characters")
    return value


def _api(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")):
        return value
    raise ValueError("must begin with https://, or with http:// on this machine")


def _collector(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must begin with http:// or https://")
    if parts.username is not None:
        raise ValueError("must not hold a password: give it in OTEL_EXPORTER_OTLP_HEADERS")
    return value


def _folder(value: Path) -> Path:
    return value.expanduser().absolute()


def _address(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError as error:
        raise ValueError("must be an address of this machine: 127.0.0.1, 0.0.0.0 or ::1, for instance") from error
    return value


Address = Annotated[str, AfterValidator(_address)]
Api = Annotated[str, AfterValidator(_api)]
Dsn = Annotated[SecretStr, AfterValidator(_dsn)]
Folder = Annotated[Path, AfterValidator(_folder)]


class Section(BaseModel):
    """Settings that belong together."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Kafka(Section):
    bootstrap: Annotated[str, AfterValidator(_bootstrap)] | None = Field(
        None, description="An outside Kafka, host:port. Without it an embedded one is started."
    )
    heap: int = Field(768, ge=128, description="The embedded Kafka's heap, in MB.")


class Postgres(Section):
    dsn: Dsn | None = Field(None, description="An outside PostgreSQL. Without it an embedded one is started.")
    reader_dsn: Dsn | None = Field(None, description="How `rejoinder sql` reads an outside PostgreSQL.")


class Topics(Section):
    partitions: int = Field(16, ge=1, le=256, description="Partitions of each topic; never changes afterwards.")
    replication: int = Field(1, ge=1, le=15, description="Copies of each topic; 3 to survive the loss of a machine.")
    min_insync: int | None = Field(
        None, ge=1, le=15, description="How many of the copies a write needs to stand. Without it: all but one."
    )
    prefix: str = Field(
        "", pattern=r"^([a-zA-Z0-9._-]+\.)?$", max_length=100, description="Before each topic's name: `test.`"
    )

    @field_validator("min_insync")
    @classmethod
    def _no_more_than_there_are(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and value > info.data.get("replication", value):
            raise ValueError("must not be more than topics.replication: no write would ever stand")
        return value


class Registry(Section):
    url: str | None = Field(None, description="A schema registry. Without it schemas lie in the topic _schemas.")


class Web(Section):
    host: Address = Field(
        "127.0.0.1", description="The address that is listened on. Speaks no TLS: put a proxy that does before it."
    )
    port: int = Field(0, ge=0, le=MAXIMUM_PORT, description="Where webhooks come in; 0: a free port.")


def _processes(what: str) -> Any:
    return Field(1, ge=0, le=MAXIMUM_WORKERS, description=f"How many processes `up` runs that {what}.")


class Workers(Section):
    engine: int = _processes("decide; more than topics.partitions are refused")
    projector: int = _processes("write the projections; more than topics.partitions are refused")
    delivery: int = _processes("post answers; more than topics.partitions are refused")
    web: int = _processes("take webhooks and serve the API; they share one port")
    live: int = Field(1, ge=0, le=1, description="Whether `up` runs the process that counts what `watch` shows.")
    machine: str = Field(
        "",
        pattern=r"^[a-z0-9]{0,32}$",
        description="Stands before the workers' names. Unlike on each machine, where several run `up` on one Kafka.",
    )


class Metrics(Section):
    host: Address = Field("127.0.0.1", description="Where each program serves /metrics, /health and /ready.")
    port: int = Field(
        0, ge=0, le=MAXIMUM_PORT, description="The port for that; of several programs, the first one's. 0: free ones."
    )
    stalled: float = Field(
        60.0, gt=0, le=3_600, description="Seconds without a turn after which a program's loop counts as hanging."
    )


class Tracing(Section):
    exporter: Literal["none", "otlp", "console"] = Field(
        "none", description="Where the spans of messages go: nowhere, to a collector, or to the program's log."
    )
    endpoint: Annotated[str, AfterValidator(_collector)] = Field(
        "http://127.0.0.1:4318/v1/traces", description="The collector's address, for OTLP over HTTP."
    )
    ratio: float = Field(1.0, ge=0, le=1, description="Which part of the traces that begin here is kept.")


class Log(Section):
    format: Literal["logfmt", "json"] = Field("logfmt", description="How the programs' logs are written.")


class Time(Section):
    mode: Literal["wall", "recorded"] = Field("wall", description="Whose clock decides: ours, or recorded traffic's.")


class Home(Section):
    secret: Annotated[SecretStr, AfterValidator(_long_enough)] | None = Field(
        None, description="The secret behind people's keys. Permanent: back it up. Embedded, it is made and kept."
    )


class Audit(Section):
    secret: Annotated[SecretStr, AfterValidator(_long_enough)] | None = Field(
        None,
        description="The secret behind the keys with which workers seal the log. Permanent, the same everywhere; "
        "without it, home.secret.",
    )


class Erasure(Section):
    hours: float = Field(
        6.0,
        gt=0,
        le=10,
        description="Hours within which workers and PostgreSQL take what was erased out of their files. Kafka takes "
        "12 more; X leaves a day for all of it.",
    )


class Accounts(Section):
    file: Folder | None = Field(
        None, description="Where the accounts' tokens lie; else secrets/accounts.json in the data folder."
    )


def _where(section: str, address: str | None) -> str:
    if address is None:
        raise SettingsError(f"{section}.simulated is set, and {section}.api does not say where the simulator is")
    return address


class X(Section):
    api: Api | None = Field(None, description="The address of X's API, where it is not X's own.")
    consumer_key: str | None = Field(None, description="The app's key.")
    consumer_secret: SecretStr | None = Field(None, min_length=1, description="The app's secret; signs webhooks.")
    client_id: str | None = Field(None, description="The app's OAuth 2.0 client id; for accounts with such tokens.")
    client_secret: SecretStr | None = Field(
        None, description="The app's OAuth 2.0 client secret; a public client has none."
    )
    call_timeout: float = Field(20.0, gt=0, le=120, description="Seconds until a call to X is given up.")
    simulated: bool = Field(
        False, description="X is the simulator, which makes credentials itself; started by `up` if x.api is not set."
    )

    @property
    def address(self) -> str:
        """Where calls go. Raises SettingsError for a simulator of which nobody said where it is."""
        return _where("x", self.api or (None if self.simulated else X_API))


class Meta(Section):
    api: Api | None = Field(
        None, description="The address of Meta's Graph API with its version, where it is not Meta's own."
    )
    app_id: str | None = Field(None, pattern=r"^[0-9]{1,32}$", description="The app's id.")
    app_secret: SecretStr | None = Field(None, min_length=1, description="The app's secret; signs webhooks.")
    verify_token: SecretStr | None = Field(
        None, min_length=1, description="What Meta shows when it asks for a webhook; any text that you make up."
    )
    call_timeout: float = Field(20.0, gt=0, le=120, description="Seconds until a call to Meta is given up.")
    simulated: bool = Field(
        False, description="Meta is the simulator, which makes tokens itself; started by `up` if meta.api is not set."
    )

    @property
    def address(self) -> str:
        """Where calls go. Raises SettingsError for a simulator of which nobody said where it is."""
        return _where("meta", self.api or (None if self.simulated else META_API))


class Maven(Section):
    repository: str | None = Field(None, description="A mirror to get the embedded Kafka's jars from.")
