"""Asks an outside Kafka or PostgreSQL for a sign of life, so that nothing starts towards one that isn't there."""

from typing import Final

import psycopg
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from psycopg.conninfo import conninfo_to_dict

from engine.errors import RejoinderError
from rejoinder.settings import Settings

KAFKA_TIMEOUT_SECONDS: Final = 5.0
POSTGRES_TIMEOUT_SECONDS: Final = 4  # for each address of the host, and a name usually has two


class Unreachable(RejoinderError):
    """An outside service does not answer."""


def check_kafka(bootstrap: str, settings: Settings) -> None:
    """Raises Unreachable, within 10 s, if no broker answers."""
    reasons: list[str] = []

    def note(error: KafkaError) -> None:
        reasons.append(error.str())

    admin = AdminClient({"bootstrap.servers": bootstrap, "error_cb": note, "log_level": 0})  # type: ignore[dict-item]
    try:
        admin.list_topics(timeout=KAFKA_TIMEOUT_SECONDS)
    except KafkaException as error:
        reason = reasons[0] if reasons else error.args[0].str()
        raise Unreachable(
            f"No Kafka answers at {bootstrap} (kafka.bootstrap, from {settings.origin_of('kafka.bootstrap')}): {reason}"
        ) from error


def check_postgres(dsn: str, settings: Settings) -> None:
    """Raises Unreachable, within 10 s, if the database can't be entered. Never shows the password."""
    try:
        psycopg.connect(dsn, connect_timeout=POSTGRES_TIMEOUT_SECONDS).close()
    except psycopg.OperationalError as error:
        parts = conninfo_to_dict(dsn)
        address = f"{parts.get('host', 'the local socket')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"
        raise Unreachable(
            f"No PostgreSQL answers at {address} (postgres.dsn, from {settings.origin_of('postgres.dsn')}): "
            f"{str(error).strip().splitlines()[-1]}"
        ) from error
