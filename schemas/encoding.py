"""Avro encoders compiled from schemas: for each record type one function that runs straight through its fields.

Why not fastavro, which reads what is written here: it wants a dict, and tries a value against each branch of a union
to find the one that it is of. An envelope has a dozen unions with null, so that encoding was a third to a half of
deciding (bench/RESULTS.md). A test holds the two to the same bytes.

Only what our records are made of is known: null, boolean, long, double, string, bytes, arrays, records, and unions
of one of these with null (Avro 1.12 specification, "Binary Encoding").
"""

import struct
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

Encode = Callable[[Any, bytearray], None]
"""Appends a record's body."""

_DOUBLE: Final = struct.Struct("<d").pack
_TRUE: Final = b"\x01"
_FALSE: Final = b"\x00"
_END: Final = b"\x00"
"""Of an array's blocks."""
_INDENT: Final = "    "
_PREFIXES: Final = 4_096
_LONGS: Final = 65_536


class _Prefixes(dict[int, bytes]):
    """What stands before so many bytes: their count, after the branch of a union. Long ones are not kept."""

    def __init__(self, branch: bytes = b"") -> None:
        self._branch = branch
        super().__init__((length, branch + _varint(length)) for length in range(_PREFIXES))

    def __missing__(self, length: int) -> bytes:
        return self._branch + _varint(length)


class _Longs(dict[int, bytes]):
    """Numbers as Avro writes them. One event's instants are mostly the same, and the next one's too: they are kept
    for a while."""

    def __missing__(self, number: int) -> bytes:
        if len(self) >= _LONGS:
            self.clear()
        made = self[number] = _varint(number)
        return made


def _varint(number: int) -> bytes:
    """A number zigzag and in groups of seven bits, the lowest first. Raises OverflowError beyond 64 bits."""
    if not -(2**63) <= number < 2**63:
        raise OverflowError("a long has 64 bits")
    rest = (number << 1) ^ (number >> 63)
    if 1 << 35 <= rest < 1 << 42:
        return _six_groups(rest)
    groups = bytearray()
    while rest > 0x7F:
        groups.append(rest & 0x7F | 0x80)
        rest >>= 7
    groups.append(rest)
    return bytes(groups)


def _six_groups(rest: int) -> bytes:
    """The instants of today: milliseconds between 1970 and 2039. No other numbers are new so often."""
    return bytes(
        (
            rest & 0x7F | 0x80,
            rest >> 7 & 0x7F | 0x80,
            rest >> 14 & 0x7F | 0x80,
            rest >> 21 & 0x7F | 0x80,
            rest >> 28 & 0x7F | 0x80,
            rest >> 35,
        )
    )


@cache
def _prefixes(branch: bytes) -> _Prefixes:
    """Those after a branch: one for all encoders, because each takes a millisecond and half a megabyte."""
    return _Prefixes(branch)


_NUMBERS: Final = _Longs()


def compile_encoder(schema: Any) -> Encode:
    """The encoder of a record schema without logical types.

    It takes a record with an attribute for each field. It raises TypeError, ValueError, AttributeError or
    OverflowError on a value that the schema does not allow.
    """
    source = _Source()
    name = source.record(schema)
    exec(compile("\n".join(source.lines), f"<encoder of {schema['name']}>", "exec"), source.names)
    encode: Encode = source.names[name]
    return encode


class _Source:
    """The functions of a schema's records, as they are written."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"LONG": _NUMBERS, "DOUBLE": _DOUBLE, "PREFIX": _prefixes(b"")}
        self._functions: dict[str, str] = {}

    def record(self, schema: Any) -> str:
        """The name of the function for a record; it is written where it is not yet."""
        known = self._functions.get(schema["name"])
        if known is not None:
            return known
        name = self._functions[schema["name"]] = f"encode_{len(self._functions)}"
        body = [line for field in schema["fields"] for line in self._field(field)]
        self.lines += [f"def {name}(record, out):", *(_INDENT + line for line in body or ["pass"])]
        return name

    def _field(self, field: Any) -> Iterator[str]:
        yield f"v = record.{field['name']}"
        yield from self._value(field["type"], "v", b"")

    def _value(self, kind: Any, value: str, branch: bytes) -> Iterator[str]:
        """Lines that append a value of a type, after the branch of its union."""
        if isinstance(kind, list):
            yield from self._union(kind, value)
            return
        named = kind["type"] if isinstance(kind, dict) else kind
        match named:
            case "string":
                yield f"v = {value}.encode()"
                yield f"out += {self._prefix(branch)}[len(v)]; out += v"
            case "bytes":
                yield f"if type({value}) is not bytes: raise TypeError"
                yield f"out += {self._prefix(branch)}[len({value})]; out += {value}"
            case "long":
                yield f"out += {branch!r}; out += LONG[{value}]" if branch else f"out += LONG[{value}]"
            case "boolean":
                yield f"out += {branch + _TRUE!r} if {value} else {branch + _FALSE!r}"
            case "double":
                yield f"out += {branch!r}; out += DOUBLE({value})"
            case "array":
                yield from self._array(kind["items"], value, branch)
            case "record":
                yield f"out += {branch!r}; {self.record(kind)}({value}, out)"
            case _ if named in self._functions:
                yield f"out += {branch!r}; {self._functions[named]}({value}, out)"
            case _:
                raise ValueError(f"no encoder knows the type {named!r}")

    def _union(self, kinds: list[Any], value: str) -> Iterator[str]:
        others = [kind for kind in kinds if kind != "null"]
        if len(kinds) != 2 or len(others) != 1:
            raise ValueError("no encoder knows a union of anything but one type and null")
        null, other = _varint(kinds.index("null")), _varint(kinds.index(others[0]))
        yield f"if {value} is None: out += {null!r}"
        yield "else:"
        yield from (_INDENT + line for line in self._value(others[0], value, other))

    def _array(self, items: Any, value: str, branch: bytes) -> Iterator[str]:
        yield f"if {value}:"
        yield _INDENT + f"out += {self._prefix(branch)}[len({value})]"
        yield _INDENT + f"for v in {value}:"
        yield from (_INDENT * 2 + line for line in self._value(items, "v", b""))
        yield _INDENT + f"out += {_END!r}"
        yield f"else: out += {branch + _END!r}"

    def _prefix(self, branch: bytes) -> str:
        """The name of the prefixes after a branch."""
        if not branch:
            return "PREFIX"
        name = f"PREFIX_{branch.hex()}"
        self.names[name] = _prefixes(branch)
        return name
