"""The codec, on types of its own: what engine/ declares is checked in tests/contract."""

import hashlib
from typing import Any

import msgspec
import pytest

from schemas import codec as codes
from schemas.codec import Codec, UnreadableRecord, UnwritableRecord, identity
from schemas.files import Schema


class Part(msgspec.Struct, kw_only=True):
    name: str
    salt: bytes = b""


class Thing(msgspec.Struct, kw_only=True):
    id: str
    at: int
    note: str | None = None
    salt: bytes = b"\xff"
    tags: list[str] = []
    parts: list[Part] = []


PART: Schema = {
    "type": "record",
    "name": "Part",
    "namespace": "test",
    "fields": [{"name": "name", "type": "string"}, {"name": "salt", "type": "bytes", "default": ""}],
}
FIELDS: dict[str, dict[str, Any]] = {
    "id": {"name": "id", "type": "string"},
    "at": {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    "note": {"name": "note", "type": ["null", "string"], "default": None},
    "salt": {"name": "salt", "type": "bytes", "default": "\xff"},
    "tags": {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []},
    "parts": {"name": "parts", "type": {"type": "array", "items": PART}, "default": []},
}


def thing_schema(*names: str) -> Schema:
    return {"type": "record", "name": "Thing", "namespace": "test", "fields": [FIELDS[name] for name in names]}


NEW = thing_schema("id", "at", "note", "salt", "tags", "parts")
OLD = thing_schema("at", "id")
TYPES: dict[str, type[msgspec.Struct]] = {"test.Thing": Thing, "test.Part": Part}
CURRENT = {"test.Thing": NEW, "test.Part": PART}


@pytest.fixture
def codec() -> Codec:
    return Codec(TYPES, CURRENT, {7: OLD, 300: NEW, 301: PART, 302: PART | {"name": "Stranger"}})


def a_thing() -> Thing:
    parts = [Part(name="a", salt=b"\x00\xfe"), Part(name="b")]
    return Thing(id="é", at=1_507_023_134_007, note="n", salt=b"\x00\xff", tags=["x", "y"], parts=parts)


def code_of(codec: Codec, value: bytes) -> str:
    with pytest.raises(UnreadableRecord) as caught:
        codec.decode(value)
    return caught.value.code


def test_a_value_is_a_zero_byte_the_id_and_the_avro_body(codec: Codec) -> None:
    # By the Avro specification: string "ab" is length 2 zigzag (04) and its bytes, empty bytes are length 0.
    assert codec.encode(Part(name="ab")) == bytes.fromhex("00 0000012d 04 6162 00")


def test_what_is_written_is_read(codec: Codec) -> None:
    for record in (a_thing(), Thing(id="", at=-1), Part(name="")):
        assert codec.decode(codec.encode(record)) == record


def test_a_type_is_written_under_the_id_of_its_current_schema(codec: Codec) -> None:
    assert codec.encode(a_thing())[:5] == bytes.fromhex("00 0000012c")


def test_an_old_version_is_read_as_the_latest_with_the_defaults_of_the_struct(codec: Codec) -> None:
    old = Codec({"test.Thing": Thing}, {"test.Thing": OLD}, {7: OLD})
    first, second = (codec.decode(old.encode(Thing(id="1", at=2))) for _ in range(2))
    assert first == Thing(id="1", at=2, note=None, salt=b"\xff", tags=[], parts=[])
    first.tags.append("mine")
    assert second.tags == []


def test_a_newer_version_than_ours_is_read_without_what_we_do_not_know(codec: Codec) -> None:
    newer = NEW | {"fields": [*NEW["fields"], {"name": "extra", "type": "string", "default": ""}]}
    reader = Codec(TYPES, CURRENT, {1: newer, 2: NEW, 3: PART})
    body = codec.encode(a_thing())[codes.HEADER_BYTES :] + b"\x02z"
    assert reader.decode(bytes.fromhex("00 00000001") + body) == a_thing()


def test_what_cannot_be_read_says_why_in_a_word(codec: Codec) -> None:
    value = codec.encode(a_thing())
    assert code_of(codec, b"") == codes.NOT_WIRE_FORMAT
    assert code_of(codec, b'{"id": 1}') == codes.NOT_WIRE_FORMAT
    assert code_of(codec, b"\x00\x00\x00\x01") == codes.NOT_WIRE_FORMAT
    assert code_of(codec, b"\x00\x00\x00\x00\x63" + value[5:]) == codes.UNKNOWN_SCHEMA
    assert code_of(codec, bytes.fromhex("00 0000012e 02 61 00")) == codes.UNKNOWN_TYPE
    assert code_of(codec, value + b"\x00") == codes.MALFORMED


def test_no_truncation_is_read_as_a_record(codec: Codec) -> None:
    value = codec.encode(a_thing())
    for length in range(codes.HEADER_BYTES, len(value)):
        assert code_of(codec, value[:length]) == codes.MALFORMED


def test_what_cannot_be_written_is_refused_without_telling_the_words(codec: Codec) -> None:
    for field, wrong in (
        ("id", 5),
        ("note", b"secret"),
        ("at", 2**63),
        ("id", "\ud800secret"),
        ("tags", ["secret", 1]),
    ):
        record = a_thing()
        setattr(record, field, wrong)
        with pytest.raises(UnwritableRecord, match=r"test\.Thing") as caught:
            codec.encode(record)
        assert "secret" not in str(caught.value)


def test_a_type_without_a_registered_schema_is_named(codec: Codec) -> None:
    part_only = Codec(TYPES, CURRENT, {1: PART})
    assert codec.unregistered() == []
    assert part_only.unregistered() == ["test.Thing"]
    with pytest.raises(UnwritableRecord, match=r"test\.Thing is not registered"):
        part_only.encode(a_thing())


def test_a_type_that_was_not_handed_in_is_refused(codec: Codec) -> None:
    class Stranger(msgspec.Struct):
        pass

    with pytest.raises(UnwritableRecord, match="Stranger"):
        codec.encode(Stranger())


def test_the_fingerprint_is_that_of_the_canonical_form(codec: Codec) -> None:
    form = (
        '{"name":"test.Part","type":"record","fields":[{"name":"name","type":"string"},{"name":"salt","type":"bytes"}]}'
    )
    assert codec.fingerprint(Part) == hashlib.sha256(form.encode()).digest()


def test_wire_and_split_give_the_same_fingerprint_and_body(codec: Codec) -> None:
    value, fingerprint = codec.wire(a_thing())
    assert value == codec.encode(a_thing())
    assert codec.split(value) == (fingerprint, value[codes.HEADER_BYTES :])


def test_docs_do_not_make_another_version() -> None:
    documented = PART | {"doc": "words", "fields": [field | {"doc": "words"} for field in PART["fields"]]}
    assert identity(documented) == identity(PART)
    assert identity(NEW) != identity(OLD)


def test_types_without_an_avsc_are_named() -> None:
    with pytest.raises(ValueError, match=r"no \.avsc of test\.Part: run `rejoinder schemas generate`"):
        Codec(TYPES, {"test.Thing": NEW}, {})
