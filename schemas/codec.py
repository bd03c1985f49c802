"""Records to bytes and back: Confluent's wire format around Avro.

A value is a zero byte, the schema's id (4 bytes, big-endian) and the Avro body. It is read by the schema that it
was written with, and resolved to the latest one by the record's name, so that all other code knows the latest
version only. What resolution can't say, upcasters do (schemas.upcasting).
"""

import hashlib
import io
import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import fastavro
import msgspec

from schemas.decoding import Decode, compile_decoder
from schemas.encoding import Encode, compile_encoder
from schemas.files import Schema
from schemas.upcasting import UPCASTERS, Fields, Lift, Upcaster, way

MAGIC: Final = 0
HEADER_BYTES: Final = 5
_HEADER: Final = struct.Struct(">bI")

NOT_WIRE_FORMAT: Final = "not_wire_format"
UNKNOWN_SCHEMA: Final = "unknown_schema"
UNKNOWN_TYPE: Final = "unknown_type"
MALFORMED: Final = "malformed"
NOT_LIFTED: Final = "not_lifted"


class UnreadableRecord(Exception):
    """The bytes are no record that this version can read; `code` says in a word why.

    not_wire_format: no zero byte and schema id at the front; unknown_schema: no schema is registered under the id;
    unknown_type: the schema's record is none of ours, it is newer than the code; malformed: the body is truncated,
    has bytes too many, or is otherwise not what the schema says; not_lifted: an upcaster of ours fails on it.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class UnwritableRecord(Exception):
    """The record can't be written: its type is not registered, or a value is not of its field's type."""


class Codec:
    """Writes and reads the records of a fixed set of types. Safe to share between threads.

    types: the structs, by the full name of their Avro record.
    current: today's schema of each of them, by the same name (see schemas.files.current).
    registered: the schema behind each id (see topics.registry). A type is written under the id of its current schema.
    upcasters: how older versions are read that resolution alone would not read right.
    """

    def __init__(
        self,
        types: Mapping[str, type[msgspec.Struct]],
        current: Mapping[str, Schema],
        registered: Mapping[int, Schema],
        upcasters: Sequence[Upcaster] = UPCASTERS,
    ) -> None:
        missing = sorted(types.keys() - current.keys())
        if missing:
            raise ValueError(f"there is no .avsc of {', '.join(missing)}: run `rejoinder schemas generate`")
        ids = {identity(schema): number for number, schema in sorted(registered.items(), reverse=True)}
        self._writers: dict[type[msgspec.Struct], _Writer] = {}
        self._readers: dict[int, _Reader] = {}
        self._names = {record: name for name, record in types.items()}
        self._unknown: dict[int, str] = {}
        for name, record in types.items():
            number = ids.get(identity(current[name]))
            if number is not None:
                self._writers[record] = _Writer(number, current[name])
        for number, schema in registered.items():
            written = fingerprint(schema)
            name, lifts = way(record_name(schema), written.hex(), upcasters)
            if name in types:
                self._readers[number] = _Reader(types[name], schema, current[name], written, lifts)
            else:
                self._unknown[number] = name

    @classmethod
    def local(cls, types: Mapping[str, type[msgspec.Struct]], current: Mapping[str, Schema]) -> "Codec":
        """A codec without a registry: ids 1, 2, 3 … in the order of the names. For tests and measurements."""
        known = (current[name] for name in sorted(types.keys() & current.keys()))
        return cls(types, current, dict(enumerate(known, start=1)))

    def unregistered(self) -> list[str]:
        """The names of the types that can't be written yet, because their current schema has no id."""
        return sorted(name for record, name in self._names.items() if record not in self._writers)

    def name_of(self, record: msgspec.Struct | type[msgspec.Struct]) -> str:
        """The full Avro name of a record or of its type."""
        kind = record if isinstance(record, type) else type(record)
        try:
            return self._names[kind]
        except KeyError:
            raise UnwritableRecord(f"{kind.__name__} is not a type that is written to Kafka") from None

    def encode(self, record: msgspec.Struct) -> bytes:
        """The value to produce. Raises UnwritableRecord."""
        return self._writer(type(record)).encode(record)

    def wire(self, record: msgspec.Struct) -> tuple[bytes, bytes]:
        """The value to produce and the fingerprint of its schema; `value[HEADER_BYTES:]` is the Avro body.

        What the digest chain needs: engine.envelope.digest(fingerprint, value[HEADER_BYTES:]).
        """
        writer = self._writer(type(record))
        return writer.encode(record), writer.fingerprint

    def fingerprint(self, record: type[msgspec.Struct]) -> bytes:
        """SHA-256 of the Parsing Canonical Form of the schema under which a type is written."""
        return self._writer(record).fingerprint

    def decode(self, value: bytes) -> Any:
        """The record behind a value. Raises UnreadableRecord."""
        return self._reader(value).decode(value)

    def read(self, value: bytes) -> tuple[Any, bytes]:
        """The record behind a value, and the fingerprint of the schema that it was written with, in one look-up."""
        reader = self._reader(value)
        return reader.decode(value), reader.fingerprint

    def split(self, value: bytes) -> tuple[bytes, bytes]:
        """The fingerprint of a value's schema and its Avro body, for checking the digest chain from the raw log."""
        return self._reader(value).fingerprint, value[HEADER_BYTES:]

    def schema_of(self, value: bytes) -> str:
        """The Parsing Canonical Form of the schema that a value was written with: SHA-256 of it is the fingerprint."""
        return self._reader(value).canonical

    def _writer(self, record: type[msgspec.Struct]) -> "_Writer":
        try:
            return self._writers[record]
        except KeyError:
            raise UnwritableRecord(
                f"the schema of {self.name_of(record)} is not registered: run `rejoinder topics apply`"
            ) from None

    def _reader(self, value: bytes) -> "_Reader":
        if len(value) < HEADER_BYTES or value[0] != MAGIC:
            raise UnreadableRecord(NOT_WIRE_FORMAT, "it does not begin with a zero byte and a schema id")
        number: int = _HEADER.unpack_from(value)[1]
        reader = self._readers.get(number)
        if reader is not None:
            return reader
        if number in self._unknown:
            reason = f"{self._unknown[number]} is a record that this version does not know: it is newer than the code"
            raise UnreadableRecord(UNKNOWN_TYPE, reason)
        raise UnreadableRecord(UNKNOWN_SCHEMA, f"no schema is registered under the id {number}")


