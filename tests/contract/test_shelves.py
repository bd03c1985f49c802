"""What every shelf does, whether its rows lie in memory or in RocksDB."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.bookkeeping import Chain, Timer
from engine.interaction.state import Address
from engine.routing.state import Bucket, Need
from engine.rows import Row
from topics.rocks import RocksFolder, StateUnusable
from topics.shapes import Shape
from topics.shelves import Change, MemoryShelf, Position, Saved, Shelf

KINDS: tuple[type[Row], ...] = (Timer, Chain, Bucket, Address)
SHAPE = Shape(KINDS)
HERE = Position(cluster="c", event_offset=7, digest=b"\x00\xff", content_offset=3, commands=9)
IDS = st.sampled_from(["", "a", "a|1", "b", "ü😀", "\x00", "\xff", "a" * 300])
KEYS = st.sampled_from(["k", "kk", "k\x00", "", "~0", "پول", "x" * 300])


@pytest.fixture(params=["memory", "rocks"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    if request.param == "memory":
        yield MemoryShelf(SHAPE)
        return
    with closing(RocksFolder(str(tmp_path / "state"), KINDS)) as folder:
        neighbours = folder.shelf(0), folder.shelf(2)
        for each in neighbours:
            each.write([put("k", "a", bucket("a neighbour's")), put("k", "t", timer("t", 5))], HERE)
        yield folder.shelf(1)
        for each in neighbours:
            assert (each.load("k", Bucket, "a"), list(each.all_keys())) == (bucket("a neighbour's"), ["k"])


def bucket(name: str = "b", waiting: int = 1) -> Bucket:
    return Bucket(bucket_id=name, need=Need(skills=["s", name], agent=None), waiting=waiting)


def timer(name: str, due: int) -> Timer:
    return Timer(name=name, ref="r", due=due)


def put(key: str, row_id: str, row: Row, before: Row | None = None) -> Change:
    return Change(key, type(row), row_id, before, row)


def gone(key: str, row_id: str, before: Row) -> Change:
    return Change(key, type(before), row_id, before, None)


def test_an_empty_shelf_has_nothing(shelf: Shelf) -> None:
    assert shelf.load("k", Bucket, "a") is None
    assert (list(shelf.walk("k", Bucket)), list(shelf.all("k")), list(shelf.all_keys())) == ([], [], [])
    assert (list(shelf.dues(None, 10)), shelf.position()) == ([], None)


def test_what_is_written_is_there_with_its_position_until_it_is_written_anew_or_taken_away(shelf: Shelf) -> None:
    shelf.write(
        [put("k", "a", bucket()), put("k", "", Chain(sequence=1, digest=b"\x00")), put("l", "a", bucket())], HERE
    )
    assert shelf.load("k", Bucket, "a") == bucket()
    assert shelf.load("k", Bucket, "") is None, "another type's id"
    assert sorted(shelf.all("k"), key=lambda each: each[0]) == [
        ("", Chain(sequence=1, digest=b"\x00")),
        ("a", bucket()),
    ]
    assert shelf.position() == HERE
    shelf.write([put("k", "a", bucket(waiting=2), bucket()), gone("l", "a", bucket())], None)
    assert list(shelf.walk("k", Bucket)) == [("a", bucket(waiting=2))]
    assert (list(shelf.all_keys()), shelf.position()) == (["k"], HERE)
    shelf.clear()
    assert (list(shelf.all_keys()), list(shelf.dues(None, 10)), shelf.position()) == ([], [], None)


def test_a_key_is_not_the_beginning_of_another(shelf: Shelf) -> None:
    for key in ("k", "kk", "k\x00", ""):
        shelf.write([put(key, "a", bucket(key))], None)
    for key in ("k", "kk", "k\x00", ""):
        assert list(shelf.all(key)) == [("a", bucket(key))]


def test_deadlines_come_in_order_from_anywhere_on(shelf: Shelf) -> None:
    shelf.write([put("k", name, timer(name, due)) for name, due in (("a", 300), ("b", 2), ("c", 2**62))], None)
    shelf.write([put("j", "a", timer("a", 2)), put("k", "a", timer("a", 1), timer("a", 300))], None)
    every = [(1, "k", "a"), (2, "j", "a"), (2, "k", "b"), (2**62, "k", "c")]
    assert list(shelf.dues(None, 10)) == every
    assert list(shelf.dues(None, 2)) == every[:2]
    for at, each in enumerate(every, start=1):
        assert list(shelf.dues(each, 10)) == every[at:]
    shelf.write([gone("k", "b", timer("b", 2))], None)
    assert list(shelf.dues((1, "k", "a"), 10)) == [(2, "j", "a"), (2**62, "k", "c")]


def saved(key: str, kind: type[Row], row_id: str, row: Row | None) -> Saved:
    return Saved(SHAPE.place(key, kind, row_id), None if row is None else SHAPE.encode(row))


def test_what_was_changed_is_marked_until_it_is_saved_but_for_words_and_names(shelf: Shelf) -> None:
    address = Address(channel="x", platform_id="1")
    shelf.write([put("k", "b", bucket()), put("k", "a", bucket()), put("k", "h", address)], HERE)
    shelf.write([put("k", "a", bucket(waiting=2), bucket()), gone("k", "b", bucket())], None)
    every = [saved("k", Bucket, "a", bucket(waiting=2)), saved("k", Bucket, "b", None)]
    assert (shelf.unsaved(9), shelf.unsaved(1), shelf.snapshot()) == (every, every[:1], None)
    shelf.save([every[0].place], b"how far")
    assert (shelf.unsaved(9), shelf.snapshot()) == (every[1:], b"how far")
    shelf.save([every[1].place], b"further")
    assert (shelf.unsaved(9), shelf.snapshot()) == ([], b"further")
    shelf.mark_all()
    assert shelf.unsaved(9) == every[:1]
    shelf.clear()
    assert (shelf.unsaved(9), shelf.snapshot()) == ([], None)


def test_a_shelf_is_filled_without_marks_and_has_the_deadlines_in_order(shelf: Shelf) -> None:
    one, two = saved("k", Timer, "t", timer("t", 5)), saved("k", Timer, "t", timer("t", 3))
    shelf.fill([one, saved("k", Bucket, "a", bucket()), two, saved("l", Timer, "t", timer("t", 4))])
    assert (list(shelf.dues(None, 9)), shelf.unsaved(9)) == ([(3, "k", "t"), (4, "l", "t")], [])
    shelf.fill([saved("k", Timer, "t", timer("t", 9)), saved("l", Timer, "t", None), saved("k", Bucket, "a", None)])
    assert (list(shelf.dues(None, 9)), list(shelf.all("k"))) == ([(9, "k", "t")], [("t", timer("t", 9))])
    assert shelf.load("l", Timer, "t") is None


Step = tuple[str, str, str, int | None]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(KEYS, IDS, st.sampled_from("bt"), st.none() | st.integers(0, 5)), max_size=30))
def test_a_shelf_is_a_dictionary(shelf: Shelf, steps: list[tuple[str, str, str, int | None]]) -> None:
    shelf.clear()
    model: dict[tuple[str, type[Row], str], Row] = {}
    for key, row_id, letter, number in steps:
        kind: type[Row] = Bucket if letter == "b" else Timer
        row = None if number is None else bucket(waiting=number) if kind is Bucket else timer(row_id, number)
        shelf.write([Change(key, kind, row_id, model.get((key, kind, row_id)), row)], None)
        if row is None:
            model.pop((key, kind, row_id), None)
        else:
            model[key, kind, row_id] = row
    assert sorted(shelf.all_keys(), key=str.encode) == sorted({key for key, _, _ in model}, key=str.encode)
    for key in {key for key, _, _ in model}:
        wanted = {(kind, row_id): row for (at, kind, row_id), row in model.items() if at == key}
        assert {(type(row), row_id): row for row_id, row in shelf.all(key)} == wanted
        for kind in (Bucket, Timer):
            assert {row_id for row_id, _ in shelf.walk(key, kind)} == {at for of, at in wanted if of is kind}
    dues = sorted((row.due, key, row_id) for (key, _, row_id), row in model.items() if isinstance(row, Timer))
    assert sorted(shelf.dues(None, 1000)) == dues


def test_what_was_written_is_there_when_the_folder_is_opened_again_and_only_one_may_have_it(tmp_path: Path) -> None:
    path = str(tmp_path / "state")
    with closing(RocksFolder(path, KINDS)) as folder:
        folder.shelf(3).write([put("k", "a", bucket())], HERE)
        with pytest.raises(StateUnusable, match=r"can't be opened .*stop the other worker"):
            RocksFolder(path, KINDS)
    with closing(RocksFolder(path, KINDS[::-1])) as folder:
        assert folder.shelf(3).load("k", Bucket, "a") == bucket()
        assert folder.shelf(3).position() == HERE


def test_rows_of_another_shape_are_thrown_away(tmp_path: Path) -> None:
    path = str(tmp_path / "state")
    with closing(RocksFolder(path, KINDS)) as folder:
        folder.shelf(3).write([put("k", "a", bucket())], HERE)

    class Chain(Row, kw_only=True, frozen=True):
        other: Annotated[int, "another field"]

    with closing(RocksFolder(path, (Timer, Chain, Bucket))) as folder:
        assert (folder.shelf(3).position(), list(folder.shelf(3).all_keys())) == (None, [])


def test_a_folder_that_is_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(StateUnusable, match="state"):
        RocksFolder(str(tmp_path / "state"), KINDS)


def test_a_branch_has_the_rows_of_its_trunk_and_leaves_it_as_it_is() -> None:
    trunk = MemoryShelf(SHAPE)
    trunk.write([put("k", "a", bucket()), put("k", "t", timer("t", 5)), put("l", "a", bucket())], HERE)
    branch, other = trunk.branch(), trunk.branch()
    assert (branch.load("k", Bucket, "a"), list(branch.all_keys()), list(branch.dues(None, 9))) == (
        bucket(),
        ["k", "l"],
        [(5, "k", "t")],
    )
    changed = [put("k", "a", bucket(waiting=2), bucket()), gone("k", "t", timer("t", 5)), gone("l", "a", bucket())]
    branch.write([*changed, put("m", "t", timer("t", 7))], None)
    assert list(branch.all("k")) == [("a", bucket(waiting=2))]
    assert (list(branch.all_keys()), list(branch.dues(None, 9))) == (["k", "m"], [(7, "m", "t")])
    twig = branch.branch()
    assert (list(twig.all("k")), list(twig.all_keys())) == ([("a", bucket(waiting=2))], ["k", "m"])
    for each in (trunk, other):
        assert sorted(each.all("k")) == [("a", bucket()), ("t", timer("t", 5))]
        assert (list(each.all_keys()), list(each.dues(None, 9))) == (["k", "l"], [(5, "k", "t")])
