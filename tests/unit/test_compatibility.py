"""FULL_TRANSITIVE: what may follow what was released, held against fastavro, which does the resolving."""

import io
import random
from typing import Any

import fastavro
import pytest
from fastavro.utils import generate_one
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.compatibility import check, check_record
from schemas.files import Schema

NAME = "test.Thing"


def record(*fields: dict[str, Any], name: str = "Thing") -> Schema:
    return {"type": "record", "name": name, "namespace": "test", "fields": list(fields)}


def field(name: str, kind: Any, *default: Any) -> dict[str, Any]:
    return {"name": name, "type": kind} | ({"default": default[0]} if default else {})


BASE = record(field("id", "string"), field("note", ["null", "string"], None))


def broken(new: Schema, old: Schema = BASE) -> list[str]:
    return [str(problem) for problem in check_record(NAME, new, old)]


@pytest.mark.parametrize(
    "new",
    [
        BASE,
        BASE | {"doc": "other words"},
        BASE | {"fields": BASE["fields"][::-1]},
        record(*BASE["fields"], field("more", "long", 0)),
        record(*BASE["fields"], field("more", ["null", "bytes"], None)),
        record(*BASE["fields"], field("more", {"type": "array", "items": "string"}, [])),
        record(field("id", "string")),
    ],
    ids=["same", "docs", "order", "with default", "optional", "collection", "optional dropped"],
)
def test_these_changes_are_allowed(new: Schema) -> None:
    assert broken(new) == []


def test_a_field_without_a_default_may_not_be_added() -> None:
    assert broken(record(*BASE["fields"], field("more", "long"))) == [
        "test.Thing.more: the new schema has the field without a default and the old one does not write it: "
        "give the field a default."
    ]


def test_a_field_without_a_default_may_not_be_dropped() -> None:
    [problem] = broken(record(BASE["fields"][1]))
    assert problem.startswith("test.Thing.id: the old schema has the field without a default and the new one does not")
    assert "keep the field" in problem


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("string", "long"),
        ("int", "long"),
        ("long", "double"),
        ("string", "bytes"),
        ("string", ["null", "string"]),
        (["null", "string"], "string"),
        (["null", "string"], ["null", "string", "long"]),
        ({"type": "array", "items": "string"}, {"type": "array", "items": "long"}),
        ({"type": "map", "values": "string"}, {"type": "map", "values": ["null", "string"]}),
        ({"type": "array", "items": "string"}, {"type": "map", "values": "string"}),
        ({"type": "long", "logicalType": "timestamp-millis"}, "long"),
        ({"type": "long", "logicalType": "timestamp-millis"}, {"type": "long", "logicalType": "timestamp-micros"}),
        (["null", {"type": "long", "logicalType": "timestamp-millis"}], ["null", "long"]),
        (
            {"type": "enum", "name": "E", "namespace": "test", "symbols": ["A"]},
            {"type": "enum", "name": "E", "namespace": "test", "symbols": ["A", "B"]},
        ),
        (record(field("a", "string"), name="Inner"), record(field("a", "string"), field("b", "long"), name="Inner")),
        (record(field("a", "string"), name="Inner"), record(field("a", "string"), name="Renamed")),
    ],
)
def test_a_type_may_not_change(old: Any, new: Any) -> None:
    assert broken(record(field("value", new)), record(field("value", old)))
    assert broken(record(field("value", old)), record(field("value", new)))


@pytest.mark.parametrize(
    ("kind", "default"),
    [("string", 1), ("long", "1"), ("long", True), (["null", "string"], ""), ("bytes", "\u0100"), ("boolean", 0)],
)
def test_a_default_has_to_be_of_its_type(kind: Any, default: Any) -> None:
    [problem] = broken(record(*BASE["fields"], field("more", kind, default)))
    assert "is not of its (first) type" in problem


def test_a_problem_deep_inside_names_its_path() -> None:
    old = record(field("parts", {"type": "array", "items": record(field("size", "long"), name="Part")}))
    new = record(field("parts", {"type": "array", "items": record(field("size", "string"), name="Part")}))
    assert broken(new, old)[0].startswith("test.Thing.parts[].size: the old one may write long, which the new schema")


