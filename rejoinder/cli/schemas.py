"""`schemas`: the Avro schemas of everything that is written to Kafka. Needs no instance."""

from typing import Annotated

import typer

from engine.errors import RejoinderError
from rejoinder import schema_files
from rejoinder.cli.errors import BadInput
from rejoinder.cli.options import Json, group
from rejoinder.cli.terminal import print_json, print_table
from schemas import compatibility, files

app = group("Generate and check the Avro schemas.")


class Unreleasable(RejoinderError):
    """The schemas can't be released."""


@app.command("list")
def list_schemas(json: Json = False) -> None:
    """List every record that is written to Kafka.

    Example: rejoinder schemas list
    """
    lines = [
        {"record": name, "fields": len(schema["fields"]), "doc": " ".join(schema["doc"].split())}
        for name, schema in files.current().items()
    ]
    if json:
        return print_json(lines)
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
    """Check that the .avsc files are those of the record types, and may follow every release. Ends with 1 if not.

    Example: rejoinder schemas check
    """
    problems = _problems()
    if json:
        print_json({"problem": problem} for problem in problems)
    elif not problems:
        releases = len(files.released())
        print(f"{len(files.current())} schemas agree with the record types and with {releases} releases.")
    if problems:
        raise Unreleasable("\n".join([f"{len(problems)} problems with the schemas:", *problems]))


@app.command()
def release(version: Annotated[str, typer.Argument(help="The release's version, as 1.2.0.")]) -> None:
    """Keep today's schemas as those of a release: later ones have to read them and be read by them.

    Example: rejoinder schemas release 0.1.0
    """
    problems = _problems()
    if problems:
        raise Unreleasable("\n".join(["these have to be mended before a release:", *problems]))
    try:
        folder = files.release(version)
    except FileExistsError as error:
        raise Unreleasable(
            f"release {version} is there already, and a release never changes: {files.RELEASED}"
        ) from error
    except ValueError as error:
        raise BadInput(str(error)) from error
    print(f"The schemas of {version} are in {folder}.")


def _problems() -> list[str]:
    return [*schema_files.differences(), *map(str, compatibility.check(files.current(), files.released()))]
