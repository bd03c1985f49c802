"""The secrets: given by the settings, or made once and kept in the data folder. Never logged."""

import secrets
from pathlib import Path

from rejoinder.files import write_atomically
from rejoinder.sections import SettingsError
from rejoinder.settings import Settings, variable_of


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
