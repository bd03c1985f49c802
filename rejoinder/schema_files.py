"""The .avsc files from the record types: the structs in engine/ are the one home of every record's shape and words."""

import inspect
import json
import types
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec

from engine.delivery import RECORDS
from engine.interaction import commands as interaction_commands
from engine.interaction import events as interaction_events
from engine.reads import RECORDS as READS
from engine.record import Timestamp
from engine.routing import commands as routing_commands
from engine.routing import events as routing_events
from engine.seals import RECORDS as SEALS
from schemas import files

_PRIMITIVES: Final[dict[Any, str]] = {str: "string", int: "long", float: "double", bool: "boolean", bytes: "bytes"}
_ARRAYS: Final = (list, tuple, set, frozenset)


def full_name(record: type[msgspec.Struct]) -> str:
    """The Avro name of a record type, also its subject: rejoinder.interaction.events.Queued."""
    return f"rejoinder.{record.__module__.removeprefix('engine.')}.{record.__name__}"


def record_types() -> dict[str, type[msgspec.Struct]]:
    """Every type that is written to Kafka, by its full name."""
    records: tuple[type[msgspec.Struct], ...] = (
        *interaction_commands.COMMANDS,
        *interaction_events.EVENTS,
        interaction_events.Words,
        interaction_events.Profile,
        *routing_commands.COMMANDS,
        *routing_events.EVENTS,
        *RECORDS,
        *SEALS,
        *READS,
        *_rows("engine.bookkeeping"),
        *_rows("engine.interaction.state"),
        *_rows("engine.routing.state"),
    )
    return {full_name(record): record for record in records}


def schema_texts() -> dict[str, str]:
    """The .avsc text of every record type, by its full name."""
    return {
        name: json.dumps(schema_of(record), indent=2, ensure_ascii=False) + "\n"
        for name, record in sorted(record_types().items())
    }


def generate(directory: Path = files.CURRENT) -> None:
    """Write the .avsc of every record type; those of types that are gone go too."""
    files.write(schema_texts(), directory)


def differences(directory: Path = files.CURRENT) -> list[str]:
    """What differs between the files and the record types, a sentence each; nothing: they agree."""
    wanted, found = schema_texts(), files.texts(directory)
    return [
        *(f"{name}.avsc is missing: run `rejoinder schemas generate`" for name in sorted(wanted.keys() - found.keys())),
        *(f"{name}.avsc describes no record any more" for name in sorted(found.keys() - wanted.keys())),
        *(
            f"{name}.avsc is not what the record type says: run `rejoinder schemas generate`"
            for name in sorted(wanted.keys() & found.keys())
            if wanted[name] != found[name]
        ),
    ]


def schema_of(record: type[msgspec.Struct]) -> files.Schema:
    """The Avro schema of a record type. Raises TypeError for a field that has no type in Avro, or no doc."""
    return _record(record, set())


def _record(record: type[msgspec.Struct], seen: set[str]) -> files.Schema:
    name = full_name(record)
    seen.add(name)
    namespace, _, short = name.rpartition(".")
    return {
        "type": "record",
        "name": short,
        "namespace": namespace,
        "doc": inspect.cleandoc(record.__doc__ or ""),
        "fields": [_field(name, field, seen) for field in msgspec.structs.fields(record)],
    }


def _field(record: str, field: msgspec.structs.FieldInfo, seen: set[str]) -> files.Schema:
    try:
        schema = {"name": field.name, "type": _type(field.type, seen), "doc": _doc(field.type)}
        return schema | _default(field)
    except TypeError as error:
        raise TypeError(f"{record}.{field.name}: {error}") from None


def _doc(annotation: Any) -> str:
    words = [note for note in _notes(annotation) if isinstance(note, str)]
    if not words:
        raise TypeError('has no doc: declare it as Annotated[type, "what it is"]')
    return words[-1]


def _notes(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()


def _type(annotation: Any, seen: set[str]) -> Any:
    if get_origin(annotation) is Annotated:
        inner = _type(get_args(annotation)[0], seen)
        stamped = any(isinstance(note, Timestamp) for note in _notes(annotation))
        return {"type": inner, "logicalType": "timestamp-millis"} if stamped else inner
    if annotation in _PRIMITIVES:
        return _PRIMITIVES[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal and all(isinstance(argument, str) for argument in arguments):
        return "string"
    if origin in (Union, types.UnionType):
        return _optional(arguments, seen)
    if origin in _ARRAYS and (len(arguments) == 1 or arguments[1:] == (...,)):
        return {"type": "array", "items": _type(arguments[0], seen)}
    if origin is dict and arguments[0] is str:
        return {"type": "map", "values": _type(arguments[1], seen)}
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        name = full_name(annotation)
        return name if name in seen else _record(annotation, seen)
    raise TypeError(f"{annotation} has no type in Avro here")


def _optional(arguments: tuple[Any, ...], seen: set[str]) -> list[Any]:
    others = [argument for argument in arguments if argument is not types.NoneType]
    if len(others) != 1 or len(arguments) != 2:
        raise TypeError("a union may only be of one type and None")
    return ["null", _type(others[0], seen)]


def _default(field: msgspec.structs.FieldInfo) -> files.Schema:
    if field.required:
        return {}
    value = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    optional = types.NoneType in get_args(_bare(field.type))
    match value:
        case None if optional:
            return {"default": None}
        case bytes() if not optional:
            return {"default": value.decode("latin-1")}  # so the Avro specification writes bytes in JSON
        case str() | int() | float() | bool() if not optional:
            return {"default": value}
        case list() | tuple() | set() | frozenset() if not value:
            return {"default": []}
        case dict() if not value:
            return {"default": {}}
    raise TypeError(f"the default {value!r} can't be written in Avro: a union's has to be None, a collection's empty")


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _rows(module: str) -> tuple[type[msgspec.Struct], ...]:
    if find_spec(module) is None:
        return ()
    rows: tuple[type[msgspec.Struct], ...] = getattr(import_module(module), "ROWS", ())
    return rows