def test_each_release_counts_and_a_record_may_not_go() -> None:
    first = {NAME: record(field("id", "string"), field("size", "long", 0)), "test.Gone": record(name="Gone")}
    second = {NAME: record(field("id", "string"))}
    today = {NAME: record(field("id", "string"), field("size", "string", ""))}
    problems = [str(problem) for problem in check(today, {"0.1.0": first, "0.2.0": second})]
    assert len(problems) == 3
    assert all("release 0.1.0" in problem for problem in problems)
    assert any(problem.startswith("test.Gone: it was released and is gone") for problem in problems)


def test_a_record_that_holds_itself_is_checked_once() -> None:
    tree = record(field("children", {"type": "array", "items": "test.Thing"}))
    assert broken(tree, tree) == []


PRIMITIVE: list[Any] = ["null", "boolean", "int", "long", "float", "double", "string", "bytes"]


def around(kinds: list[Any]) -> list[Any]:
    """Arrays and maps of the kinds."""
    return [made for kind in kinds for made in ({"type": "array", "items": kind}, {"type": "map", "values": kind})]


# All kinds that lie in each other twice at most. A list to sample from, since drawing them recursively took most of
# the tests' time.
SIMPLE = [*PRIMITIVE, *(["null", kind] for kind in PRIMITIVE[1:]), *around(PRIMITIVE)]
KINDS = st.sampled_from([*SIMPLE, *around(SIMPLE[len(PRIMITIVE) :])])
DEFAULTS: dict[str, Any] = {
    "null": None,
    "boolean": True,
    "int": 1,
    "long": 2,
    "float": 0.5,
    "double": 0.25,
    "string": "text",
    "bytes": "\xff",
    "array": [],
    "map": {},
}


@st.composite
def fields(draw: st.DrawFn, name: str) -> dict[str, Any]:
    kind = draw(KINDS)
    first = kind[0] if isinstance(kind, list) else kind
    default = DEFAULTS[first if isinstance(first, str) else first["type"]]
    return field(name, kind, default) if draw(st.booleans()) else field(name, kind)


FIELDS = {name: fields(name) for name in "abcdef"}
CHANGED = st.sets(st.sampled_from("abcdef"), max_size=2)
GONE = st.sets(st.sampled_from("abcd"), max_size=2)


@st.composite
def versions(draw: st.DrawFn) -> tuple[Schema, Schema]:
    """Two versions of a record, of which most fields are the same."""
    base = {name: draw(FIELDS[name]) for name in "abcd"}
    changed = {name: draw(FIELDS[name]) for name in draw(CHANGED)}
    gone = draw(GONE)
    kept = [name for name in (base | changed) if name not in gone]
    return record(*(dict(base | changed)[name] for name in kept)), record(*base.values())


@settings(max_examples=300, deadline=None)
@given(pair=versions(), seed=st.integers(0, 2**32))
def test_what_is_called_compatible_resolves_in_both_directions(pair: tuple[Schema, Schema], seed: int) -> None:
    new, old = pair
    if broken(new, old):
        return
    random.seed(seed)
    for writer, reader in ((new, old), (old, new)):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, fastavro.parse_schema(writer), generate_one(writer))
        out.seek(0)
        read = fastavro.schemaless_reader(out, fastavro.parse_schema(writer), fastavro.parse_schema(reader))
        assert isinstance(read, dict)
        assert set(read) == {each["name"] for each in reader["fields"]}


@settings(max_examples=300, deadline=None)
@given(pair=versions(), seed=st.integers(0, 2**32))
def test_what_fastavro_cannot_resolve_is_never_called_compatible(pair: tuple[Schema, Schema], seed: int) -> None:
    new, old = pair
    random.seed(seed)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(new), generate_one(new))
    out.seek(0)
    try:
        fastavro.schemaless_reader(out, fastavro.parse_schema(new), fastavro.parse_schema(old))
    except (fastavro.read.SchemaResolutionError, UnicodeDecodeError):  # of bytes that are read as a string
        assert broken(new, old)
