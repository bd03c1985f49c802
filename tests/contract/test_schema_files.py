"""The structs of engine/ and the .avsc files are the same thing told twice."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rejoinder import schema_files
from schemas import compatibility, files
from schemas.codec import Codec, identity, record_name

TYPES = schema_files.record_types()
NAMES = sorted(TYPES)


def test_the_files_are_those_that_the_types_generate() -> None:
    assert schema_files.differences() == []


def test_every_record_and_every_field_is_described() -> None:
    for name, schema in files.current().items():
        assert schema["doc"], name
        for field in schema["fields"]:
            assert field["doc"].strip(), f"{name}.{field['name']}"


def test_every_instant_is_declared_as_one() -> None:
    """A field that is named as one has the logical type, so that other readers see a time and no number."""
    for name, schema in files.current().items():
        for field in schema["fields"]:
            if field["name"].endswith("_at") or field["name"] == "at":
                assert "timestamp-millis" in str(field["type"]), f"{name}.{field['name']}"


def test_today_follows_every_release() -> None:
    assert [str(problem) for problem in compatibility.check(files.current(), files.released())] == []


def test_a_field_without_a_doc_or_an_avro_type_is_refused() -> None:
    class Undocumented(msgspec.Struct):
        bare: int

    class Strange(msgspec.Struct):
        field: Annotated[int | str, "two types"]

    with pytest.raises(TypeError, match=r"Undocumented\.bare: has no doc"):
        schema_files.schema_of(Undocumented)
    with pytest.raises(TypeError, match=r"Strange\.field: a union"):
        schema_files.schema_of(Strange)


def test_differences_say_which_file_and_what_to_run(tmp_path: Path) -> None:
    schema_files.generate(tmp_path)
    assert schema_files.differences(tmp_path) == []
    first, second = NAMES[:2]
    (tmp_path / f"{first}.avsc").unlink()
    (tmp_path / f"{second}.avsc").write_text("{}")
    (tmp_path / "rejoinder.Gone.avsc").write_text("{}")
    assert schema_files.differences(tmp_path) == [
        f"{first}.avsc is missing: run `rejoinder schemas generate`",
        "rejoinder.Gone.avsc describes no record any more",
        f"{second}.avsc is not what the record type says: run `rejoinder schemas generate`",
    ]


def test_a_release_is_a_copy_that_never_changes(tmp_path: Path) -> None:
    for version in ("0.9.0", "0.10.0"):
        files.release(version, directory=tmp_path)
    assert list(files.released(tmp_path)) == ["0.9.0", "0.10.0"]
    assert files.released(tmp_path)["0.9.0"] == files.current()
    with pytest.raises(FileExistsError):
        files.release("0.9.0", directory=tmp_path)


CURRENT = files.current()
CODEC = Codec.local(TYPES, CURRENT)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_record_survives_the_way_through_bytes(name: str, data: st.DataObject) -> None:
    record = data.draw(instances(TYPES[name]))
    assert CODEC.decode(CODEC.encode(record)) == record


@pytest.mark.parametrize("name", NAMES)
def test_the_defaults_of_the_schema_are_those_of_the_struct(name: str) -> None:
    """A reader elsewhere fills in the schema's defaults, ours the struct's."""
    schema, declared = CURRENT[name], {field.name: field for field in msgspec.structs.fields(TYPES[name])}
    for field in schema["fields"]:
        ours = declared[field["name"]]
        assert ("default" in field) == (not ours.required)
        if "default" in field:
            value = ours.default_factory() if ours.default_factory is not msgspec.NODEFAULT else ours.default
            wanted = value.decode("latin-1") if isinstance(value, bytes) else value
            assert field["default"] == (list(wanted) if isinstance(wanted, tuple) else wanted)


def test_no_two_records_have_one_name() -> None:
    schemas = files.current()
    assert {record_name(schema) for schema in schemas.values()} == set(schemas)
    assert len({identity(schema) for schema in schemas.values()}) == len(schemas)


@functools.cache
def instances(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Any value of a struct, from the types of its fields."""
    fields = {field.name: values(field.type) for field in msgspec.structs.fields(kind)}
    return st.builds(kind, **fields)


PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    bytes: st.binary(max_size=40),
    type(None): st.none(),
}


# Made once for each type: a strategy is checked when it is drawn from first, which takes longer than to draw.
@functools.cache
def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Any value of a field's type that Avro can hold: 64 bits for an int, no lone surrogates."""
    if annotation in PLAIN:
        return PLAIN[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return values(arguments[0])
    if origin in (list, tuple, set, frozenset):
        return st.lists(values(arguments[0]), max_size=3).map(origin)
    if origin is dict:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=3)
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return instances(annotation)
    return st.one_of(*(values(argument) for argument in _union(annotation)))


def _union(annotation: Any) -> Iterator[Any]:
    arguments = get_args(annotation)
    assert arguments, f"no strategy for {annotation}"
    yield from arguments