class _Writer:
    """Writes one type under one schema."""

    def __init__(self, number: int, schema: Schema) -> None:
        self._header = _HEADER.pack(MAGIC, number)
        self._schema = schema
        self._name = record_name(schema)
        self.fingerprint = fingerprint(schema)

    @cached_property
    def _encode(self) -> Encode:
        """Compiled when it is first asked for: no process writes all types."""
        return compile_encoder(_plain(self._schema), self._header)

    def encode(self, record: msgspec.Struct) -> bytes:
        try:
            return self._encode(record)
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            # Only the kind of error: its text may hold a customer's words.
            raise UnwritableRecord(
                f"a {self._name} has a value that its schema does not allow ({type(error).__name__})"
            ) from None


class _Reader:
    """Reads one type as one schema wrote it."""

    def __init__(
        self, record: type[msgspec.Struct], writer: Schema, reader: Schema, written: bytes, lifts: Sequence[Lift]
    ) -> None:
        """written: the fingerprint of the writer's schema. lifts: what brings its fields to the shape of the record."""
        self.record = record
        self.fingerprint = written
        self._name = record_name(writer)
        self._schemas = writer, reader
        self._lifts = lifts

    @property
    def canonical(self) -> str:
        """Of the schema that it was written with."""
        return canonical(self._schemas[0])

    @cached_property
    def _decode(self) -> Decode:
        """Made when it is first asked for: no process reads all types."""
        writer, reader = self._schemas
        if self._lifts:
            self._writer = parse(writer)
            return self._lift
        if canonical(writer) == canonical(reader):
            return compile_decoder(_plain(writer), HEADER_BYTES, _parts(writer, self.record))
        self._writer, self._reader = parse(writer), parse(_common(reader, writer))
        return self._resolve

    def decode(self, value: bytes) -> Any:
        try:
            return self._decode(value)
        except _READING as error:
            reason = f"the body of a {self._name} is not what its schema says ({type(error).__name__})"
            raise UnreadableRecord(MALFORMED, reason) from None

    def _resolve(self, value: bytes) -> Any:
        """What another schema wrote, as a record of today."""
        return msgspec.convert(self._fields(value, self._reader), self.record)

    def _lift(self, value: bytes) -> Any:
        """What a version wrote that resolution alone would not read right, as a record of today."""
        fields = self._fields(value, None)
        known = {*fields, *self.record.__struct_fields__}
        try:
            for lift in self._lifts:
                fields = lift(fields)
            strange = sorted(fields.keys() - known)
            record = msgspec.convert(fields, self.record)
        except Exception as error:  # a fault of the code; its text may hold somebody's words
            reason = f"the upcaster of {self._name} fails on it ({type(error).__name__})"
            raise UnreadableRecord(NOT_LIFTED, reason) from None
        if strange:  # a field that is misspelt would be lost in silence
            reason = f"the upcaster of {self._name} gives {', '.join(strange)}, which the record of today does not have"
            raise UnreadableRecord(NOT_LIFTED, reason)
        return record

    def _fields(self, value: bytes, reader: Any) -> Fields:
        """The fields as they were written, or as another schema reads them."""
        source = io.BytesIO(value)
        source.seek(HEADER_BYTES)
        read: Any = fastavro.schemaless_reader(source, self._writer, reader)
        if source.tell() != len(value):
            raise ValueError("it does not end where its value does")
        fields: Fields = read
        return fields


