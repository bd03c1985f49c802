"""Upcasting on read, with a registry of its own: a field that was split in two, a record that got another name."""

import io
from collections.abc import Sequence
from typing import Any

import fastavro
import msgspec
import pytest

from schemas import codec as codes
from schemas.codec import HEADER_BYTES, Codec, UnreadableRecord, fingerprint, parse
from schemas.compatibility import check, check_upcasters
from schemas.files import Schema
from schemas.upcasting import Fields, Upcaster


class Person(msgspec.Struct, kw_only=True):
    """Today: the name in two, and a field that came later."""

    id: str
    first: str = ""
    last: str = ""
    salt: bytes = b""
    note: str | None = None


def schema(name: str, *fields: tuple[str, Any, Any]) -> Schema:
    told = [{"name": field, "type": kind, "default": default} for field, kind, default in fields]
    return {"type": "record", "name": name, "namespace": "test", "fields": [{"name": "id", "type": "string"}, *told]}


SALT = ("salt", "bytes", "")
NOTE = ("note", ["null", "string"], None)
NAMED = schema("Person", ("name", "string", ""), SALT)
CALLED = schema("Person", ("called", "string", ""), SALT)
SPLIT = schema("Person", ("first", "string", ""), ("last", "string", ""), SALT)
TODAY = schema("Person", ("first", "string", ""), ("last", "string", ""), SALT, NOTE)
CUSTOMER = schema("Customer", ("name", "string", ""))
IDS = {1: NAMED, 2: CALLED, 3: SPLIT, 4: TODAY, 5: CUSTOMER}
RELEASED = {
    "0.1.0": {"test.Person": NAMED, "test.Customer": CUSTOMER},
    "0.2.0": {"test.Person": CALLED, "test.Customer": CUSTOMER},
}
CURRENT = {"test.Person": TODAY}


def version(of: Schema) -> str:
    return fingerprint(of).hex()


def rename(fields: Fields) -> Fields:
    name = fields.pop("name")
    return fields | {"called": name}


def split(fields: Fields) -> Fields:
    first, _, last = fields.pop("called").partition(" ")
    return fields | {"first": first, "last": last}


CHAIN = (
    Upcaster("test.Person", (version(NAMED),), rename),
    Upcaster("test.Customer", (version(CUSTOMER),), rename, to="test.Person"),
    Upcaster("test.Person", (version(NAMED), version(CALLED)), split),
    Upcaster("test.Customer", (version(CUSTOMER),), split, to="test.Person"),
)


def reading(upcasters: Sequence[Upcaster]) -> Codec:
    return Codec({"test.Person": Person}, CURRENT, IDS, upcasters)


def written(number: int, **fields: Any) -> bytes:
    """As the version behind an id wrote it."""
    out = io.BytesIO()
    out.write(bytes([0, 0, 0, 0, number]))
    fastavro.schemaless_writer(out, parse(IDS[number]), {"salt": b""} | fields)
    return out.getvalue()


@pytest.mark.parametrize(
    "value",
    [
        written(1, id="1", name="Ann Lee", salt=b"\xff"),
        written(2, id="1", called="Ann Lee", salt=b"\xff"),
        written(3, id="1", first="Ann", last="Lee", salt=b"\xff"),
        written(4, id="1", first="Ann", last="Lee", salt=b"\xff", note=None),
    ],
    ids=["two steps", "one step", "resolved", "today"],
)
def test_every_version_is_read_as_that_of_today(value: bytes) -> None:
    assert reading(CHAIN).decode(value) == Person(id="1", first="Ann", last="Lee", salt=b"\xff")


def test_resolution_alone_loses_what_an_upcaster_keeps() -> None:
    assert reading(()).decode(written(2, id="1", called="Ann Lee")) == Person(id="1")


def test_a_record_that_got_another_name_is_read_as_that_one() -> None:
    value = written(5, id="1", name="Ann Lee")
    assert reading(CHAIN).decode(value) == Person(id="1", first="Ann", last="Lee")
    with pytest.raises(UnreadableRecord, match=r"test\.Customer is a record that this version does not know"):
        reading(()).decode(value)


def test_the_chain_is_that_of_what_was_written() -> None:
    value = written(1, id="1", name="Ann Lee")
    record, print_ = reading(CHAIN).read(value)
    assert isinstance(record, Person)
    assert print_ == fingerprint(NAMED)
    assert reading(CHAIN).split(value) == (fingerprint(NAMED), value[HEADER_BYTES:])


def test_what_today_writes_passes_no_upcaster() -> None:
    def never(fields: Fields) -> Fields:
        raise AssertionError(fields)

    codec = reading([Upcaster("test.Person", (version(NAMED), version(CALLED)), never)])
    person = Person(id="1", first="Ann", last="Lee", note="n")
    assert codec.decode(codec.encode(person)) == person
    with pytest.raises(UnreadableRecord):
        codec.decode(written(2, id="1", called="Ann Lee"))


@pytest.mark.parametrize(
    ("lift", "reason"),
    [
        (lambda fields: fields["nothing"], r"the upcaster of test\.Person fails on it \(KeyError\)"),
        (lambda fields: fields | {"first": 1}, r"the upcaster of test\.Person fails on it \(ValidationError\)"),
        (lambda fields: fields | {"frist": "secret"}, "gives frist, which the record of today does not have"),
    ],
    ids=["raises", "wrong type", "misspelt"],
)
def test_an_upcaster_that_fails_says_so_without_telling_the_words(lift: Any, reason: str) -> None:
    codec = reading([Upcaster("test.Person", (version(CALLED),), lift)])
    with pytest.raises(UnreadableRecord, match=reason) as caught:
        codec.decode(written(2, id="1", called="secret"))
    assert caught.value.code == codes.NOT_LIFTED
    assert "secret" not in str(caught.value)


def test_broken_bytes_of_an_old_version_are_malformed_as_ever() -> None:
    value = written(1, id="1", name="Ann Lee")
    for broken in (value[:-1], value + b"\x00"):
        with pytest.raises(UnreadableRecord) as caught:
            reading(CHAIN).decode(broken)
        assert caught.value.code == codes.MALFORMED


def test_a_released_record_may_go_only_with_an_upcaster() -> None:
    assert check(CURRENT, RELEASED, CHAIN) == []
    assert check_upcasters(CHAIN, CURRENT, RELEASED) == []
    problems = [str(problem) for problem in check(CURRENT, RELEASED, CHAIN[::2])]
    assert len(problems) == 2
    assert all(problem.startswith("test.Customer: it was released and is gone") for problem in problems)


def test_an_upcaster_excuses_no_change_that_does_not_resolve() -> None:
    broken = {"test.Person": schema("Person", ("salt", "string", ""))}
    upcasters = [Upcaster("test.Person", (version(NAMED), version(CALLED)), dict), *CHAIN[1::2]]
    assert {problem.record for problem in check(broken, RELEASED, upcasters)} == {"test.Person"}


def test_upcasters_that_lead_nowhere_are_named() -> None:
    def told(*of: str, record: str = "test.Person", to: str | None = None) -> list[str]:
        return check_upcasters([Upcaster(record, of, dict, to)], CURRENT, RELEASED | {"0.3.0": CURRENT})

    assert told(version(NAMED)) == []
    (unknown,) = told("abc")
    assert "is for version abc, which no release has" in unknown
    (today,) = told(version(TODAY))
    assert "is for today's version too" in today
    (nowhere,) = told(version(NAMED), to="test.Nobody")
    assert "leads to test.Nobody, which is no record" in nowhere
    (of_another,) = told(version(CUSTOMER))
    assert "which no release has" in of_another
