"""Pages of docs/reference/ from the code: `python -m rejoinder.reference --write`, or `--check` that they are current.

What the code declares (records, topics, settings, the policy and its JSON Schema, measures, metrics) is described
there, beside each declaration, and nowhere else.
"""

import argparse
import inspect
import re
import sys
import types
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from engine.delivery import RECORDS
from engine.interaction import commands as interaction_commands
from engine.interaction import events as interaction_events
from engine.policy import document
from engine.reads import RECORDS as READS
from engine.record import Command, Event, Timestamp
from engine.routing import commands as routing_commands
from engine.routing import events as routing_events
from projections.reporting import Reporting
from projections.reporting import rows as reporting
from projections.reporting.measures import DIMENSIONS, Report
from projections.reporting.reports import REPORTS
from projections.tables import Table
from rejoinder import api_reference, policy_schema
from rejoinder.observing.metrics import DECLARED
from rejoinder.policy_schema import meaning
from rejoinder.sections import Section
from rejoinder.settings import Settings, variable_of
from topics.catalogue import DAY, HOUR, Topic, catalogue

PAGES_FOLDER: Final = Path(__file__).resolve().parent.parent / "docs" / "reference"
NOTE: Final = "<!-- Written by `python -m rejoinder.reference --write`. Change the code, not this page. -->"
_WORDS: Final[dict[Any, str]] = {str: "text", int: "whole number", float: "number", bool: "true or false"}
_WORDS_OF_RECORDS: Final = _WORDS | {bytes: "bytes"}
# Where they lie depends on the environment of whoever writes the page.
_FOLDERS: Final = {
    "data": "`$XDG_DATA_HOME/rejoinder`, else `~/.local/share/rejoinder`",
    "cache": "`$XDG_CACHE_HOME/rejoinder`, else `~/.cache/rejoinder`",
}


def pages() -> dict[str, str]:
    """The text of every page, by its file's name."""
    written = {
        name: "\n".join((NOTE, *write())) + "\n"
        for name, write in {
            "topics.md": _topics,
            "settings.md": _settings,
            "policy.md": _policy,
            "events.md": _events,
            "commands.md": _commands,
            "records.md": _records,
            "measures.md": _measures,
            "metrics.md": _metrics,
        }.items()
    }
    return written | {
        "policy.schema.json": policy_schema.text(),
        "openapi.json": api_reference.text(),
        "api.md": api_reference.page(),
    }


def differences(folder: Path = PAGES_FOLDER) -> list[str]:
    """The pages that are not what the code says."""
    return [
        name
        for name, text in pages().items()
        if not (folder / name).is_file() or (folder / name).read_text("utf-8") != text
    ]


def _topics() -> Iterator[str]:
    yield "# Topics\n"
    yield (
        "Partitions and replication are those of the settings `topics.partitions` and `topics.replication`; here they "
        "are the defaults. A record's partition is the CRC-32 of its key (up to the first `.` or `:`) modulo the "
        "number of partitions, and the producer is told it: see [Ids and keys](../why/ids-and-keys.md).\n"
    )
    yield from _table(
        ("topic", "key", "holds", "partitions", "kept"),
        (
            (f"`{topic.name}`", topic.key, topic.holds, str(topic.partitions), _kept(topic))
            for topic in catalogue().topics.values()
        ),
    )
    yield "\nWhat is set for each topic beside the broker's defaults:\n"
    yield from _table(
        ("topic", "configuration"),
        (
            (f"`{topic.name}`", ", ".join(f"`{name}={value}`" for name, value in sorted(topic.config.items())))
            for topic in catalogue().topics.values()
        ),
    )
    yield (
        "\n`delivery.attempts` has the delivery's id as key, but lies on the partition of the delivery's account. "
        "A worker without its state begins with the snapshots; one that can't be used is written anew from the events."
    )


def _kept(topic: Topic) -> str:
    policy = topic.config["cleanup.policy"]
    if policy == "compact":
        lag = topic.config.get("max.compaction.lag.ms")
        return "the latest of each key" + (f"; cleaning begins within {int(lag) // HOUR} hours" if lag else "")
    retention = int(topic.config["retention.ms"])
    time = "for ever" if retention < 0 else f"{retention // DAY} day{'s' if retention > DAY else ''}"
    return f"the latest of each key, {time}" if policy == "compact,delete" else time


def _settings() -> Iterator[str]:
    yield "# Settings\n"
    yield (
        "An option beats the environment, that beats the file, that beats the default. The file is the one that "
        "`--config` or `REJOINDER_CONFIG` names, else `~/.config/rejoinder/rejoinder.toml` if it is there. "
        "`kafka.bootstrap` stands in it as `bootstrap` under `[kafka]`.\n"
    )
    yield from _table(("setting", "variable", "value", "default", "what it is"), _setting_rows())


