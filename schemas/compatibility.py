"""May these schemas follow those? FULL_TRANSITIVE: each reads what each released version wrote, and is read by it.

The rules are those of the Avro specification, "Schema Resolution", made stricter in three places, because what
resolves there may still fail, or mean something else, on real data: bytes are never read as a string (they need
not be UTF-8), a logical type never changes, and a record keeps its full name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from schemas.codec import fingerprint, record_name
from schemas.files import Schema
from schemas.upcasting import Upcaster, way

_PROMOTIONS: Final[dict[str, frozenset[str]]] = {
    "int": frozenset({"long", "float", "double"}),
    "long": frozenset({"float", "double"}),
    "float": frozenset({"double"}),
    "string": frozenset({"bytes"}),
}
_COLLECTIONS: Final = {"array": "items", "map": "values"}

GIVE_DEFAULT: Final = "give the field a default"
KEEP_FIELD: Final = "keep the field, or give it a default in a release before the one that drops it"
KEEP_TYPE: Final = "keep the type, and add a new field with a default beside it"
KEEP_RECORD: Final = "keep the record type and its schema, or register an upcaster that reads it as another record"
NEW_RECORD: Final = "keep the record as it is, and declare a new one under another name"


@dataclass(frozen=True)
class Problem:
    """One rule that a change breaks. Its `str` is the sentence for the user."""

    record: str
    field: str
    rule: str
    mend: str
    against: str = ""

    def __str__(self) -> str:
        place = f"{self.record}.{self.field}" if self.field else self.record
        against = f" (against {self.against})" if self.against else ""
        return f"{place}: {self.rule}{against}: {self.mend}."


def check(
    current: Mapping[str, Schema],
    released: Mapping[str, Mapping[str, Schema]],
    upcasters: Sequence[Upcaster] = (),
) -> list[Problem]:
    """What is broken between today's schemas and those of every release, both by full record name.

    A record may go only where an upcaster reads it as another. One that stays has to resolve all the same: a registry
    knows of no upcasters, and releases run beside each other while they are deployed.
    """
    problems = []
    for version, schemas in released.items():
        for name, old in schemas.items():
            if name not in current and way(name, fingerprint(old).hex(), upcasters)[0] in current:
                continue
            problems += check_record(name, current.get(name), old, against=f"release {version}")
    return problems


def check_upcasters(
    upcasters: Sequence[Upcaster], current: Mapping[str, Schema], released: Mapping[str, Mapping[str, Schema]]
) -> list[str]:
    """What is wrong with the upcasters that are registered, a sentence each."""
    versions = {(name, fingerprint(old).hex()) for schemas in released.values() for name, old in schemas.items()}
    today = {name: fingerprint(schema).hex() for name, schema in current.items()}
    found: list[str] = []
    for each in upcasters:
        where = f"the upcaster of {each.record}"
        if (each.to or each.record) not in current:
            found.append(f"{where} leads to {each.to or each.record}, which is no record: name one with `to`")
        for version in each.of:
            if version == today.get(each.record):
                found.append(f"{where} is for today's version too: take its fingerprint out of `of`")
            elif (each.record, version) not in versions:
                found.append(
                    f"{where} is for version {version}, which no release has: take the fingerprint from "
                    "`rejoinder schemas list --release VERSION --json`"
                )
    return found


def check_record(name: str, new: Schema | None, old: Schema, against: str = "") -> list[Problem]:
    """What is broken between two versions of one record; `new` is None where it was removed."""
    if new is None:
        rule = "it was released and is gone, so nobody can read what was written"
        return [Problem(name, "", rule, KEEP_RECORD, against)]
    resolution = (
        *_Resolution(reader=new, writer=old, reader_is="the new schema", writer_is="the old one").problems(),
        *_Resolution(reader=old, writer=new, reader_is="the old schema", writer_is="the new one").problems(),
    )
    unique = dict.fromkeys(Problem(name, field, rule, mend, against) for field, rule, mend in resolution)
    return list(unique)


Broken = tuple[str, str, str]
"""Where (the path of the field), which rule, and how to mend it."""


class _Resolution:
    """Whether one schema reads what another wrote."""

    def __init__(self, reader: Schema, writer: Schema, reader_is: str, writer_is: str) -> None:
        self._reader, self._writer = reader, writer
        self._reader_is, self._writer_is = reader_is, writer_is
        self._reader_names: dict[str, Schema] = _named(reader)
        self._writer_names: dict[str, Schema] = _named(writer)
        self._visited: set[tuple[str, str]] = set()

    def problems(self) -> Iterator[Broken]:
        return self._resolve("", self._reader, self._writer)

    def _resolve(self, path: str, reader: Any, writer: Any) -> Iterator[Broken]:
        reader, writer = _look_up(reader, self._reader_names), _look_up(writer, self._writer_names)
        if isinstance(writer, list):
            for branch in writer:
                yield from self._resolve(path, reader, branch)
        elif isinstance(reader, list):
            yield from self._resolve_into_union(path, reader, writer)
        elif _logical(reader) != _logical(writer):
            change = f"the logical type is {_logical(writer) or 'none'} in {self._writer_is}"
            yield path, f"{change} and {_logical(reader) or 'none'} in {self._reader_is}", KEEP_TYPE
        else:
            yield from self._resolve_kind(path, reader, writer)

    def _resolve_into_union(self, path: str, reader: list[Any], writer: Any) -> Iterator[Broken]:
        """The first branch of the same type reads it, else the first to which it can be promoted."""
        same = [branch for branch in reader if _title(branch, self._reader_names) == _title(writer, self._writer_names)]
        if same:
            yield from self._resolve(path, same[0], writer)
        elif all(any(self._resolve(path, branch, writer)) for branch in reader):
            yield path, self._unreadable(reader, writer), KEEP_TYPE

    def _resolve_kind(self, path: str, reader: Any, writer: Any) -> Iterator[Broken]:
        kind, written = _kind(reader), _kind(writer)
        if kind != written:
            if kind not in _PROMOTIONS.get(written, ()):
                yield path, self._unreadable(reader, writer), KEEP_TYPE
        elif kind in _COLLECTIONS:
            part = _COLLECTIONS[kind]
            yield from self._resolve(f"{path}[]", reader[part], writer[part])
        elif kind == "record":
            yield from self._resolve_record(path, reader, writer)
        elif kind == "enum":
            yield from self._resolve_enum(path, reader, writer)
        elif kind == "fixed" and (reader["size"], record_name(reader)) != (writer["size"], record_name(writer)):
            yield path, "the name or the size of the fixed type differs", KEEP_TYPE

    def _resolve_record(self, path: str, reader: Schema, writer: Schema) -> Iterator[Broken]:
        names = record_name(reader), record_name(writer)
        if names[0] != names[1]:
            yield path, f"the record is {names[1]} in {self._writer_is} and {names[0]} in {self._reader_is}", NEW_RECORD
            return
        if names in self._visited:
            return
        self._visited.add(names)
        written = {field["name"]: field for field in writer["fields"]}
        for field in reader["fields"]:
            place = f"{path}.{field['name']}".lstrip(".")
            if field["name"] in written:
                yield from self._resolve(place, field["type"], written[field["name"]]["type"])
            elif "default" not in field:
                new = self._reader_is == "the new schema"
                rule = f"{self._reader_is} has the field without a default and {self._writer_is} does not write it"
                yield place, rule, GIVE_DEFAULT if new else KEEP_FIELD
            if "default" in field and not _holds(field["default"], field["type"], self._reader_names):
                yield place, f"its default {field['default']!r} is not of its (first) type", "correct the default"

    def _resolve_enum(self, path: str, reader: Schema, writer: Schema) -> Iterator[Broken]:
        if record_name(reader) != record_name(writer):
            yield path, "the name of the enum differs", KEEP_TYPE
        unknown = sorted(set(writer["symbols"]) - set(reader["symbols"]))
        if unknown and "default" not in reader:
            rule = f"{self._reader_is} does not know the symbols {', '.join(unknown)} and has no default"
            yield path, rule, "use a string: a new symbol breaks every reader"

    def _unreadable(self, reader: Any, writer: Any) -> str:
        written, read = _title(writer, self._writer_names), _shown(reader, self._reader_names)
        return f"{self._writer_is} may write {written}, which {self._reader_is} can't read as {read}"


def _named(schema: Any) -> dict[str, Schema]:
    """Every named type inside a schema, by full name."""
    found: dict[str, Schema] = {}
    match schema:
        case list():
            for part in schema:
                found |= _named(part)
        case {"type": "record" | "error" | "enum" | "fixed", "name": _}:
            name = record_name(schema)
            found[name] = schema
            for field in schema.get("fields", ()):
                found |= _named(field["type"])
        case {"type": "array", "items": part} | {"type": "map", "values": part} | {"type": dict() | list() as part}:
            found |= _named(part)
    return found


def _look_up(schema: Any, names: Mapping[str, Schema]) -> Any:
    """A reference by name becomes what it names, and {"type": …} around a union or a record what it holds."""
    if isinstance(schema, str):
        return names.get(schema, schema)
    if isinstance(schema, dict) and isinstance(schema["type"], dict | list):
        return _look_up(schema["type"], names)
    return schema


def _kind(schema: Any) -> str:
    """record, array, string … of a schema that is not a union."""
    kind: str = schema["type"] if isinstance(schema, dict) else schema
    return kind


def _title(schema: Any, names: Mapping[str, Schema]) -> str:
    """What tells the branches of a union apart: the full name of a named type, else the kind."""
    schema = _look_up(schema, names)
    return record_name(schema) if isinstance(schema, dict) and "name" in schema else _kind(schema)


def _shown(schema: Any, names: Mapping[str, Schema]) -> str:
    parts = schema if isinstance(schema, list) else [schema]
    return " or ".join(_title(part, names) for part in parts)


def _logical(schema: Any) -> str | None:
    return schema.get("logicalType") if isinstance(schema, dict) else None


def _holds(value: Any, schema: Any, names: Mapping[str, Schema]) -> bool:
    """Whether a default, as JSON, is of a type; for a union, of its first branch."""
    schema = _look_up(schema, names)
    if isinstance(schema, list):
        return _holds(value, schema[0], names)
    match _kind(schema):
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "int" | "long" as kind:
            bits = 31 if kind == "int" else 63
            return isinstance(value, int) and not isinstance(value, bool) and -(2**bits) <= value < 2**bits
        case "float" | "double":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "bytes" | "fixed":
            return isinstance(value, str) and all(ord(letter) < 256 for letter in value)
        case "enum":
            return value in schema["symbols"]
        case "array":
            return isinstance(value, list) and all(_holds(part, schema["items"], names) for part in value)
        case "map":
            return isinstance(value, dict) and all(_holds(part, schema["values"], names) for part in value.values())
        case "record":
            return isinstance(value, dict) and all(
                _holds(value[field["name"]], field["type"], names) if field["name"] in value else "default" in field
                for field in schema["fields"]
            )
    return False
