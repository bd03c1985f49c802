"""Whether a program can reach what it needs."""

from collections.abc import Callable

from engine.errors import RejoinderError
from rejoinder.observing.health import Asked, Check, Health
from rejoinder.outside import check_kafka, check_postgres
from rejoinder.settings import Settings


def reaches(settings: Settings, bootstrap: str, health: Health) -> None:
    """The program is not ready while it can't reach Kafka and PostgreSQL."""
    dsn = settings.postgres.reader_dsn or settings.postgres.dsn
    health.needs("kafka", _check(lambda: check_kafka(bootstrap, settings)))
    if dsn is not None:
        health.needs("postgres", _check(lambda: check_postgres(dsn.get_secret_value(), settings)))


def _check(reach: Callable[[], None]) -> Check:
    def check() -> str | None:
        try:
            reach()
        except RejoinderError as error:
            return str(error)
        return None

    return Asked(check)
