"""`policy`: what the business sets."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from engine.delivery import PolicyVersion
from engine.errors import RejoinderError
from engine.policy.document import Policy
from rejoinder import policy_diff, policy_file, policy_schema
from rejoinder.cli.errors import BadInput, NotFound
from rejoinder.cli.options import Config, Data, Json, group
from rejoinder.cli.terminal import clean, print_json, print_table, tell

app = group("Write, check, publish and show the policy.")
File = Annotated[Path, typer.Argument(help="The policy, YAML.")]
DEFAULT_FILE: Final = Path("policy.yaml")


class Exists(RejoinderError):
    """The file is there already."""


@app.command()
def init(
    file: Annotated[Path, typer.Argument(help="Where it is written; - for standard output.")] = DEFAULT_FILE,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write a policy to begin with; comments explain each part.

    Example: rejoinder policy init policy.yaml
    """
    if str(file) == "-":
        print(policy_file.STARTER, end="")
        return
    try:
        with file.open("w" if force else "x", encoding="utf-8") as opened:
            opened.write(policy_file.STARTER)
    except FileExistsError as error:
        raise Exists(f"{file} is there already: choose another name, or write over it with --force") from error
    except OSError as error:
        raise BadInput(f"{file} can't be written: {error.strerror}") from error
    tell(f"{file} is written: change it, and check it with `rejoinder policy validate {file}`.")


@app.command()
def validate(file: File = DEFAULT_FILE, json: Json = False) -> None:
    """Check a policy, and list everything that is wrong with file, line, column and field. Ends with 2 if anything is.

    Example: rejoinder policy validate policy.yaml
    """
    try:
        found = policy_file.read(file)
    except policy_file.BadPolicy as error:
        if json:
            print_json({"file": error.file, **asdict(each)} for each in error.problems)
        raise
    if not json:
        print(
            f"{file} can be published: {len(found.accounts)} accounts, {len(found.queues)} queues, "
            f"{len(found.filters)} filters, {len(found.notices)} notices."
        )


@app.command()
def publish(
    file: File = DEFAULT_FILE,
    by: Annotated[str | None, typer.Option(help="Who publishes it, for the log; else the user's name.")] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Put a policy in force in the running instance. The same policy once more changes nothing.

    Example: rejoinder policy publish policy.yaml
    """
    from rejoinder.cli import publishing  # noqa: PLC0415  # the others need no Kafka

    version, is_new = publishing.publish(policy_file.read(file), by, data, config)
    if json:
        return print_json([{"version": version.version, "new": is_new}])
    print(f"Version {version.version} is {'published' if is_new else 'in force already, and the same'}.")


@app.command()
def versions(json: Json = False, data: Data = None, config: Config = None) -> None:
    """List every version that was published.

    Example: rejoinder policy versions
    """
    found = [_line(each) for each in _versions(data, config)]
    if json:
        return print_json(found)
    print_table(("version", "published (UTC)", "by", "name"), [list(line.values()) for line in found])
    if not found:
        tell("No policy was published yet: see `rejoinder policy publish --help`.")


@app.command()
def show(
    version: Annotated[int | None, typer.Argument(help="Which version; else the latest.")] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Show a published policy as YAML, or as JSON with --json.

    Example: rejoinder policy show 3 > policy.yaml
    """
    policy = _published(_versions(data, config), version)
    if json:
        return print_json([policy])
    print(clean(policy_file.to_yaml(policy), newlines=True), end="")


@app.command()
def diff(
    before: Annotated[str, typer.Argument(help="A version, or a file.")],
    after: Annotated[str, typer.Argument(help="Another one.")],
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Show field by field what two policies differ in: two versions, or a version and a file before it is published.

    Example: rejoinder policy diff 3 policy.yaml
    """
    known = _versions(data, config) if before.isdecimal() or after.isdecimal() else []
    one, other = (
        _published(known, int(name)) if name.isdecimal() else policy_file.read(Path(name)) for name in (before, after)
    )
    found = policy_diff.differences(one, other)
    if json:
        return print_json(asdict(each) for each in found)
    for each in found:
        print(clean(_told(each)))
    if not found:
        tell("They are the same.")


@app.command()
def schema() -> None:
    """Print the JSON Schema of a policy, for editors: docs/reference/policy.schema.json is the same.

    Example: rejoinder policy schema > policy.schema.json
    """
    print(policy_schema.text(), end="")


def _versions(data: Data, config: Config) -> list[PolicyVersion]:
    from rejoinder.cli.publishing import published  # noqa: PLC0415  # as above

    return published(data, config)


def _published(known: list[PolicyVersion], version: int | None) -> Policy:
    """A version, else the latest; as it is, whatever is asked of a policy today."""
    found = next((each for each in reversed(known) if version is None or each.version == version), None)
    if found is None:
        there_are = ", ".join(str(each.version) for each in known) or "none"
        raise NotFound(
            f"there is no version {'' if version is None else version} of the policy; there are: {there_are}"
        )
    return msgspec.json.decode(found.document, type=Policy)


def _told(each: policy_diff.Difference) -> str:
    """A difference on one line."""
    if each.before is None:
        return f"+ {each.field}: {_shown(each.after)}"
    if each.after is None:
        return f"- {each.field}: {_shown(each.before)}"
    return f"~ {each.field}: {_shown(each.before)} → {_shown(each.after)}"


def _shown(value: Any) -> str:
    """A value on one line; of a whole part what it says."""
    given = {name: each for name, each in value.items() if each} if isinstance(value, dict) else value
    return msgspec.json.encode(given).decode()


def _line(version: PolicyVersion) -> dict[str, Any]:
    name = msgspec.json.decode(version.document).get("name")
    at = datetime.fromtimestamp(version.published_at / 1000, UTC)
    return {"version": version.version, "published_at": at, "published_by": version.published_by, "name": name}