def _parts(schema: Schema, record: type[msgspec.Struct]) -> dict[str, type]:
    """The types of a schema's records, by their names in it: the record itself, and those in its fields."""
    classes = {kind.__name__: kind for kind in _structs(msgspec.inspect.type_info(record))}
    return {part["name"]: classes[part["name"].rpartition(".")[2]] for part in _records(_plain(schema))}


def _structs(kind: msgspec.inspect.Type) -> Iterator[type[msgspec.Struct]]:
    match kind:
        case msgspec.inspect.StructType(cls=cls, fields=fields):
            yield cls
            for field in fields:
                yield from _structs(field.type)
        case msgspec.inspect.ListType(item_type=item):
            yield from _structs(item)
        case msgspec.inspect.UnionType(types=types):
            for each in types:
                yield from _structs(each)
        case msgspec.inspect.Metadata(type=inner):
            yield from _structs(inner)


# What fastavro raises on bytes that are not what the schema says (it has no exception of its own for that).
_READING: Final = (EOFError, ValueError, TypeError, IndexError, KeyError, OverflowError, MemoryError, struct.error)


def record_name(schema: Schema) -> str:
    """The full name of a record schema."""
    name: str = schema["name"]
    return name if "." in name or not schema.get("namespace") else f"{schema['namespace']}.{name}"


def canonical(schema: Schema) -> str:
    """The Parsing Canonical Form (Avro specification, "Parsing Canonical Form for Schemas")."""
    return fastavro.schema.to_parsing_canonical_form(parse(schema))


def fingerprint(schema: Schema) -> bytes:
    """SHA-256 of the Parsing Canonical Form."""
    return hashlib.sha256(canonical(schema).encode()).digest()


def identity(schema: Schema) -> str:
    """What two schemas share that are the same version: everything but the docs."""
    return msgspec.json.encode(_without(schema, "doc"), order="deterministic").decode()


def parse(schema: Schema) -> Any:
    """The schema as fastavro wants it. Without logical types: instants stay ints, milliseconds since 1970."""
    return fastavro.parse_schema(_plain(schema))


def _plain(schema: Any) -> Any:
    match schema:
        case {"logicalType": _, "type": underlying}:
            return _plain(underlying)
        case dict():
            return {key: value if key == "default" else _plain(value) for key, value in schema.items()}
        case list():
            return [_plain(part) for part in schema]
    return schema


def _without(schema: Any, key: str) -> Any:
    match schema:
        case dict():
            return {
                name: value if name == "default" else _without(value, key)
                for name, value in schema.items()
                if name != key
            }
        case list():
            return [_without(part, key) for part in schema]
    return schema


def _records(schema: Any) -> Iterator[Schema]:
    match schema:
        case {"type": "record", "fields": fields}:
            yield schema
            for field in fields:
                yield from _records(field["type"])
        case {"type": "array", "items": part} | {"type": "map", "values": part} | {"type": dict() as part}:
            yield from _records(part)
        case list():
            for part in schema:
                yield from _records(part)


def _common(reader: Schema, writer: Schema) -> Schema:
    """The reader's schema with only those fields that the writer knew.

    The struct itself supplies the rest: its defaults are the schema's (a contract test says so), and fastavro
    would give a bytes default as str, and one shared list for every record.
    """
    written = {record_name(record): {field["name"] for field in record["fields"]} for record in _records(writer)}

    def prune(schema: Any) -> Any:
        match schema:
            case {"type": "record", "fields": fields} if record_name(schema) in written:
                known = written[record_name(schema)]
                kept = [field | {"type": prune(field["type"])} for field in fields if field["name"] in known]
                return schema | {"fields": kept}
            case {"type": "array", "items": part}:
                return schema | {"items": prune(part)}
            case {"type": "map", "values": part}:
                return schema | {"values": prune(part)}
            case list():
                return [prune(part) for part in schema]
        return schema

    pruned: Schema = prune(reader)
    return pruned
