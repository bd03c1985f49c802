"""What the projections make of every golden log, on a real PostgreSQL: the rows that they made."""

import pytest

from rejoinder import golden
from tests.golden import outcomes

LOGS = golden.logs()


@pytest.mark.parametrize("version", LOGS)
def test_the_projections_of_a_golden_log_have_the_rows_that_they_had(version: str, database: str) -> None:
    folder = LOGS[version]
    found = outcomes.rows(golden.read(folder / golden.LOG), database)
    kept = outcomes.kept(folder / outcomes.ROWS)
    assert {of.partition(" ")[0] for of in kept} >= {"audit.events", "reporting.fct_interaction"}
    assert outcomes.differences(kept, found) == []
