"""Avro encoders compiled from schemas: for each record type one function that runs straight through its fields, and
joins the pieces at the end.

Why not fastavro, which reads what is written here: it wants a dict, and tries a value against each branch of a union
to find the one that it is of. An envelope has a dozen unions with null, so that encoding was a third to a half of
deciding (bench/README.md). A test holds the two to the same bytes.

Only what our records are made of is known: null, boolean, long, double, string, bytes, arrays, records, and unions
of one of these with null (Avro 1.12 specification, "Binary Encoding").
"""

import struct
from collections.abc import Callable
from functools import cache
from typing import Any, Final

Encode = Callable[[Any], bytes]
"""Gives a record's bytes."""

_DOUBLE: Final = struct.Struct("<d").pack
_TRUE: Final = b"\x01"
_FALSE: Final = b"\x00"
_END: Final = b"\x00"
"""Of an array's blocks, or an empty one."""
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


def _prefixed(value: bytes) -> bytes:
    return _prefixes(b"")[len(value)] + value


def compile_encoder(schema: Any, header: bytes = b"") -> Encode:
    """The encoder of a record schema without logical types.

    It takes a record with an attribute for each field. It raises TypeError, ValueError, AttributeError or
    OverflowError on a value that the schema does not allow.

    Args:
        header: what stands before each record's body.
    """
    source = _Source()
    name = source.record(schema, header)
    exec(compile("\n".join(source.lines), f"<encoder of {schema['name']}>", "exec"), source.names)
    encode: Encode = source.names[name]
    return encode


class _Source:
    """The functions of a schema's records, as they are written. A field's value is in a variable of its own; what is
    joined at the end are expressions of these."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"LONG": _NUMBERS, "DOUBLE": _DOUBLE, "JOIN": b"".join, "PREFIXED": _prefixed}
        self._functions: dict[str, str] = {}

    def record(self, schema: Any, header: bytes = b"") -> str:
        """The name of the function for a record; it is written where it is not yet."""
        known = self._functions.get(schema["name"])
        if known is not None:
            return known
        name = self._functions[schema["name"]] = f"encode_{len(self._functions)}"
        body: list[str] = []
        pieces = [repr(header)] if header else []
        for number, field in enumerate(schema["fields"]):
            value = f"v{number}"
            body.append(f"{value} = record.{field['name']}")
            lines, made = self._value(field["type"], value)
            body += lines
            pieces += made
        self.lines += [f"def {name}(record):", *(_INDENT + line for line in body)]
        self.lines.append(_INDENT + f"return JOIN(({''.join(f'{piece}, ' for piece in pieces)}))")
        return name

    def _value(self, kind: Any, value: str) -> tuple[list[str], list[str]]:
        """Lines that prepare a value of a type, and the pieces that are joined then."""
        if isinstance(kind, list):
            return self._union(kind, value)
        named = kind["type"] if isinstance(kind, dict) else kind
        match named:
            case "string":
                return [f"{value} = {value}.encode()"], [f"{self._prefix(b'')}[len({value})]", value]
            case "bytes":
                return [], [f"{self._prefix(b'')}[len({value})]", value]
            case _:
                return [], [self._piece(kind, value)]

    def _union(self, kinds: list[Any], value: str) -> tuple[list[str], list[str]]:
        others = [kind for kind in kinds if kind != "null"]
        if len(kinds) != 2 or len(others) != 1:
            raise ValueError("no encoder knows a union of anything but one type and null")
        null, branch = _varint(kinds.index("null")), _varint(kinds.index(others[0]))
        named = others[0]["type"] if isinstance(others[0], dict) else others[0]
        begin = f"b{value}"
        if named in ("string", "bytes"):
            prepare = f"{value} = {value}.encode(); " if named == "string" else ""
            there = f"{prepare}{begin} = {self._prefix(branch)}[len({value})]"
        else:
            there = f"{begin} = {branch!r}; {value} = {self._piece(others[0], value)}"
        return [f"if {value} is None: {begin} = {null!r}; {value} = b''", f"else: {there}"], [begin, value]

    def _piece(self, kind: Any, value: str) -> str:
        """The expression of a value's bytes."""
        named = kind["type"] if isinstance(kind, dict) else kind
        match named:
            case "string":
                return f"PREFIXED({value}.encode())"
            case "bytes":
                return f"PREFIXED({value})"
            case "long":
                return f"LONG[{value}]"
            case "boolean":
                return f"({_TRUE!r} if {value} else {_FALSE!r})"
            case "double":
                return f"DOUBLE({value})"
            case "array":
                prefix, each = self._prefix(b""), self._piece(kind["items"], "each")
                return (
                    f"({prefix}[len({value})] + JOIN([{each} for each in {value}]) + {_END!r} if {value} else {_END!r})"
                )
            case "record":
                return f"{self.record(kind)}({value})"
            case _ if named in self._functions:
                return f"{self._functions[named]}({value})"
            case _:
                raise ValueError(f"no encoder knows the type {named!r}")

    def _prefix(self, branch: bytes) -> str:
        """The name of the prefixes after a branch."""
        name = f"PREFIX_{branch.hex()}"
        self.names[name] = _prefixes(branch)
        return name
