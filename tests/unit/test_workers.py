"""How many workers of each program there are, what they are called, and whose state is removed."""

import socket
from pathlib import Path

import pytest

from rejoinder.sections import SettingsError
from rejoinder.settings import load
from rejoinder.workers import BadWorkers, counts_of, forget_state, programs_of


def test_one_of_each_is_the_default_under_the_names_of_the_programs() -> None:
    found = programs_of(load(environment={}), None)
    assert [(each.name, each.kind, each.arguments) for each in found] == [
        (name, name, ["1"]) for name in ("engine", "projector", "delivery", "web", "live")
    ]
    assert programs_of(load({"workers.live": 0}, environment={}), None) == found[:-1]


def test_workers_have_names_that_no_other_has_and_that_stay() -> None:
    settings = load({"workers.engine": 3, "workers.web": 2, "workers.delivery": 0}, environment={})
    with socket.create_server(("127.0.0.1", 0)) as listens:
        found = programs_of(settings, listens)
        assert [each.name for each in found] == [
            "engine", "engine-2", "engine-3", "projector", "web", "web-2", "live",
        ]  # fmt: skip
        assert [each.arguments for each in found if each.kind == "engine"] == [["1"], ["2"], ["3"]]
        assert found[1].command_line()[-3:] == ["run", "engine", "2"]
        assert {each.kind for each in found if each.listens is listens} == {"web"}


def test_two_machines_name_their_workers_differently() -> None:
    found = programs_of(load({"workers.machine": "b"}, environment={}), None)
    assert {name for each in found for name in each.arguments} == {"b-1"}
    with pytest.raises(SettingsError, match=r"workers\.machine"):
        load({"workers.machine": "../b"}, environment={})


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("2", {"engine": 2, "projector": 2, "delivery": 2, "web": 2}),
        ("engine=2", {"engine": 2}),
        ("engine=2, web=0", {"engine": 2, "web": 0}),
        ("2,web=1", {"engine": 2, "projector": 2, "delivery": 2, "web": 1}),
    ],
)
def test_the_option_says_how_many_of_which(text: str, counts: dict[str, int]) -> None:
    assert counts_of(text) == {f"workers.{name}": count for name, count in counts.items()}


@pytest.mark.parametrize("text", ["", "two", "engine", "engine=", "motor=2", "engine=-1", "engine=999", "=2,x", "²"])
def test_an_option_that_says_something_else_is_refused(text: str) -> None:
    with pytest.raises(BadWorkers, match="--workers"):
        counts_of(text)


def test_more_workers_than_partitions_are_refused_with_the_setting() -> None:
    settings = load({"workers.projector": 5, "topics.partitions": 4}, environment={})
    with pytest.raises(BadWorkers, match=r"workers\.projector is 5, and there are 4 partitions"):
        programs_of(settings, None)


def test_the_state_of_workers_that_are_no_more_is_removed_and_said(tmp_path: Path) -> None:
    state = tmp_path / "state"
    for name in ("interaction-1", "interaction-2", "routing-2", "interaction-b-1", "other-2", "routing-1"):
        (state / name).mkdir(parents=True)
        (state / name / "CURRENT").write_text("rows")
    said = list(forget_state(load({"data": tmp_path, "workers.engine": 1}, environment={})))
    assert sorted(each.name for each in state.iterdir()) == ["interaction-1", "other-2", "routing-1"]
    assert len(said) == 3
    assert all("its state" in each and "take its partitions over" in each for each in said)
    assert str(state / "interaction-2") in said[0]


def test_without_state_there_is_nothing_to_remove(tmp_path: Path) -> None:
    assert list(forget_state(load({"data": tmp_path}, environment={}))) == []
