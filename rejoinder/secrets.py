"""The secrets: given by the settings, or made once and kept in the data folder; and who needs which. Never logged."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rejoinder.files import write_atomically
from rejoinder.sections import SettingsError
from rejoinder.settings import Settings, variable_of

NEEDED: Final[Mapping[str, frozenset[str]]] = {
    "engine": frozenset({"audit.secret"}),
    "projector": frozenset({"postgres.dsn"}),
    "live": frozenset({"postgres.dsn"}),
    "delivery": frozenset({"home.secret", "x.consumer_secret", "x.client_secret", "meta.app_secret"}),
    "web": frozenset(
        {"home.secret", "postgres.reader_dsn", "x.consumer_secret", "meta.app_secret", "meta.verify_token"}
    ),
    "simulator": frozenset({"x.consumer_secret", "meta.app_secret", "meta.verify_token"}),
    "player": frozenset({"home.secret", "postgres.dsn"}),
}
"""The secrets that each program of an instance works with, by the settings' names. It is given no others, and a program
that does not stand here is given none."""


def needed_by(program: str, settings: Settings) -> frozenset[str]:
    """The secrets that a program needs under these settings."""
    needed = NEEDED.get(program, frozenset())
    if settings.postgres.reader_dsn is None and "postgres.reader_dsn" in needed:
        needed |= {"postgres.dsn"}
    if program == "simulator":  # a real platform's are none of its business
        real = [section for section in ("x", "meta") if not getattr(settings, section).simulated]
        needed = frozenset(name for name in needed if name.partition(".")[0] not in real)
    return needed


def home_secret(settings: Settings) -> bytes:
    """The permanent secret behind people's keys (engine.envelope.home).

    Beside an embedded Kafka it is made on the first start. An outside Kafka has other machines beside this one,
    which need the same: there it must be set. Raises SettingsError.
    """
    if settings.home.secret is not None:
        return settings.home.secret.get_secret_value().encode()
    if settings.kafka.bootstrap is not None:
        raise SettingsError(
            "home.secret must be set where kafka.bootstrap names an outside Kafka: every machine needs the same, for "
            f"ever. Make one with `python3 -c 'import secrets; print(secrets.token_hex())'` and set "
            f"{variable_of('home.secret')}."
        )
    return kept_secret(settings, "home").encode()


def audit_secret(settings: Settings) -> bytes:
    """The permanent secret behind the writers' keys (rejoinder.signing). Raises SettingsError, as `home_secret`.

    One of its own keeps those apart who read webhooks, and need the home secret, and those who write the log.
    """
    given = settings.audit.secret
    return home_secret(settings) if given is None else given.get_secret_value().encode()


def kept_secret(settings: Settings, name: str) -> str:
    """The secret `name` of this data folder, made when it is first asked for."""
    file = secrets_folder(settings) / name
    if not file.exists():
        write_atomically(file, secrets.token_hex(32))
    return file.read_text().strip()  # an editor may have added a line end


def secrets_folder(settings: Settings) -> Path:
    """Where they lie, open to the owner only."""
    folder = settings.data / "secrets"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
