"""Commands where no instance of this machine runs: on the outside Kafka and PostgreSQL that the settings name."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.errors import RejoinderError
from rejoinder.cli import app
from rejoinder.cli.errors import NotFound
from rejoinder.cli.instances import running_instance
from rejoinder.settings import variable_of
from tests.processing import POLICY, deployed


@pytest.fixture
def outside(kafka: str, database: str, topic_prefix: str, tmp_path: Path) -> dict[str, str]:
    """The settings, as variables."""
    deployed(kafka, topic_prefix)
    given = {
        "data": str(tmp_path / "nothing"), "kafka.bootstrap": kafka, "postgres.dsn": database,
        "topics.prefix": topic_prefix, "home.secret": "s" * 32,
    }  # fmt: skip
    return {variable_of(name): value for name, value in given.items()}


def call(settings: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    result = CliRunner(env=settings).invoke(app, arguments)
    if isinstance(result.exception, RejoinderError):
        return result.exception.exit_code, result.stdout, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_status_tells_how_far_the_programs_elsewhere_are(outside: dict[str, str]) -> None:
    code, out, _ = call(outside, "status", "--json")
    (found,) = [json.loads(line) for line in out.splitlines()]
    assert found["kafka"] == outside["REJOINDER_KAFKA_BOOTSTRAP"]
    assert (found["pid"], found["data"], found["started_at"], found["programs"]) == (None, None, None, [])
    assert {lag["kind"] for lag in found["lag"]} >= {"processor"}
    assert code == 1  # nobody has built the projections, and that is said
    assert found["failures"]
    assert "none of this machine" in call(outside, "status")[1]


def test_the_policy_in_force_is_shown_and_its_accounts_are_checked(outside: dict[str, str]) -> None:
    code, out, _ = call(outside, "policy", "versions", "--json")
    assert (code, [json.loads(line)["name"] for line in out.splitlines()]) == (0, [POLICY.name])
    code, out, _ = call(outside, "accounts", "check", "--json")
    assert code == 1
    assert [(each["account"], each["state"]) for each in map(json.loads, out.splitlines())] == [("x:9", "missing")]


def test_what_is_read_from_the_projections_says_that_they_are_not_there_yet(outside: dict[str, str]) -> None:
    code, _, err = call(outside, "agents", "list")
    assert (code, "the projections are not there yet" in err) == (1, True)


@pytest.mark.parametrize("missing", ["kafka.bootstrap", "postgres.dsn"])
def test_with_one_of_them_alone_there_is_no_instance(
    outside: dict[str, str], missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in outside.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv(variable_of(missing))
    with pytest.raises(NotFound, match="rejoinder up"):
        running_instance(None)
