"""Writes the golden log of the release to come, and what comes of every golden log today: `make golden`.

With --outcomes only the latter: for changes of the code that are meant to change what comes of the logs.
"""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from rejoinder import golden
from rejoinder.embedded.postgres import EmbeddedPostgres
from rejoinder.schema_files import record_types
from schemas import files
from tests.golden import outcomes
from tests.golden.story import told


def write(directory: Path) -> None:
    """The log of the release to come, under the ids of a codec without a registry (schemas.codec.Codec.local)."""
    current = files.current()
    schemas = dict(enumerate((current[name] for name in sorted(record_types())), start=1))
    file = directory / golden.NEXT / golden.LOG
    file.parent.mkdir(parents=True, exist_ok=True)
    golden.write(file, schemas, told().log)


@contextmanager
def _postgres() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="golden") as folder:
        root = Path(folder)
        (root / "secrets").mkdir()
        service = EmbeddedPostgres(root / "postgres", root / "logs", root / "secrets")
        service.prepare()
        child = service.spawn()
        try:
            service.wait_ready(child)
            yield service.dsn
        finally:
            child.stop(service.stop_grace_seconds)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make golden", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--outcomes", action="store_true", help="leave the log as it is")
    if not parser.parse_args().outcomes:
        write(golden.GOLDEN)
    with _postgres() as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        for number, (version, folder) in enumerate(golden.logs().items()):
            log, name = golden.read(folder / golden.LOG), f"golden_{number}"
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            found = {
                outcomes.STATE: outcomes.state(log),
                outcomes.AGAIN: outcomes.again(log),
                outcomes.ROWS: outcomes.rows(log, make_conninfo(dsn, dbname=name)),
            }
            changed = [file for file, outcome in found.items() if outcomes.save(folder / file, outcome)]
            print(f"{version}: {len(log.records)} records; {', '.join(changed) or 'nothing'} changed")


if __name__ == "__main__":
    main()
