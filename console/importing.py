"""Contacts from elsewhere: a CSV file, checked whole before any of it is told to anybody."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Request
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from console.commanding import Command_
from console.fields import Body, Language, PlatformId, Search
from console.interactions import Channel
from console.ports import Asked
from console.problems import COMMANDING, Problem
from console.routes import router
from engine.delivery import CommandResult
from engine.envelope import keyed_command
from engine.interaction.contact_commands import ImportContact

MOST_ROWS: Final = 1_000
COLUMNS: Final = ("channel", "platform_id", "screen_name", "name", "language")
REQUIRED: Final = ("channel", "platform_id")

importing = router("contacts")

_FILE: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "channel,platform_id,screen_name,name,language\nx,42,ann,Ann,en\n",
            }
        },
    }
}


class Row(Body):
    """A line of the file."""

    channel: Channel
    platform_id: PlatformId
    screen_name: Search | None = None
    name: Search | None = None
    language: Language | None = None


class BadRow(BaseModel):
    """A line that was not imported."""

    line: Annotated[int, Field(description="counted from 1, the heading's")]
    code: str
    reason: str


class Imported(BaseModel):
    """What became of a file."""

    imported: Annotated[int, Field(description="lines that made a contact or changed one")]
    known: Annotated[int, Field(description="lines that changed nothing")]
    failed: Annotated[list[BadRow], Field(description="lines that are wrong, or were refused")]


@dataclass(frozen=True, slots=True)
class _Read:
    line: int
    row: Row | None
    problem: BadRow | None = None


_adapter: Final = TypeAdapter(Row)


@importing.post("/contacts/import", responses=COMMANDING, openapi_extra=_FILE)
async def import_contacts(request: Request, asking: Command_) -> Imported:
    """Import people known from elsewhere: CSV with the columns channel, platform_id, screen_name, name, language.

    The first line names the columns; the last three may be left out. Lines that are wrong are told and left out.
    """
    lines = list(_lines(_text(await request.body())))
    failed = [each.problem for each in lines if each.problem is not None]
    rows = [(each.line, each.row) for each in lines if each.row is not None]
    commands = [_asked(asking, row) for _, row in rows]
    results = await asking.all(commands) if commands else []
    failed += [_refused(line, result) for (line, _), result in zip(rows, results, strict=True) if _is_refused(result)]
    return Imported(
        imported=sum(result.outcome == "accepted" for result in results),
        known=sum(result.outcome == "duplicate" for result in results),
        failed=sorted(failed, key=lambda each: each.line),
    )


def _asked(asking: Command_, row: Row) -> Asked:
    key = asking.api.home(row.channel, row.platform_id)
    common = asking.common("interaction.commands", key)
    # Each line is a request of its own: a file that is sent again with one line mended changes only that one.
    common["command_id"] = keyed_command(
        asking.claim("interaction.commands", key), asking.api.fingerprint(row.model_dump_json().encode())
    )
    return Asked("interaction.commands", key, ImportContact(**common, **row.model_dump()))


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise Problem(422, "bad_input", f"line {line}: is not UTF-8", field="body") from None


def _lines(text: str) -> Iterator[_Read]:
    """Each line of the file, read or with what is wrong. Raises Problem for a file that is none."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        heading = [name.strip().lower() for name in next(reader, [])]
        _check_heading(heading)
        seen: dict[tuple[str, str], int] = {}
        for count, cells in enumerate((cells for cells in reader if any(cells)), 1):
            if count > MOST_ROWS:
                raise Problem(
                    422, "too_many_rows", f"More than {MOST_ROWS} people at once; send them in parts.", field="body"
                )
            yield _line(reader.line_num, heading, cells, seen)
    except csv.Error as error:
        raise Problem(422, "bad_input", f"line {reader.line_num}: is no CSV ({error})", field="body") from None


def _check_heading(heading: list[str]) -> None:
    unknown = [name for name in heading if name not in COLUMNS]
    missing = [name for name in REQUIRED if name not in heading]
    if unknown or missing or len(set(heading)) != len(heading):
        reason = f"line 1: has to name the columns {', '.join(COLUMNS)}, each once; the first two have to be there"
        raise Problem(422, "bad_input", reason, field="body")


def _line(number: int, heading: list[str], cells: list[str], seen: dict[tuple[str, str], int]) -> _Read:
    if len(cells) != len(heading):
        return _wrong(number, f"has {len(cells)} cells, and the heading {len(heading)}")
    values = {name: cell.strip() or None for name, cell in zip(heading, cells, strict=True)}
    if values.get("screen_name"):
        values["screen_name"] = str(values["screen_name"]).removeprefix("@")
    try:
        row = _adapter.validate_python(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        return _wrong(number, f"{first['loc'][0]}: {first['msg']}")
    before = seen.setdefault((row.channel, row.platform_id), number)
    if before != number:
        return _wrong(number, f"the same person stands in line {before}")
    return _Read(number, row)


def _wrong(line: int, reason: str) -> _Read:
    return _Read(line, None, BadRow(line=line, code="bad_input", reason=reason))


def _is_refused(result: CommandResult) -> bool:
    return result.outcome == "refused"


def _refused(line: int, result: CommandResult) -> BadRow:
    return BadRow(line=line, code=result.code or "refused", reason=result.reason or "It was refused.")
