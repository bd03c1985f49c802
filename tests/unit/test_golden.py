"""Every golden log is read, evolved and decided again by today's code; and what must never happen to one is found."""

import json
import shutil
from pathlib import Path

import pytest

from rejoinder import golden
from schemas import files
from tests.golden import outcomes
from tests.golden.__main__ import write

LOGS = golden.logs()
CURRENT = files.current()
RELEASED = files.released()
GONE = "rejoinder.interaction.events.Queued"


def test_there_is_one_of_every_release() -> None:
    assert list(RELEASED) == [version for version in LOGS if version != golden.NEXT]
    assert RELEASED


@pytest.mark.parametrize("version", LOGS)
def test_a_golden_log_comes_to_the_state_that_it_came_to(version: str) -> None:
    folder = LOGS[version]
    found = outcomes.state(golden.read(folder / golden.LOG))
    assert outcomes.differences(outcomes.kept(folder / outcomes.STATE), found) == []


@pytest.mark.parametrize("version", LOGS)
def test_a_golden_log_decided_again_comes_to_what_it_came_to(version: str) -> None:
    folder = LOGS[version]
    found = outcomes.again(golden.read(folder / golden.LOG))
    assert outcomes.differences(outcomes.kept(folder / outcomes.AGAIN), found) == []


@pytest.mark.parametrize("version", LOGS)
def test_every_record_of_a_golden_log_is_read(version: str) -> None:
    log = golden.read(LOGS[version] / golden.LOG)
    codec = log.codec()
    for entry in log.records:
        if entry.value is not None:
            codec.decode(entry.value)


def test_the_story_leads_to_every_record_that_there_is_today(tmp_path: Path) -> None:
    write(tmp_path)
    assert golden.untold(CURRENT, tmp_path) == []
    log = golden.read(tmp_path / golden.NEXT / golden.LOG)
    assert {each["difference"] for each in outcomes.again(log).values()} == {None}


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The golden logs, to be spoilt."""
    return Path(shutil.copytree(golden.GOLDEN, tmp_path / "golden", ignore=shutil.ignore_patterns("*.py")))


def test_the_golden_logs_are_as_they_were_written(copied: Path) -> None:
    assert golden.problems(CURRENT, RELEASED, copied) == []


def test_one_that_was_edited_is_found(copied: Path) -> None:
    first = next(iter(RELEASED))
    file = copied / first / golden.LOG
    content = bytearray(file.read_bytes())
    content[-40] ^= 1
    file.write_bytes(content)
    assert f"{file} is not what was recorded with release {first}" in golden.problems(CURRENT, RELEASED, copied)[0]


def test_one_that_is_gone_is_found(copied: Path) -> None:
    first = next(iter(RELEASED))
    shutil.rmtree(copied / first)
    assert f"the golden log of release {first} is gone" in golden.problems(CURRENT, RELEASED, copied)[0]
    (copied / golden.SUMS).unlink()
    assert f"release {first} has no golden log" in golden.problems(CURRENT, RELEASED, copied)[0]


def test_a_released_schema_that_was_edited_is_found(copied: Path) -> None:
    first = next(iter(RELEASED))
    schema = RELEASED[first][GONE]
    edited = RELEASED | {first: RELEASED[first] | {GONE: schema | {"fields": schema["fields"][:-1]}}}
    (found,) = golden.problems(CURRENT, edited, copied)
    assert f"schemas/released/{first}/{GONE}.avsc is not what that release wrote with" in found


def test_a_schema_without_a_golden_event_is_found(copied: Path) -> None:
    field = {"name": "more", "type": "string", "default": ""}
    changed = CURRENT | {GONE: CURRENT[GONE] | {"fields": [*CURRENT[GONE]["fields"], field]}}
    (found,) = golden.problems(changed, RELEASED, copied)
    assert found.startswith(f"{GONE} is in no golden log as it is today")
    assert golden.untold(changed, copied) == [f"there is no {copied / golden.NEXT / golden.LOG}: run `make golden`"]


def test_the_next_one_becomes_that_of_a_release(copied: Path, tmp_path: Path) -> None:
    write(copied)
    assert golden.problems(CURRENT, RELEASED, copied) == []
    golden.freeze("99.0.0", copied)
    assert list(golden.logs(copied))[-1] == "99.0.0"
    assert golden.problems(CURRENT, RELEASED | {"99.0.0": CURRENT}, copied) == []


def test_the_same_story_makes_the_same_file(tmp_path: Path) -> None:
    log = golden.read(next(iter(LOGS.values())) / golden.LOG)
    for name in ("one", "two"):
        golden.write(tmp_path / name, log.schemas, log.records)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert golden.read(tmp_path / "one") == log


def test_a_difference_in_what_comes_of_a_log_is_told(tmp_path: Path) -> None:
    before: outcomes.Outcome = {"a 1": {"x": 1, "y": [1]}, "a 2": {"x": 1}}
    file = tmp_path / "kept.jsonl"
    assert outcomes.save(file, before)
    assert not outcomes.save(file, before)
    assert json.loads(file.read_text().splitlines()[0]) == {"of": "a 1", "x": 1, "y": [1]}
    assert outcomes.kept(file) == before
    assert outcomes.differences(before, before | {"b 1": {}}) == [], "a kind of row that is new"
    assert outcomes.differences(before, {"a 1": {"x": 1, "y": [1], "z": 0}, "a 2": {"x": 1}}) == [], "a new field"
    assert outcomes.differences(before, {"a 1": before["a 1"]}) == ["a 2 is gone"]
    assert outcomes.differences(before, before | {"a 3": {}}) == ["a 3 is new"]
    assert outcomes.differences(before, before | {"a 2": {"x": None}}) == ["a 2: x was 1 and is None"]
    assert outcomes.differences(before, before | {"a 2": {}}) == ["a 2: x was 1 and is 'gone'"]
