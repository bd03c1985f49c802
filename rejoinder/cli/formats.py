"""Lines as a program reads them: JSON lines, CSV or Parquet, on standard output or in a file."""

import csv
import io
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Literal

from rejoinder.cli.errors import BadInput
from rejoinder.cli.terminal import json_lines

Format = Literal["table", "csv", "json", "parquet"]
"""`table` is for people: the terminal's width decides how much of it there is."""
_MISSING: Final = "{what} needs the package {package}, which is not there: pip install 'rejoinder[{extra}]'"


def check(form: Format, output: Path | None) -> None:
    """Says what can't be written, before anything is asked. Raises BadInput."""
    if form == "table" and output is not None:
        raise BadInput("--output is for --format csv, json or parquet: a table is for the screen")
    if output is not None and not output.absolute().parent.is_dir():
        raise BadInput(f"--output is {output}: there is no folder {output.absolute().parent}")
    if form == "parquet":
        needed("pyarrow.parquet", "--format parquet", "parquet")
        if output is None and sys.stdout.isatty():
            raise BadInput("Parquet is nothing for a screen: name a file with --output")


def write(form: Format, lines: Sequence[Mapping[str, Any]], output: Path | None) -> None:
    """Writes lines of the same columns."""
    match form:
        case "csv":
            made = _csv(lines)
        case "parquet":
            made = _parquet(lines)
        case _:
            made = json_lines(lines)
    if output is not None:
        try:
            output.write_bytes(made)
        except OSError as error:
            raise BadInput(f"--output is {output}, which can't be written: {error.strerror}") from error
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(made)
    sys.stdout.buffer.flush()


def needed(module: str, what: str, extra: str) -> ModuleType:
    """A module of an optional dependency. Raises BadInput that says how to get it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        raise BadInput(_MISSING.format(what=what, package=package, extra=extra)) from error


def _csv(lines: Sequence[Mapping[str, Any]]) -> bytes:
    """RFC 4180, with a head; what is unknown is empty, times are ISO 8601."""
    text = io.StringIO(newline="")
    if lines:
        out = csv.writer(text)
        out.writerow(lines[0])
        out.writerows([_plain(value) for value in line.values()] for line in lines)
    return text.getvalue().encode()


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _parquet(lines: Sequence[Mapping[str, Any]]) -> bytes:
    arrow, parquet = needed("pyarrow", "--format parquet", "parquet"), needed("pyarrow.parquet", "", "parquet")
    out = io.BytesIO()
    parquet.write_table(arrow.Table.from_pylist([dict(line) for line in lines]), out)
    return out.getvalue()
