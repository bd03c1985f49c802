"""How often a positive sentiment is praise: `python -m bench.sentiment_labels` prints the tables of
docs/why/automatic-answers.md from the labels in tests/data.
"""

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.progress import say
from bench.tweets import CONVERSATIONS, customers
from engine.policy.document import Filter
from engine.policy.filters import FilterSet

LABELS: Final = Path(__file__).resolve().parents[1] / "tests" / "data" / "positive_labels.csv"
THRESHOLDS: Final = (30, 40, 50, 60, 65, 70, 80, 90)
WITHOUT: Final = (
    "?", "please", "pls", "help", "but", "not", "never", "can't", "don't", "didn't", "doesn't", "won't", "still", "dm",
    "issue", "problem",
)  # fmt: skip
"""Words of which praise has none, as in docs/policies: chosen with the drawn tweets in sight, and not the held-out."""


@dataclass(frozen=True)
class Label:
    """What a person says of a tweet: whether the company could like or share it, and nobody has to do more."""

    tweet_id: str
    sample: str
    positive: bool


@dataclass(frozen=True)
class Score:
    """What a filter finds among labelled tweets, how much of it is praise, and how much praise there is."""

    found: int
    right: int
    positive: int

    @property
    def precision(self) -> float:
        """Of what is found, how much is praise."""
        return self.right / self.found

    @property
    def recall(self) -> float:
        """Of all praise, how much is found."""
        return self.right / self.positive

    @property
    def f1(self) -> float:
        """Both in one figure, their harmonic mean."""
        return 2 * self.right / (self.found + self.positive)


def labels(file: Path = LABELS) -> list[Label]:
    """Every label."""
    with file.open(newline="", encoding="utf-8") as opened:
        return [Label(row["tweet_id"], row["sample"], row["positive"] == "yes") for row in csv.DictReader(opened)]


def score(one: Filter, given: Iterable[Label], texts: dict[str, str]) -> Score:
    """How a filter does on some labelled tweets."""
    filters = FilterSet([one])
    marks = [
        (filters.match(texts[each.tweet_id], "mention", "x:1").filter is not None, each.positive) for each in given
    ]
    return Score(sum(hit for hit, _ in marks), sum(hit and good for hit, good in marks), sum(good for _, good in marks))


def table(texts: dict[str, str]) -> Iterator[str]:
    """The tables, line by line."""
    drawn = [each for each in labels() if each.sample == "drawn"]
    held_out = [each for each in labels() if each.sample == "held_out"]
    yield "| threshold | found | praise | precision | recall | F1 | with `none`: found | praise | precision |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for threshold in THRESHOLDS:
        alone = score(_praise(threshold), drawn, texts)
        with_words = score(_praise(threshold, WITHOUT), drawn, texts)
        yield (
            f"| {threshold} | {alone.found} | {alone.right} | {alone.precision:.2f} | {alone.recall:.2f} | "
            f"{alone.f1:.2f} | {with_words.found} | {with_words.right} | {with_words.precision:.2f} |"
        )
    default = score(_praise(None, WITHOUT), held_out, texts)
    yield ""
    yield (
        f"Of {len(held_out)} others that the default threshold with `none` finds, "
        f"{default.right} are praise: {default.precision:.2f}."
    )


def _praise(threshold: int | None, without: Sequence[str] = ()) -> Filter:
    """The filter for praise at a threshold, None: the default one."""
    if threshold is None:
        return Filter(name="praise", sentiment="positive", none=tuple(without))
    return Filter(name="praise", sentiment="positive", none=tuple(without), threshold=threshold)


if __name__ == "__main__":
    if not CONVERSATIONS.is_file():
        say("the tweets that the labels are of are not beside the repository")
        sys.exit(1)
    print(*table(customers()), sep="\n")
