"""`schemas`: the Avro schemas of everything that is written to Kafka. Needs no instance."""

from typing import Annotated

import typer

from engine.errors import RejoinderError
from rejoinder import golden, schema_files
from rejoinder.cli.errors import BadInput
from rejoinder.cli.options import Json, group
from rejoinder.cli.terminal import print_json, print_table
from schemas import compatibility, files
from schemas.codec import fingerprint
from schemas.upcasting import UPCASTERS

app = group("Generate and check the Avro schemas.")


class Unreleasable(RejoinderError):
    """The schemas can't be released."""


@app.command("list")
def list_schemas(
    release: Annotated[str | None, typer.Option(help="Those of this release. Without it: today's.")] = None,
    json: Json = False,
) -> None:
    """List every record that is written to Kafka. With --json also its fingerprint, by which upcasters name a version.

    Example: rejoinder schemas list
    Example: rejoinder schemas list --release 0.1.0 --json
    """
    released = files.released()
    if release is not None and release not in released:
        raise BadInput(f"there is no release {release!r}; there are: {', '.join(released) or 'none'}")
    schemas = files.current() if release is None else released[release]
    lines = [
        {"record": name, "fields": len(schema["fields"]), "doc": " ".join(schema["doc"].split())}
        for name, schema in schemas.items()
    ]
    if json:
        versions = (fingerprint(schema).hex() for schema in schemas.values())
        return print_json(line | {"fingerprint": version} for line, version in zip(lines, versions, strict=True))
    print_table(("record", "fields", "what it is"), [list(line.values()) for line in lines])


@app.command()
def generate() -> None:
    """Write the .avsc files from the record types.

    Example: rejoinder schemas generate
    """
    schema_files.generate()
    print(f"{len(files.current())} schemas are in {files.CURRENT}.")


@app.command()
def check(json: Json = False) -> None:
    """Check that what every release wrote can be read. Ends with 1 if not.

    The .avsc files are those of the record types, and may follow every release. What a release wrote is as it was
    (its schemas, its golden log), and each of today's schemas has a record in a golden log.

    Example: rejoinder schemas check
    """
    problems = _problems()
    if json:
        print_json({"problem": problem} for problem in problems)
    elif not problems:
        count, releases = len(files.current()), len(files.released())
        print(f"{count} schemas agree with the record types, with their golden logs and with {releases} releases.")
    if problems:
        raise Unreleasable("\n".join([f"{len(problems)} problems with the schemas:", *problems]))


@app.command()
def release(version: Annotated[str, typer.Argument(help="The release's version, as 1.2.0.")]) -> None:
    """Keep today's schemas and the golden log as those of a release: whatever comes later has to read them.

    Example: rejoinder schemas release 0.1.0
    """
    if not files.is_version(version):
        raise BadInput(f"{version!r} is not a version of numbers and dots, such as 0.1.0")
    problems = [*_problems(), *golden.untold(files.current())]
    if problems:
        raise Unreleasable("\n".join(["these have to be mended before a release:", *problems]))
    try:
        folder = files.release(version)
    except FileExistsError as error:
        raise Unreleasable(
            f"release {version} is there already, and a release never changes: {files.RELEASED}"
        ) from error
    print(f"The schemas of {version} are in {folder}, its golden log is in {golden.freeze(version)}.")


def _problems() -> list[str]:
    current, released = files.current(), files.released()
    return [
        *schema_files.differences(),
        *map(str, compatibility.check(current, released, UPCASTERS)),
        *compatibility.check_upcasters(UPCASTERS, current, released),
        *golden.problems(current, released),
    ]
