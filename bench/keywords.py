"""What ten thousand keywords cost a message: a policy's filters over real tweets, with keywords and without."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Final

from bench.measure import Measure
from bench.progress import say
from bench.run import Run
from bench.stage import undisturbed
from bench.tweets import CONVERSATIONS, customers
from bench.workload import ACCOUNT, POLICY
from engine.policy.document import Filter, Policy
from engine.policy.filters import fold
from engine.policy.rules import Rules

KEYWORDS: Final = 10_000
PASSES: Final = 10
"""How often the tweets are gone through in a round: they are few."""


def measure(run: Run) -> Iterator[Measure]:
    """Over the recorded tweets; nothing where they are missing."""
    yield from compared(run.sizes.rounds)


def compared(rounds: int, texts: Sequence[str] | None = None) -> list[Measure]:
    """Cost of a message with keywords against without; nothing where the tweets are missing.

    The keywords are words and pairs of words of the tweets themselves, so that most messages have many of them: the
    hard case. Beside it as a filter for each keyword, and with words that hardly any message has.
    """
    if texts is None:
        if not CONVERSATIONS.is_file():
            say("keywords left out: the tweets that it goes over are not beside the repository")
            return []
        texts = list(customers().values())
    words = _keywords(texts)
    kinds = {
        "no_keywords": _rules(()),
        "keywords": _rules((Filter(name="all", any=tuple(words)),)),
        "a_filter_each": _rules(tuple(Filter(name=word, any=(word,)) for word in words)),
        "rare": _rules((Filter(name="all", any=tuple(word[::-1] for word in words)),)),
    }
    costs = _costs(kinds, texts, rounds)
    without, value = median(costs["no_keywords"]), median(costs["keywords"])
    detail = {
        "keywords": len(words),
        "messages": len(texts),
        "met": sum(kinds["keywords"].match(text, event="mention", account="x:1").filter is not None for text in texts),
        "a_filter_each": round(median(costs["a_filter_each"]), 2),
        "rare": round(median(costs["rare"]), 2),
        "rounds": {name: [round(each, 2) for each in found] for name, found in costs.items()},
    }
    return [
        Measure("keywords", round(value, 2), "µs/message", round(value / without, 2), "no_keywords", detail),
        Measure("no_keywords", round(without, 3), "µs/message"),
    ]


def _costs(kinds: Mapping[str, Rules], texts: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """Microseconds a message of each kind in each round; who is first alternates."""
    costs: dict[str, list[float]] = {name: [] for name in kinds}
    for number in range(rounds):
        for name, rules in sorted(kinds.items(), reverse=number % 2 == 1):
            costs[name].append(_timed(rules, texts))
    return costs


def _timed(rules: Rules, texts: Sequence[str]) -> float:
    account = f"x:{ACCOUNT}"
    with undisturbed():
        began = time.perf_counter()
        for _ in range(PASSES):
            for text in texts:
                rules.match(text, event="mention", account=account)
        return (time.perf_counter() - began) / PASSES / len(texts) * 1e6


def _rules(filters: tuple[Filter, ...]) -> Rules:
    return Rules(1, Policy(name="bench", accounts=POLICY.accounts, queues=POLICY.queues, filters=filters))


def _keywords(texts: Sequence[str]) -> list[str]:
    """The same each time, the fewer where the texts have not so many."""
    found: set[str] = set()
    for text in texts:
        words = fold(text).split()
        found.update(words, (f"{one} {other}" for one, other in pairwise(words)))
    return random.Random(1).sample(sorted(found), min(KEYWORDS, len(found)))
