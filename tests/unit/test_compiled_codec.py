"""What is compiled from a schema writes and reads the same as fastavro, whatever the record and whatever the bytes."""

import io
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import HEADER_BYTES, MALFORMED, Codec, UnreadableRecord, parse
from schemas.decoding import compile_decoder
from schemas.encoding import compile_encoder


class Leaf(msgspec.Struct, kw_only=True):
    name: str
    much: float | None = None


class Whole(msgspec.Struct, kw_only=True):
    id: str
    note: str | None
    count: int
    at: int | None
    is_on: bool
    ratio: float
    salt: bytes
    digest: bytes | None
    tags: list[str]
    counts: list[int]
    leaves: list[Leaf]
    leaf: Leaf | None


LEAF: dict[str, Any] = {
    "type": "record",
    "name": "test.Leaf",
    "fields": [{"name": "name", "type": "string"}, {"name": "much", "type": ["null", "double"]}],
}
TYPES: dict[str, Any] = {
    "id": "string", "note": ["null", "string"], "count": "long", "at": ["long", "null"], "is_on": "boolean",
    "ratio": "double", "salt": "bytes", "digest": ["null", "bytes"], "tags": {"type": "array", "items": "string"},
    "counts": {"type": "array", "items": "long"}, "leaves": {"type": "array", "items": LEAF},
    "leaf": ["null", "test.Leaf"],
}  # fmt: skip
SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "test.Whole",
    "fields": [{"name": name, "type": kind} for name, kind in TYPES.items()],
}
CODEC = Codec.local({"test.Whole": Whole}, {"test.Whole": SCHEMA})
PARSED = parse(SCHEMA)

texts = st.text(st.characters(exclude_categories=["Cs"])) | st.text("ab", min_size=60, max_size=70)
instants = st.sampled_from([2**power + more for power in (33, 34, 35, 40, 41, 42) for more in (-1, 0, 1)])
"""Around where an instant's bytes become six, and seven."""
numbers = st.integers(-(2**63), 2**63 - 1) | st.integers(-70, 70) | instants | st.integers(0, 2**43)
floats = st.floats(allow_nan=False)
leaves = st.builds(Leaf, name=texts, much=st.none() | floats)
wholes = st.builds(
    Whole, id=texts, note=st.none() | texts, count=numbers, at=st.none() | numbers, is_on=st.booleans(), ratio=floats,
    salt=st.binary(), digest=st.none() | st.binary(max_size=70), tags=st.lists(texts, max_size=3),
    counts=st.lists(numbers, max_size=70), leaves=st.lists(leaves, max_size=3), leaf=st.none() | leaves,
)  # fmt: skip


def by_fastavro(value: bytes) -> tuple[Whole, int]:
    """The record, and where it ends."""
    source = io.BytesIO(value)
    source.seek(HEADER_BYTES)
    fields = fastavro.schemaless_reader(source, PARSED, None)
    return msgspec.convert(fields, Whole), source.tell()


@given(wholes)
def test_both_write_the_same_bytes_and_read_them(record: Whole) -> None:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, PARSED, msgspec.to_builtins(record, builtin_types=(bytes,)))
    value = CODEC.encode(record)
    assert value[HEADER_BYTES:] == out.getvalue()
    assert CODEC.decode(value) == record


@settings(max_examples=300)
@given(wholes, st.data())
def test_of_broken_bytes_nothing_is_read_that_fastavro_does_not_read(record: Whole, data: st.DataObject) -> None:
    value = bytearray(CODEC.encode(record))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(HEADER_BYTES, len(value) - 1))
        value[at] = data.draw(st.integers(0, 255))
    broken = bytes(value[: data.draw(st.integers(HEADER_BYTES, len(value)))] + data.draw(st.binary(max_size=3)))
    try:
        read = CODEC.decode(broken)
    except UnreadableRecord as error:
        assert error.code == MALFORMED
        return
    known, end = by_fastavro(broken)
    assert end == len(broken)
    assert msgspec.json.encode(read) == msgspec.json.encode(known), "nan is not nan: they are compared as they are told"


def test_an_array_in_several_blocks_is_read_with_and_without_their_sizes() -> None:
    schema = {"type": "record", "name": "Tags", "fields": [{"name": "tags", "type": TYPES["tags"]}]}

    class Tags(msgspec.Struct, kw_only=True):
        tags: list[str]

    decode = compile_decoder(schema, 0, {"Tags": Tags})
    # Two items; then one item, as count -1 and 4 bytes; then the end.
    assert decode(bytes.fromhex("04 0261 0262 01 08 06636465 00")) == Tags(tags=["a", "b", "cde"])


@pytest.mark.parametrize(
    "body",
    [
        "01",  # a length of -1
        "ff" * 9 + "01",  # a negative length of 64 bits
        "ff" * 10 + "01",  # a number of more than ten bytes
        "ff" * 9 + "7f",  # a number of more than 64 bits
        "0261ff",  # something after the end
        "04 61",  # a length beyond the end
        "02 ff",  # no UTF-8
        "",
    ],
)
def test_a_length_is_never_trusted(body: str) -> None:
    schema = {"type": "record", "name": "Leaf", "fields": [{"name": "name", "type": "string"}]}
    decode = compile_decoder(schema, 0, {"Leaf": Leaf})
    with pytest.raises((ValueError, IndexError)):
        decode(bytes.fromhex(body))


@pytest.mark.parametrize(
    "kind", [["string", "long"], ["null", "string", "long"], {"type": "map", "values": "long"}, "int"]
)
def test_a_type_that_none_of_our_records_has_is_refused(kind: Any) -> None:
    schema = {"type": "record", "name": "Odd", "fields": [{"name": "name", "type": kind}]}
    with pytest.raises(ValueError, match="no encoder knows"):
        compile_encoder(schema)
    with pytest.raises(ValueError, match="no decoder knows"):
        compile_decoder(schema, 0, {"Odd": Leaf})
