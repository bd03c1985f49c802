"""The settings: an option beats the environment, that beats the file, that beats the default.

A setting's name is `section.field`: `kafka.bootstrap` stands in the file as `bootstrap` under `[kafka]`, and in the
environment as REJOINDER_KAFKA_BOOTSTRAP.
"""

import difflib
import os
import tomllib
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import Field, PrivateAttr, SecretStr, ValidationError

from rejoinder.sections import (
    Accounts,
    Audit,
    Erasure,
    Folder,
    Home,
    Kafka,
    Log,
    Maven,
    Meta,
    Metrics,
    Postgres,
    Registry,
    Section,
    SettingsError,
    Time,
    Topics,
    Tracing,
    Web,
    Workers,
    X,
)

PREFIX: Final = "REJOINDER_"
FILE_VARIABLE: Final = "REJOINDER_CONFIG"
READY_VARIABLE: Final = "REJOINDER_READY_FILE"  # set by the supervisor for its programs; see rejoinder.instance
LISTENS_VARIABLE: Final = "REJOINDER_LISTENS"  # set by the supervisor for its programs; see rejoinder.listening
NOT_SETTINGS: Final = frozenset({FILE_VARIABLE, READY_VARIABLE, LISTENS_VARIABLE})


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
    audit: Audit = Audit()
    erasure: Erasure = Erasure()
    accounts: Accounts = Accounts()
    x: X = X()
    meta: Meta = Meta()
    maven: Maven = Maven()

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    def origin_of(self, name: str) -> str:
        """Where the setting `section.field` was set: a file's line, a variable, an option, or the default."""
        return self._origins.get(name, "the default")

    def environment(self, secrets: Container[str] | None = None) -> dict[str, str]:
        """The variables that give another process of ours these same settings.

        secrets: of the secrets only these, by the setting's name; None: all.
        """
        found = {}
        for name in setting_names():
            value = _look_up(self, name)
            if isinstance(value, SecretStr):
                if secrets is None or name in secrets:
                    found[variable_of(name)] = value.get_secret_value()
            elif value is not None:
                found[variable_of(name)] = str(value)
        return found


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
    REJOINDER_CONFIG; else rejoinder.toml in the user's configuration folder is read if there is one. A program that a
    supervisor started reads none: it was given what it is to know.
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
    if file is None and environment.get(READY_VARIABLE):
        return None
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
