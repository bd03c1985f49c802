"""Golden logs: of each release a small log as it was written, that the code of today has to read.

`tests/golden/<release>/log.avro` has the records as they stood in Kafka, schema ids and all, and the schemas behind
the ids. It never changes: its SHA-256 stands in `tests/golden/SHA256SUMS`. `next/` is the one of the release to come;
`make golden` writes it anew. What has to come of a log lies beside it (tests.golden.outcomes).
"""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import fastavro

from engine.rows import Row
from rejoinder.schema_files import record_types
from schemas import files
from schemas.codec import HEADER_BYTES, Codec, identity, parse, record_name
from schemas.files import Schema

GOLDEN: Final = files.HERE.parent / "tests" / "golden"
NEXT: Final = "next"
LOG: Final = "log.avro"
SUMS: Final = "SHA256SUMS"
STATEMENT: Final = "statement"
"""The field of a record that holds another one, as bytes that are signed."""

_SCHEMAS: Final = "rejoinder.schemas"
"""The container's field of metadata with the schemas by id, JSON."""
_SYNC: Final = b"rejoinder golden"
"""Between the blocks of a container: always the same, so that the same log makes the same file."""
_ENTRY: Final[Schema] = {
    "type": "record",
    "name": "Record",
    "namespace": "rejoinder.golden",
    "doc": "A record as it stood in Kafka.",
    "fields": [
        {"name": "topic", "type": "string"},
        {"name": "partition", "type": "int"},
        {"name": "offset", "type": "long"},
        {"name": "key", "type": "string"},
        {"name": "value", "type": ["null", "bytes"]},
    ],
}


class Entry(NamedTuple):
    """A record as it stood in Kafka."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes | None


@dataclass(frozen=True)
class GoldenLog:
    """The records in the order in which they came about, and the schema behind each id."""

    schemas: Mapping[int, Schema]
    records: Sequence[Entry]

    def of(self, topic: str) -> list[Entry]:
        """The records of a topic."""
        return [entry for entry in self.records if entry.topic == topic]

    def codec(self) -> Codec:
        """Today's types, and the ids of the log."""
        return Codec(record_types(), files.current(), self.schemas)

    def written(self) -> set[str]:
        """The versions of schemas under which there is a record, by identity; those within signed records too."""
        return {identity(self.schemas[number]) for number in _used(self.records, self.schemas)}


def write(file: Path, schemas: Mapping[int, Schema], records: Sequence[Entry]) -> None:
    """Writes a log, with those of the schemas that are behind its records; the same one gives the same bytes."""
    used = sorted(_used(records, schemas))
    texts = {str(number): json.loads(identity(schemas[number])) for number in used}
    metadata = {_SCHEMAS: json.dumps(texts, separators=(",", ":"))}
    with file.open("wb") as stream:
        fastavro.writer(
            stream,
            parse(_ENTRY),
            [entry._asdict() for entry in records],
            codec="deflate",
            metadata=metadata,
            sync_marker=_SYNC,
        )


def read(file: Path) -> GoldenLog:
    """A log as it was written."""
    with file.open("rb") as stream:
        reader = fastavro.reader(stream)
        schemas = {int(number): schema for number, schema in json.loads(reader.metadata[_SCHEMAS]).items()}
        records: list[Any] = list(reader)
        return GoldenLog(schemas, [Entry(**record) for record in records])


def logs(directory: Path = GOLDEN) -> dict[str, Path]:
    """The folder of each golden log by its release, the oldest first, the next last."""
    found = files.versions(directory)
    if (directory / NEXT / LOG).is_file():
        found.append(NEXT)
    return {version: directory / version for version in found}


def freeze(version: str, directory: Path = GOLDEN) -> Path:
    """The next golden log becomes that of a release, and never changes again."""
    folder = (directory / NEXT).rename(directory / version)
    with (directory / SUMS).open("a") as sums:
        sums.write(f"{_sum(folder / LOG)}  {version}/{LOG}\n")
    return folder


def problems(
    current: Mapping[str, Schema], released: Mapping[str, Mapping[str, Schema]], directory: Path = GOLDEN
) -> list[str]:
    """What is wrong with the golden logs, a sentence each."""
    sums, found = _sums(directory), logs(directory)
    wrong = [f"the golden log of release {version} is gone: {_TAKE_BACK}" for version in sums if version not in found]
    wrong += [f"release {version} has no golden log: {_TAKE_BACK}" for version in released if version not in sums]
    written: set[str] = set()
    for version, folder in found.items():
        if version != NEXT and sums.get(version) != _sum(folder / LOG):
            wrong.append(f"{folder / LOG} is not what was recorded with release {version}: {_TAKE_BACK}")
            continue
        log = read(folder / LOG)
        written |= log.written()
        if version in released:
            wrong += _edited(version, log, released[version])
    return [*wrong, *_untold(current, written)]


def untold(current: Mapping[str, Schema], directory: Path = GOLDEN) -> list[str]:
    """What the next golden log lacks to be that of a release of today's schemas, a sentence each."""
    file = directory / NEXT / LOG
    if not file.is_file():
        return [f"there is no {file}: run `make golden`"]
    return _untold(current, read(file).written())


_TAKE_BACK: Final = "what was released never changes; take it back from the version control"


def _used(records: Sequence[Entry], schemas: Mapping[int, Schema]) -> set[int]:
    """The ids under which something is written; signed statements (engine.seals) lie within other records."""
    values = [entry.value for entry in records if entry.value is not None]
    signed = {number for number, schema in schemas.items() if STATEMENT in {each["name"] for each in schema["fields"]}}
    for value in [value for value in values if _id(value) in signed]:
        record: Any = fastavro.schemaless_reader(io.BytesIO(value[HEADER_BYTES:]), parse(schemas[_id(value)]), None)
        values.append(record[STATEMENT])
    return {_id(value) for value in values}


def _untold(current: Mapping[str, Schema], written: set[str]) -> list[str]:
    """Rows are not in it: they are written in another format, and made anew from the events where that changes."""
    names = (name for name, record in record_types().items() if not issubclass(record, Row))
    return [
        f"{name} is in no golden log as it is today: let tests/golden/story.py lead to one, and run `make golden`"
        for name in sorted(names)
        if name in current and identity(current[name]) not in written
    ]


def _edited(version: str, log: GoldenLog, released: Mapping[str, Schema]) -> list[str]:
    """The files of a release that are not the schemas under which its golden log was written."""
    wrote = {record_name(schema): identity(schema) for schema in log.schemas.values()}
    return [
        f"schemas/released/{version}/{name}.avsc is not what that release wrote with: {_TAKE_BACK}"
        for name, schema in sorted(wrote.items())
        if name not in released or schema != identity(released[name])
    ]


def _sums(directory: Path) -> dict[str, str]:
    file = directory / SUMS
    lines = file.read_text().splitlines() if file.is_file() else []
    return {name.removesuffix(f"/{LOG}"): found for found, name in (line.split("  ") for line in lines)}


def _sum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "none"


def _id(value: bytes) -> int:
    return int.from_bytes(value[1:HEADER_BYTES], "big")
