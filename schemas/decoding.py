"""Avro decoders compiled from schemas: for each record type one function that runs straight through the bytes.

The counterpart of schemas.encoding, for values that were written by today's schema; what an older one wrote goes
through fastavro, which resolves the two. A test holds the two to the same records.

No length is trusted: a slice beyond the end comes out short, and then the position is not that of the end; a negative
one is refused, so that the position never goes back.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

Decode = Callable[[bytes], Any]
"""The record in a value, after its header. Raises ValueError, IndexError or struct.error on anything else."""

_DOUBLE: Final = struct.Struct("<d").unpack_from
_INDENT: Final = "    "
_LONGEST: Final = 63
"""The shift of the last group of seven bits that a long may have."""


def _more(value: bytes, number: int, position: int) -> tuple[int, int]:
    """The rest of a number whose first byte says that there is more; and the position after it."""
    number &= 0x7F
    shift = 7
    while True:
        group = value[position]
        position += 1
        number |= (group & 0x7F) << shift
        if group < 0x80:
            break
        shift += 7
        if shift > _LONGEST:
            raise ValueError("a number is too long")
    if number >> 64:
        raise ValueError("a long has 64 bits")
    return number, position


def compile_decoder(schema: Any, start: int, records: Mapping[str, type]) -> Decode:
    """The decoder of a record schema without logical types, for values whose body begins at `start`.

    records: the types of the schema's records, by their names in it; each takes its fields by keyword.
    """
    source = _Source(records)
    name = source.record(schema)
    lines = [
        *source.lines,
        "def decode(value):",
        _INDENT + f"record, p = {name}(value, {start})",
        _INDENT + "if p != len(value): raise ValueError('it does not end where its value does')",
        _INDENT + "return record",
    ]
    exec(compile("\n".join(lines), f"<decoder of {schema['name']}>", "exec"), source.names)
    decode: Decode = source.names["decode"]
    return decode


class _Source:
    """The functions of a schema's records, as they are written. `p` is the position; each value ends up in a name."""

    def __init__(self, records: Mapping[str, type]) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"more": _more, "DOUBLE": _DOUBLE}
        self._records = records
        self._functions: dict[str, str] = {}

    def record(self, schema: Any) -> str:
        """The name of the function for a record; it is written where it is not yet."""
        known = self._functions.get(schema["name"])
        if known is not None:
            return known
        number = len(self._functions)
        name = self._functions[schema["name"]] = f"decode_{number}"
        self.names[f"Record_{number}"] = self._records[schema["name"]]
        fields = [(f"f{at}", field) for at, field in enumerate(schema["fields"])]
        body = [line for into, field in fields for line in self._value(field["type"], into)]
        arguments = ", ".join(f"{field['name']}={into}" for into, field in fields)
        body.append(f"return Record_{number}({arguments}), p")
        self.lines += [f"def {name}(value, p):", *(_INDENT + line for line in body)]
        return name

    def _value(self, kind: Any, into: str) -> Iterator[str]:
        """Lines that read a value of a type into a name."""
        if isinstance(kind, list):
            yield from self._union(kind, into)
            return
        named = kind["type"] if isinstance(kind, dict) else kind
        match named:
            case "string":
                yield from self._length()
                yield f"{into} = value[p:n].decode(); p = n"
            case "bytes":
                yield from self._length()
                yield f"{into} = value[p:n]; p = n"
            case "long":
                yield from self._number()
                yield f"{into} = (n >> 1) ^ -(n & 1)"
            case "boolean":
                yield "n = value[p]; p += 1"
                yield "if n > 1: raise ValueError('a boolean is 0 or 1')"
                yield f"{into} = n == 1"
            case "double":
                yield f"{into} = DOUBLE(value, p)[0]; p += 8"
            case "array":
                yield from self._array(kind["items"], into)
            case "record":
                yield f"{into}, p = {self.record(kind)}(value, p)"
            case _ if named in self._functions:
                yield f"{into}, p = {self._functions[named]}(value, p)"
            case _:
                raise ValueError(f"no decoder knows the type {named!r}")

    @staticmethod
    def _number() -> Iterator[str]:
        yield "n = value[p]; p += 1"
        yield "if n > 127: n, p = more(value, n, p)"

    def _length(self) -> Iterator[str]:
        """The end of so many bytes, in n."""
        yield from self._number()
        yield "if n & 1: raise ValueError('a length is negative')"
        yield "n = p + (n >> 1)"

    def _union(self, kinds: list[Any], into: str) -> Iterator[str]:
        others = [kind for kind in kinds if kind != "null"]
        if len(kinds) != 2 or len(others) != 1:
            raise ValueError("no decoder knows a union of anything but one type and null")
        yield "n = value[p]; p += 1"
        yield f"if n == {kinds.index('null') * 2}: {into} = None"
        yield f"elif n == {kinds.index(others[0]) * 2}:"
        yield from (_INDENT + line for line in self._value(others[0], into))
        yield "else: raise ValueError('a union has no such branch')"

    def _array(self, items: Any, into: str) -> Iterator[str]:
        """Blocks, each with its count; a negative one is followed by the block's size."""
        count, item = f"{into}_count", f"{into}_item"
        yield f"{into} = []"
        yield "while True:"
        yield from (_INDENT + line for line in self._number())
        yield _INDENT + "if not n: break"
        yield _INDENT + f"{count} = (n >> 1) + (n & 1)"
        yield _INDENT + "if n & 1:"
        yield from (_INDENT * 2 + line for line in self._number())
        yield _INDENT + f"while {count}:"
        yield from (_INDENT * 2 + line for line in self._value(items, item))
        yield _INDENT * 2 + f"{into}.append({item}); {count} -= 1"
