"""How a text sounds: the same for the same text, for every text, and at a bounded cost."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import sentiment_labels
from bench.tweets import customers
from engine.policy import sentiment as module
from engine.policy.document import Filter
from engine.policy.sentiment import EMOJIS, LONGEST, sentiment

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("I love it, great service!", 1),
        ("This is terrible 😡", -1),
        ("thanks 😊", 1),
        ("I don’t love it", -1),
        ("I don't love it", -1),
        ("The train leaves at nine", 0),
        ("@Support @BestHelp my parcel", 0),
        ("", 0),
    ],
)
def test_good_is_above_zero_and_bad_below(text: str, sign: int) -> None:
    found = sentiment(text)
    assert (found > 0) - (found < 0) == sign


@given(st.text())
def test_every_text_has_one_sentiment_from_minus_one_to_one(text: str) -> None:
    found = sentiment(text)
    assert -1 <= found <= 1
    assert found == sentiment(text) == round(found, 4)


def test_only_so_much_of_a_text_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    analyzer = module._analyzer()
    seen: list[str] = []
    really = analyzer.polarity_scores

    def watched(text: str) -> object:
        seen.append(text)
        return really(text)

    monkeypatch.setattr(analyzer, "polarity_scores", watched)
    for hostile in ("good " * 10_000, "x" * 100_000, "!" * 100_000, "😂" * 100_000, "a😂 " * 100_000, "@a" * 100_000):
        sentiment(hostile)
    assert max(map(len, seen)) <= LONGEST
    assert max(sum(each in analyzer.emojis for each in text) for text in seen) == EMOJIS


def test_each_tweet_is_labelled_once_and_a_hundred_were_drawn() -> None:
    found = sentiment_labels.labels()
    assert len({each.tweet_id for each in found}) == len(found)
    assert sum(each.sample == "drawn" for each in found) == 100
    assert {each.sample for each in found} == {"drawn", "held_out"}


def test_the_labels_hold_no_words_of_anybody() -> None:
    with sentiment_labels.LABELS.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["tweet_id", "sample", "positive"]
    assert all(row[0].isdecimal() and row[2] in ("yes", "no") for row in rows[1:])


def test_the_documentation_has_the_tables_that_the_labels_give(shared: Path) -> None:
    page = (ROOT / "docs/why/automatic-answers.md").read_text("utf-8")
    assert "\n".join(sentiment_labels.table(customers())) in page


def test_the_default_threshold_is_the_best_of_those_tried(shared: Path) -> None:
    drawn = [each for each in sentiment_labels.labels() if each.sample == "drawn"]
    texts = customers()
    scores = {
        threshold: sentiment_labels.score(
            Filter(name="praise", sentiment="positive", threshold=threshold), drawn, texts
        ).f1
        for threshold in sentiment_labels.THRESHOLDS
    }
    assert max(scores, key=lambda threshold: scores[threshold]) == Filter(name="praise").threshold
