"""Which running instance a command asks, and the way to its Kafka and its PostgreSQL."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from engine.errors import RejoinderError
from rejoinder.cli.errors import NotFound
from rejoinder.instance import ELSEWHERE, Instance, NotRunning, find_instance
from rejoinder.settings import Settings, load

DEMO_DATA: Final = "demo"
LOOPBACK: Final = "127.0.0.1"
CONNECT_TIMEOUT: Final = 5
"""Seconds."""


class NotReadable(RejoinderError):
    """The projections can't be read."""


def settings_for(data: Path | None, config: Path | None = None, **options: object) -> Settings:
    """The settings of a command; options are by setting's name with `__` for the dot."""
    named = {name.replace("__", "."): value for name, value in options.items()}
    return load({"data": None if data is None else str(data), **named}, file=config)


def demo_folder(settings: Settings) -> Path:
    """The demo's own folder, beside the usual one."""
    return settings.data.with_name(f"{settings.data.name}-{DEMO_DATA}")


def running_instance(data: Path | None, config: Path | None = None) -> tuple[Settings, Instance]:
    """The instance that a command asks: that of --data, else of the usual folder, else the demo's. And its settings.

    Where none runs, and the settings name both an outside Kafka and an outside PostgreSQL, it is the one that works on
    those, wherever its programs run.

    Raises:
        NotFound: none runs there.
    """
    settings = settings_for(data, config)
    folders = [settings.data] if data is not None else [settings.data, demo_folder(settings)]
    reasons: list[str] = []
    for folder in folders:
        try:
            return settings.model_copy(update={"data": folder}), find_instance(folder)
        except NotRunning as error:
            reasons.append(str(error))
    outside = _elsewhere(settings)
    if outside is None:
        raise NotFound(reasons[0])
    return settings, outside


def _elsewhere(settings: Settings) -> Instance | None:
    kafka, postgres, reader = settings.kafka.bootstrap, settings.postgres.dsn, settings.postgres.reader_dsn
    if kafka is None or postgres is None:
        return None
    return Instance(
        pid=ELSEWHERE,
        identity="",
        data=str(settings.data),
        started_at=0,
        bootstrap=kafka,
        dsn=postgres.get_secret_value(),
        reader_dsn=reader.get_secret_value() if reader else None,
        embedded_kafka=False,
        embedded_postgres=False,
    )


@contextmanager
def reading(instance: Instance, owner: bool = False) -> Iterator["psycopg.Connection[Any]"]:
    """A connection to the projections that only reads. `owner`: also what the reader may not, as the positions.

    Raises:
        NotReadable: PostgreSQL can't be reached, or there are no projections yet; said in one line.
    """
    dsn = instance.dsn if owner else instance.reader_dsn or instance.dsn
    try:
        with psycopg.connect(dsn, connect_timeout=CONNECT_TIMEOUT, application_name="rejoinder") as connection:
            connection.read_only = True
            yield connection
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName, psycopg.errors.UndefinedColumn) as error:
        raise NotReadable(
            "the projections are not there yet, or were built by another version; `rejoinder status` tells how far "
            f"they are ({first_line(error)})"
        ) from error
    except psycopg.Error as error:
        raise NotReadable(f"PostgreSQL at {address_of(dsn)} failed: {first_line(error)}") from error


def webhooks_of(facts: Mapping[str, object]) -> list[str]:
    """The addresses on this machine under which a web program takes webhooks, by what it said of itself."""
    host = str(facts.get("host", LOOPBACK))
    shown = {"0.0.0.0": LOOPBACK, "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return [f"http://{shown}:{facts['port']}{path}" for path in str(facts.get("webhooks", "")).split()]


def address_of(dsn: str) -> str:
    """Host, port and database of a DSN; never its password."""
    parts = conninfo_to_dict(dsn)
    return f"{parts.get('host', 'the local socket')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"


def first_line(error: BaseException) -> str:
    """An error's text, on one line."""
    return " ".join(str(error).split()) or type(error).__name__