def _setting_rows() -> Iterator[tuple[str, ...]]:
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            for inner, inner_field in section.model_fields.items():
                yield _setting(f"{name}.{inner}", inner_field)
        else:
            yield _setting(name, field)


def _setting(name: str, field: FieldInfo) -> tuple[str, ...]:
    if name in _FOLDERS:
        default = _FOLDERS[name]
    elif field.default in (None, "", PydanticUndefined):
        default = "none"
    else:
        default = f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"
    return (f"`{name}`", f"`{variable_of(name)}`", _values(field), default, field.description or "")


def _values(field: FieldInfo) -> str:
    kind = _bare(field.annotation)
    kind = next((_bare(each) for each in get_args(kind) if each is not types.NoneType), kind) if _union(kind) else kind
    if get_origin(kind) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(kind))
    limits = {
        name: getattr(note, name) for note in field.metadata for name in ("gt", "ge", "le") if hasattr(note, name)
    }
    lowest = limits.get("ge", limits.get("gt"))
    if lowest is None:
        return {Path: "folder"}.get(kind, _WORDS.get(kind, "text"))
    above = "above " if "gt" in limits else ""
    return f"{above}{lowest} to {limits['le']}" if "le" in limits else f"{above or 'from '}{lowest}"


def _policy() -> Iterator[str]:
    yield "# The policy\n"
    yield (
        "One document holds everything that the business sets. A field that it does not know is an error. A duration "
        "is a whole number and `s`, `m`, `h` or `d`. [Write and publish a policy](../how-to/policy.md) shows one; "
        "[policy.schema.json](policy.schema.json) is its JSON Schema.\n"
    )
    parts: list[type[msgspec.Struct]] = [
        document.Policy, document.Account, document.SpecialDay, document.Queue, document.Filter, document.Notice
    ]  # fmt: skip
    for part in parts:
        yield f"## {part.__name__}\n\n{_doc(part)}\n"
        yield from _table(
            ("field", "value", "default", "what it is"),
            (
                (f"`{field.name}`", _type(field.type), _default(field), meaning(field.type))
                for field in msgspec.structs.fields(part)
            ),
        )
        yield ""


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    if value is None:
        return "none"
    return f"`{msgspec.json.encode(value).decode()}`"


def _events() -> Iterator[str]:
    yield "# Events\n"
    yield (
        "What is in `interaction.events` and `routing.events`, for ever. Each record's subject is its full name, "
        "`rejoinder.interaction.events.Queued`; its schema lies in `schemas/avsc/`. An instant is milliseconds since "
        "1970-01-01T00:00Z.\n"
    )
    yield "## The envelope\n\nThese fields stand in every event, beside its own.\n"
    yield from _fields(Event, without=())
    yield "\n## interaction.events\n"
    yield from _record_sections(interaction_events.EVENTS, Event)
    yield "## routing.events\n"
    yield from _record_sections(routing_events.EVENTS, Event)
    yield "## interaction.content\n\nNot events: the words, which can be erased.\n"
    yield from _record_sections((interaction_events.Words, interaction_commands.Attachment), None)
    yield "## interaction.profiles\n\nNot events: the names, which can be erased.\n"
    yield from _record_sections((interaction_events.Profile,), None)


def _commands() -> Iterator[str]:
    yield "# Commands\n"
    yield "What can be asked on `interaction.commands` and `routing.commands`. A command may be refused.\n"
    yield "## What every command carries\n"
    yield from _fields(Command, without=())
    yield "\n## interaction.commands\n"
    yield from _record_sections(interaction_commands.COMMANDS, Command)
    yield "## routing.commands\n"
    yield from _record_sections(routing_commands.COMMANDS, Command)
    yield "## Parts of commands\n"
    yield from _record_sections((interaction_commands.Attachment,), None)


def _records() -> Iterator[str]:
    yield "# Other records\n\nWhat is in the topics that hold neither commands to deciders nor events.\n"
    yield from _record_sections((*RECORDS, *READS), None)


def _record_sections(records: Sequence[type[msgspec.Struct]], base: type[msgspec.Struct] | None) -> Iterator[str]:
    known = () if base is None else base.__struct_fields__
    for record in records:
        yield f"### {record.__name__}\n\n{_doc(record)}\n"
        if len(record.__struct_fields__) > len(known):
            yield from _fields(record, known)
            yield ""


def _fields(record: type[msgspec.Struct], without: Sequence[str]) -> Iterator[str]:
    return _table(
        ("field", "type", "what it is"),
        (
            (f"`{field.name}`", _type(field.type), meaning(field.type))
            for field in msgspec.structs.fields(record)
            if field.name not in without
        ),
    )


