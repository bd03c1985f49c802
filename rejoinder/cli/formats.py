"""Lines as a program reads them: JSON lines, CSV or Parquet, on standard output or in a file."""

import csv
import io
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Literal

from rejoinder.cli.errors import BadInput
from rejoinder.cli.terminal import json_lines

Format = Literal["table", "csv", "json", "parquet"]
"""`table` is for people: the terminal's width decides how much of it there is."""


EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
Columns = Mapping[str, type]
"""Columns by their names, and what they hold: int, float, str or datetime, or nothing."""


def check(form: Format, output: Path | None) -> None:
    """Says what can't be written, before anything is asked. Raises BadInput."""
    if form == "table" and output is not None:
        raise BadInput("--output is for --format csv, json or parquet: a table is for the screen")
    if output is not None and not output.absolute().parent.is_dir():
        raise BadInput(f"--output is {output}: there is no folder {output.absolute().parent}")
    if form == "parquet":
        _arrow()
        if output is None and sys.stdout.isatty():
            raise BadInput("Parquet is nothing for a screen: name a file with --output")


def write(form: Format, columns: Columns, lines: Sequence[Mapping[str, Any]], output: Path | None) -> None:
    """Writes lines that have these columns."""
    match form:
        case "csv":
            made = _csv(columns, lines)
        case "parquet":
            made = _parquet(columns, lines)
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


def needed(module: str, package: str, what: str, extra: str) -> ModuleType:
    """A module of an optional dependency. Raises BadInput that says how to get it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise BadInput(
            f"{what} needs the package {package}, which is not installed: `make dev` installs it, and so does "
            f"rejoinder's extra {extra!r}"
        ) from error


def _csv(columns: Columns, lines: Sequence[Mapping[str, Any]]) -> bytes:
    """RFC 4180, with a head; what is unknown is empty, times are ISO 8601."""
    text = io.StringIO(newline="")
    out = csv.writer(text)
    out.writerow(columns)
    out.writerows([_plain(line[name]) for name in columns] for line in lines)
    return text.getvalue().encode()


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _parquet(columns: Columns, lines: Sequence[Mapping[str, Any]]) -> bytes:
    core, files = _arrow()
    types = core.DataType
    plain = {int: types.int64(), float: types.float64(), str: types.string()}
    arrays = {}
    for name, kind in columns.items():
        values = [line[name] for line in lines]
        if kind is datetime:  # of which it takes none as they are
            arrays[name] = core.Array(list(map(_micros, values)), types.int64()).cast(types.timestamp("us", tz="UTC"))
        else:
            arrays[name] = core.Array(values, plain[kind])
    out = io.BytesIO()
    files.write_parquet(core.Table.from_pydict(arrays), out)
    return out.getvalue()


def _micros(at: datetime | None) -> int | None:
    return None if at is None else (at - EPOCH) // timedelta(microseconds=1)


def _arrow() -> tuple[ModuleType, ModuleType]:
    core, files = (needed(name, "arro3-io", "--format parquet", "parquet") for name in ("arro3.core", "arro3.io"))
    return core, files
