"""The settings: an option beats the environment, that beats the file, that beats the default.

A setting's name is `section.field`: `kafka.bootstrap` stands in the file as `bootstrap` under `[kafka]`, and in the
environment as REJOINDER_KAFKA_BOOTSTRAP.
"""

import difflib
import ipaddress
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from engine.errors import RejoinderError

PREFIX: Final = "REJOINDER_"
FILE_VARIABLE: Final = "REJOINDER_CONFIG"
READY_VARIABLE: Final = "REJOINDER_READY_FILE"  # set by the supervisor for its programs; see rejoinder.instance
LISTENS_VARIABLE: Final = "REJOINDER_LISTENS"  # set by the supervisor for its programs; see rejoinder.listening
NOT_SETTINGS: Final = frozenset({FILE_VARIABLE, READY_VARIABLE, LISTENS_VARIABLE})
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


class Accounts(Section):
    file: Folder | None = Field(
        None, description="Where the accounts' tokens lie; else secrets/accounts.json in the data folder."
    )


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
        if self.simulated and self.api is None:
            raise SettingsError("x.simulated is set, and x.api does not say where the simulator is")
        return self.api or X_API


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
        if self.simulated and self.api is None:
            raise SettingsError("meta.simulated is set, and meta.api does not say where the simulator is")
        return self.api or META_API


class Maven(Section):
    repository: str | None = Field(None, description="A mirror to get the embedded Kafka's jars from.")


def _xdg(variable: str, fallback: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / fallback) / "rejoinder"


class Settings(Section):
    """All of them. `origin_of` tells where one came from, for messages."""

    data: Folder = Field(
        default_factory=lambda: _xdg("XDG_DATA_HOME", ".local/share"), description="Where everything is kept."
    )
    cache: Folder = Field(
        default_factory=lambda: _xdg("XDG_CACHE_HOME", ".cache"), description="Where downloads are kept."
    )
    kafka: Kafka = Kafka()
    postgres: Postgres = Postgres()
    topics: Topics = Topics()
    registry: Registry = Registry()
    web: Web = Web()
    workers: Workers = Workers()
    metrics: Metrics = Metrics()
    tracing: Tracing = Tracing()
    log: Log = Log()
    time: Time = Time()
    home: Home = Home()
    accounts: Accounts = Accounts()
    x: X = X()
    meta: Meta = Meta()
    maven: Maven = Maven()

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    def origin_of(self, name: str) -> str:
        """Where the setting `section.field` was set: a file's line, a variable, an option, or the default."""
        return self._origins.get(name, "the default")

    def environment(self) -> dict[str, str]:
        """The variables that give another process of ours these same settings, secrets included."""
        return {
            variable_of(name): value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for name in setting_names()
            if (value := _look_up(self, name)) is not None
        }


@dataclass(frozen=True)
class _Given:
    value: object
    origin: str


def load(
    options: Mapping[str, object] | None = None,
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Reads the settings. Raises SettingsError, which names the file and line, variable or option, and the field.

    `options` are by setting's name, and None is as if it weren't there. `file` must exist if it is named here or in
    REJOINDER_CONFIG; else rejoinder.toml in the user's configuration folder is read if there is one.
    """
    environment = os.environ if environment is None else environment
    given = {
        **_from_file(_file_to_read(file, environment)),
        **_from_environment(environment),
        **{
            name: _Given(value, f"option --{name.replace('.', '-')}")
            for name, value in (options or {}).items()
            if value is not None
        },
    }
    try:
        settings = Settings.model_validate(_nested({name: entry.value for name, entry in given.items()}))
    except ValidationError as error:
        raise SettingsError(_explain(error, given)) from None  # the cause would show a secret's value
    settings._origins.update({name: entry.origin for name, entry in given.items()})
    return settings


def setting_names() -> list[str]:
    """Every setting's name: `data`, `kafka.bootstrap` …"""
    names: list[str] = []
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            names.extend(f"{name}.{inner}" for inner in section.model_fields)
        else:
            names.append(name)
    return names


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.replace(".", "_").upper()


def _file_to_read(file: Path | None, environment: Mapping[str, str]) -> Path | None:
    named = file or (Path(environment[FILE_VARIABLE]) if environment.get(FILE_VARIABLE) else None)
    if named is None:
        usual = _xdg("XDG_CONFIG_HOME", ".config") / "rejoinder.toml"
        return usual if usual.is_file() else None
    if not named.is_file():
        raise SettingsError(f"The settings file {named} isn't there.")
    return named


def _from_file(file: Path | None) -> dict[str, _Given]:
    if file is None:
        return {}
    try:
        text = file.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file}: not a TOML file that can be read: {error}") from error
    known = setting_names()
    given = {}
    for name, value in _flat(table):
        origin = f"{file}, line {_line_of(name, text)}"
        if name not in known:
            raise SettingsError(f"{origin}: there is no setting {name}.{_suggestion(name, known)}")
        given[name] = _Given(value, origin)
    return given


def _from_environment(environment: Mapping[str, str]) -> dict[str, _Given]:
    names = {variable_of(name): name for name in setting_names()}
    given = {}
    for variable, value in environment.items():
        if not variable.startswith(PREFIX) or variable in NOT_SETTINGS:
            continue
        if variable not in names:
            raise SettingsError(
                f"environment variable {variable}: there is no such setting.{_suggestion(variable, list(names))}"
            )
        if value:  # a container's file can't leave a variable out, only empty
            given[names[variable]] = _Given(value, f"environment variable {variable}")
    return given


def _suggestion(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f" Did you mean {close[0]}?" if close else ""


def _flat(table: Mapping[str, Any], section: str = "") -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{section}{key}.")
        else:
            yield section + key, value


def _nested(flat: Mapping[str, object]) -> dict[str, object]:
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        section, dot, field = name.partition(".")
        if dot:
            nested.setdefault(section, {})[field] = value
        else:
            nested[name] = value
    return nested


def _line_of(name: str, text: str) -> int:
    """The line where TOML text sets `section.field`; that of its section, or 1, if it is written in a rare way."""
    section, _, field = name.rpartition(".")
    current, found = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            current = stripped.strip("[]").split("]")[0].strip()
            found = number if current == section else found
            continue
        key = stripped.partition("=")[0].strip().replace('"', "").replace(" ", "")
        if (f"{current}.{key}" if current else key) == name or (key == field and current == section):
            return number
    return found


def _explain(error: ValidationError, given: Mapping[str, _Given]) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    path = [part for part in first["loc"] if isinstance(part, str)]
    name = ".".join(path[:2]) if ".".join(path[:2]) in given else path[0]
    entry = given.get(name)
    reason = first["msg"].removeprefix("Value error, ")
    shown = "" if entry is None or _is_secret(name) else f", not {entry.value!r}"
    where = f"{entry.origin}: " if entry else ""
    return f"{where}{name}: {reason[0].lower()}{reason[1:]}{shown}."


def _is_secret(name: str) -> bool:
    return name.endswith(("secret", "token", "dsn", "endpoint"))


def _look_up(settings: Settings, name: str) -> object:
    value: object = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value