def _measures() -> Iterator[str]:
    yield "# Measures\n"
    yield (
        "Each measure is declared once, in `projections/reporting/reports.py`: the reports (`rejoinder report`), the "
        "views by interval in PostgreSQL, their comments and this page follow from that. In the SQL `f` is a row of "
        "the report's fact. A measure that can be summed may be added up over lines; any other has to be asked anew "
        "for the whole, as the last line of `rejoinder report` is.\n"
    )
    for report in REPORTS.values():
        yield from _report(report)
    yield "# What reports are counted by\n"
    yield from _table(
        ("by", "column", "what it is"),
        ((f"`{name}`", f"`{column}`", says) for name, (column, says) in DIMENSIONS.items()),
    )
    yield "\n# Views\n"
    yield (
        "The views of the schema `reporting` in PostgreSQL, in the words of their comments there. All times are UTC.\n"
    )
    yield from _views(Reporting.views, {report.view for report in REPORTS.values()})


def _report(report: Report) -> Iterator[str]:
    yield f"## rejoinder report {report.name}\n\n{report.says}\n"
    only = "" if report.only == "true" else f", of rows with `{report.only}`"
    spent = f" to `{report.until}`, cut where an interval ends" if report.until else ""
    yield (
        f"From `reporting.{report.fact}`{only}, by `{report.at}`{spent}. Counted by {', '.join(report.by)} unless "
        f"`--by` says otherwise; it can be counted by {', '.join(report.dimensions)}. The same in PostgreSQL, in UTC: "
        f"`reporting.{report.view}`.\n"
    )
    yield from _table(
        ("measure", "what it is", "unit", "summed", "SQL"),
        (
            (f"`{each.name}`", each.says, each.unit, "yes" if each.is_summed else "no", f"`{each.sql}`")
            for each in report.measures
        ),
    )
    yield ""


def _views(text: str, of_reports: set[str]) -> Iterator[str]:
    """The views as their comments tell; the measures of those that belong to a report stand there."""
    tables = {table.name: table for table in vars(reporting).values() if isinstance(table, Table)}
    columns: dict[str, list[tuple[str, str]]] = {}
    for view, column, comment in re.findall(r"COMMENT ON COLUMN reporting\.(\w+)\.(\w+) IS\s+'((?:[^']|'')*)'", text):
        columns.setdefault(view, []).append((column, comment.replace("''", "'")))
    for view, comment in re.findall(r"COMMENT ON VIEW reporting\.(\w+) IS\s+'((?:[^']|'')*)'", text):
        yield f"## reporting.{view}\n\n{comment.replace(chr(39) * 2, chr(39))}\n"
        table = tables.get(view)
        own = msgspec.structs.fields(table.row) if table is not None else ()
        described = [*((field.name, meaning(field.type)) for field in own), *columns.get(view, [])]
        if described and view not in of_reports:
            yield from _table(("column", "what it is"), ((f"`{name}`", said) for name, said in described))
            yield ""


def _metrics() -> Iterator[str]:
    yield "# Metrics\n"
    yield (
        "What each program serves at `/metrics`, in Prometheus's form; [Observe an instance](../how-to/observe.md) "
        "tells where, and what to look at. A label's values are few: no id, name or word of anybody is among them. A "
        "histogram has `_bucket`, `_sum` and `_count`; times are in seconds. `process_…` and `python_info` are those "
        "of Prometheus's client: memory, processor time, open files.\n"
    )
    yield from _table(
        ("metric", "kind", "labels", "programs", "what it is"),
        (
            (
                f"`{each.name}`",
                each.kind,
                ", ".join(f"`{label}`" for label in each.labels) or "none",
                ", ".join(each.programs),
                each.says,
            )
            for each in DECLARED
        ),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _doc(declared: type) -> str:
    return inspect.cleandoc(declared.__doc__ or "")


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Annotated:
        if any(isinstance(note, Timestamp) for note in get_args(annotation)[1:]):
            return "instant"
        return _type(get_args(annotation)[0])
    if annotation in _WORDS_OF_RECORDS:
        return _WORDS_OF_RECORDS[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if _union(annotation):
        return f"{_type(next(each for each in arguments if each is not types.NoneType))} or null"
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (list, tuple):
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"map from {_type(arguments[0])} to {_type(arguments[1])}"
    return f"[{annotation.__name__}](#{annotation.__name__.lower()})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes or checks; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m rejoinder.reference", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="write the pages")
    what.add_argument("--check", action="store_true", help="status 1 if a page is not what the code says")
    if parser.parse_args(arguments).write:
        PAGES_FOLDER.mkdir(parents=True, exist_ok=True)
        for name, text in pages().items():
            (PAGES_FOLDER / name).write_text(text, "utf-8")
        return 0
    stale = differences()
    for name in stale:
        print(f"docs/reference/{name} is not what the code says: run `python -m rejoinder.reference --write`")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
