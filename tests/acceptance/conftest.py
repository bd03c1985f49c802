"""One running company for all acceptance tests of a session."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.acceptance.company import Company, running


@pytest.fixture(scope="session")
def company(kafka: str, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Everything, running."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier("acceptance")))
    dsn = make_conninfo(postgres, dbname="acceptance")
    with running(tmp_path_factory.mktemp("company"), kafka, dsn, "acceptance.") as found:
        yield found
