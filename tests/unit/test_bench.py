"""What the bench tells, without the services that it measures."""

import json
from pathlib import Path

import pytest

from bench import decide_only, keywords
from bench.__main__ import main
from bench.measure import Measure, Timing, typical
from bench.workload import messages

FIELDS = {"name", "value", "unit", "ratio", "against", "detail"}


def test_a_line_has_every_field() -> None:
    line = json.loads(Measure("main_path", 1000.0, "events/s").line())
    assert line == {
        "name": "main_path",
        "value": 1000.0,
        "unit": "events/s",
        "ratio": None,
        "against": None,
        "detail": {},
    }


def test_standard_output_has_json_lines_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--only", "decide_only", "--messages", "50", "--rounds", "1"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["name"] for line in lines] == ["decide_only"]
    assert lines[0].keys() == FIELDS


def test_the_median_counts_and_not_the_mean() -> None:
    assert typical([Timing(1, 1, 1, events) for events in (100, 300, 2_000)]) == 300


def test_a_ratio_is_told_with_what_it_is_against() -> None:
    (alone,) = decide_only.measure(50, 1)
    (beside,) = decide_only.measure(50, 1, main_path=10.0)
    assert (alone.ratio, alone.against) == (None, None)
    assert beside.against == "main_path"
    assert beside.ratio == pytest.approx(beside.value / 10.0, rel=0.01)


def test_the_messages_are_the_same_each_time() -> None:
    assert messages(100) == messages(100)


def test_authors_write_new_posts_and_answer_their_own() -> None:
    made = messages(1_000)
    author_of = {message.item_id: message.handle_id for message in made}
    answers = [message for message in made if message.in_reply_to is not None]
    assert all(author_of[message.in_reply_to or ""] == message.handle_id for message in answers)
    assert 0.4 < len(answers) / len(made) < 0.8
    assert 100 < len(set(author_of.values())) <= 150
    assert len(author_of) == 1_000


def test_every_message_is_decided_into_at_least_one_event() -> None:
    (measure,) = decide_only.measure(200, 1)
    assert measure.detail["events"] > measure.detail["commands"] == 200


def test_keywords_are_told_against_none_in_the_same_run() -> None:
    found, without = keywords.measure(1, ["my phone is dead", "the phone is fine"])
    assert (found.name, found.against, without.name) == ("keywords", "no_keywords", "no_keywords")
    assert found.ratio == pytest.approx(found.value / without.value, rel=0.1)
    assert found.detail["keywords"] == 11  # six words and five pairs
    assert found.detail["met"] == 2


def test_without_the_tweets_keywords_are_left_out_with_a_word(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(keywords, "CONVERSATIONS", tmp_path / "none.csv")
    assert keywords.measure(1) == []
    assert "keywords left out" in capsys.readouterr().err
