"""Wrong usage ends with 2 and bad input with one sentence that names it; what needs no instance works without one."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from engine.errors import RejoinderError
from rejoinder.cli import COMMANDS, Commands, app
from rejoinder.cli.database import unique
from rejoinder.cli.errors import BadInput
from rejoinder.cli.ingesting import read
from rejoinder.cli.lifecycle import page

ROOT = Path(__file__).parent.parent.parent


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def call(*arguments: str, given: str | None = None) -> Ended:
    """Runs a command as `rejoinder` does."""
    result = CliRunner().invoke(app, arguments, input=given)
    if isinstance(result.exception, RejoinderError):
        return Ended(result.exception.exit_code, result.stdout, str(result.exception))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Ended(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(autouse=True)
def _no_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_be_loaded_and_has_the_summary_of_the_list(name: str) -> None:
    entry = COMMANDS[name]
    found = getattr(import_module(f"rejoinder.cli.{entry.module}"), entry.name)
    if not isinstance(found, typer.Typer):
        told = found.__doc__
    elif found.registered_callback is not None:  # it does something by itself too
        told = getattr(found.registered_callback.callback, "__doc__", None)
    else:
        told = found.info.help
    assert (told or "").startswith(entry.summary)
    assert Commands()[name].name == name


@pytest.mark.parametrize("name", [name for name, entry in COMMANDS.items() if not entry.hidden])
def test_every_command_has_help_with_an_example(name: str) -> None:
    command = Commands()[name]
    for inner in getattr(command, "commands", {name: command}).values():
        assert "\b\nExample: rejoinder " in inner.help, inner.name


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope"],
        ["trace"],
        ["report", "weather"],
        ["interactions", "--limit", "0"],
        ["agents", "set-state", "ann", "asleep"],
        ["agents", "add", "ann", "--capacity", "-1"],
        ["desk", "accept", "a.1"],
        ["policy", "show", "latest"],
        ["sql", "SELECT 1", "--timeout", "0"],
    ],
)
def test_wrong_usage_ends_with_2(arguments: Sequence[str]) -> None:
    ended = call(*arguments)
    assert ended.code == 2
    assert not ended.out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["interactions", "--state", "lost"], "--state is 'lost'"),
        (["interactions", "--channel", "fax"], "--channel is 'fax'"),
        (["interactions", "--account", "fax:1"], "--channel is 'fax'"),
        (["report", "agents", "--since", "yesterday"], "--since is 'yesterday'"),
        (["report", "agents", "--until", "2026-02-30"], "--until is '2026-02-30'"),
        (["report", "agents", "--by", "weather"], "can be counted by account, channel, queue, agent, policy"),
        (["report", "agents", "--where", "queue"], "--where is 'queue'"),
        (["report", "agents", "--where", "skill=billing"], "and by nothing else"),
        (["report", "agents", "--measure", "offered"], "has the measures assigned, not_accepted, answers"),
        (["report", "agents", "--open", "offered"], "has the measures assigned"),
        (["report", "agents", "--at", "2026-01-31"], "--at and --events belong to --open"),
        (["report", "agents", "--zone", "Atlantis"], "no such time zone"),
        (["report", "agents", "--output", "report.csv"], "a table is for the screen"),
        (["report", "agents", "--format", "csv", "--output", "nowhere/report.csv"], "there is no folder"),
        (["trace", "a.1", "--at-sequence", "3"], "give --state too"),
        (["trace", "@ann", "--state"], "--state is of one interaction"),
        (["trace", "a.1", "--state", "--at-sequence", "3", "--as-of", "2026-01-31"], "exclude each other"),
        (["schemas", "list", "--release", "0.0.0"], "there is no release '0.0.0'"),
        (["schemas", "release", "not a version"], "is not a version"),
        (["dead-letters", "show", "17"], "'17' names no dead letter"),
        (["search", "parcel", "--ranked", "--after", "m"], "leave --ranked out"),
        (["search", "x" * 501], "at most 500 characters"),
        (["search", "parcel", "--from", "yesterday"], "--from is 'yesterday'"),
        (["search", "parcel", "--account", "fax:1"], "--channel is 'fax'"),
        (["contacts", "show", "c", "--as-of", "then"], "--as-of is 'then'"),
        (["audit", "reads", "--to", "then"], "--to is 'then'"),
        (["desk", "transfer", "a.1", "--agent", "ann"], "--queue or --to"),
        (["desk", "transfer", "a.1", "--agent", "ann", "--queue", "q", "--to", "ben"], "--queue or --to"),
        (["dead-letters", "redrive"], "give --all"),
        (["dead-letters", "redrive", "3@1", "--all"], "not both"),
        (["dead-letters", "redrive", "seventeen"], "3@17"),
        (["dead-letters", "redrive", "3@1", "--code", "undecidable"], "with --all"),
        (["dead-letters", "redrive", "--all", "--again"], "letters that are named"),
        (["dead-letters", "redrive", "--all", "--since", "yesterday"], "--since"),
        (["dead-letters", "redrive", "--all", "--why", "two\nlines"], "--why"),
        (["dead-letters", "discard", "3@1"], "--why"),
    ],
)
def test_a_bad_value_is_named_before_anything_is_asked(arguments: Sequence[str], named: str) -> None:
    ended = call(*arguments)
    assert (ended.code, named in ended.err) == (2, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["interactions"],
        ["contacts"],
        ["contacts", "show", "c"],
        ["search", "parcel"],
        ["audit", "reads"],
        ["trace", "@ann"],
        ["report", "interactions"],
        ["sql"],
        ["topics", "list"],
        ["policy", "versions"],
        ["agents", "list"],
        ["agents", "set-state", "ann", "ready"],
        ["emergency", "on", "x:1"],
        ["desk", "accept", "a.1", "--agent", "ann"],
        ["dead-letters", "list"],
        ["dead-letters", "redrive", "3@17"],
    ],
)
def test_without_an_instance_a_command_ends_with_3_and_says_what_to_do(
    arguments: Sequence[str], tmp_path: Path
) -> None:
    ended = call(*arguments)
    assert ended.code == 3
    assert str(tmp_path / "rejoinder") in ended.err
    assert "rejoinder up" in ended.err


def test_a_new_policy_is_valid_and_is_not_written_over(tmp_path: Path) -> None:
    file = str(tmp_path / "policy.yaml")
    assert call("policy", "init", file).code == 0
    assert call("policy", "init", file).code == 1
    assert call("policy", "init", file, "--force").code == 0
    assert call("policy", "validate", file).out.startswith(f"{file} can be published: 1 accounts")
    assert call("policy", "init", "-").out == Path(file).read_text()


def test_a_bad_policy_ends_with_2_and_names_file_line_column_and_field(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(call("policy", "init", "-").out.replace("queue: care  ", "queue: cares "))
    ended = call("policy", "validate", str(file))
    assert ended.code == 2
    assert f"{file}:17:12: accounts[0].queue: there is no queue 'cares'; there are: care, messages, urgent" in ended.err
    (line,) = call("policy", "validate", str(file), "--json").out.splitlines()
    assert {"file": str(file), "line": 17, "column": 12, "field": "accounts[0].queue"}.items() <= json.loads(
        line
    ).items()


def test_a_policy_that_a_platform_forbids_is_refused_with_the_name_of_the_rule(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(call("policy", "init", "-").out.replace("mode: suggest  ", "mode: automatic"))
    ended = call("policy", "validate", str(file))
    assert ended.code == 2
    assert "filters[3].mode: x_automatic_like: X allows no automatic likes" in ended.err
    file.write_text(
        file.read_text().replace("handle: AcmeCare ", "platform_permission: granted\n    handle: AcmeCare ")
    )
    assert call("policy", "validate", str(file)).code == 0


def test_two_files_of_policies_are_compared_without_an_instance(tmp_path: Path) -> None:
    before, after = tmp_path / "before.yaml", tmp_path / "after.yaml"
    before.write_text(call("policy", "init", "-").out)
    after.write_text(
        before.read_text().replace("retry_for: 1h", "retry_for: 2h").replace("- name: spam", "- name: ads")
    )
    ended = call("policy", "diff", str(before), str(after))
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["- filters[spam]", "+ filters[ads]", "~ retry_for"]
    assert lines[-1] == '~ retry_for: "1h" → "2h"'
    (*_, told) = call("policy", "diff", str(before), str(after), "--json").out.splitlines()
    assert json.loads(told) == {"field": "retry_for", "before": "1h", "after": "2h"}
    assert call("policy", "diff", str(before), str(before)).out == ""


def test_the_json_schema_of_a_policy_is_printed_as_it_is_published() -> None:
    assert call("policy", "schema").out == (ROOT / "docs/reference/policy.schema.json").read_text("utf-8")


def test_the_schemas_are_checked_without_an_instance() -> None:
    ended = call("schemas", "check")
    assert (ended.code, ended.out.endswith("releases.\n")) == (0, True)
    records = [json.loads(line) for line in call("schemas", "list", "--json").out.splitlines()]
    assert "rejoinder.interaction.events.Queued" in {record["record"] for record in records}
    released = call("schemas", "list", "--release", "0.1.0", "--json").out.splitlines()
    assert {len(json.loads(line)["fingerprint"]) for line in released} == {64}


def test_the_page_of_the_lifecycle_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "lifecycle.md"
    assert call("lifecycle", "--check", str(file)).code == 2
    assert call("lifecycle", "--write", str(file)).code == 0
    assert call("lifecycle", "--check", str(file)).code == 0
    file.write_text(file.read_text().replace("queued", "waiting"))
    assert call("lifecycle", "--check", str(file)).code == 1
    assert call("lifecycle").out.startswith("stateDiagram-v2")


def test_the_page_of_the_lifecycle_is_up_to_date() -> None:
    assert (ROOT / "docs" / "reference" / "lifecycle.md").read_text() == page()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{\n", "line 1: not JSON"),
        ('{"for_user_id": "1"}\n[]\n', "line 2: has to be an object"),
        ('{"kind": "letter"}\n', "line 1: `kind` is 'letter'"),
        ('{"kind": "webhook", "channel": "x"}\n', "line 1: `body` has to be"),
        ('{"kind": "webhook", "channel": "fax", "body": {}}\n', "line 1: `channel` is 'fax'"),
        ('{"kind": "agent_reply"}\n', "there is no webhook in it"),
        ('{"kind": "said"}\n', "there is no webhook in it"),
        ("[" * 100_000, "line 1: not JSON"),
    ],
)
def test_a_bad_file_of_webhooks_names_file_line_and_field(text: str, named: str) -> None:
    with pytest.raises(BadInput, match=r"^webhooks\.jsonl") as caught:
        read("webhooks.jsonl", text)
    assert named in str(caught.value)


def test_columns_of_the_same_name_are_told_apart() -> None:
    assert unique(["count", "a", "count", "count"]) == ["count", "a", "count_2", "count_3"]


def rejoinder(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "rejoinder", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )


def test_help_loads_none_of_the_heavy_libraries() -> None:
    heavy = ("rich", "psycopg", "confluent_kafka", "pydantic", "httpx", "yaml")
    code = f"import sys, rejoinder.__main__; print([name for name in {heavy} if name in sys.modules])"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
    )
    assert ended.stdout == "[]\n"


def test_an_error_is_one_line_on_standard_error_and_a_status() -> None:
    ended = rejoinder("trace", "@ann", "--data", "/nonexistent/here")
    assert ended.returncode == 3
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("rejoinder: No instance runs on /nonexistent/here")
    assert ended.stdout == ""


@pytest.mark.parametrize("arguments", [["schemas", "list"], ["schemas", "list", "--json"], ["lifecycle"], ["--help"]])
def test_output_that_nobody_reads_any_more_ends_quietly(arguments: Sequence[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "rejoinder", *arguments],
            stdout=writer, stderr=subprocess.PIPE, cwd=ROOT, env=environment, timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(writer)
    assert ended.stderr == b""
    assert ended.returncode == 1
