"""The weighted length: equal to the library's for every text, only quicker."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from twitter_text import parse_tweet

from engine.text import X_LIMIT, weighted_length
from tests.x_samples import fuzzed, traffic

LIGHT = [
    *(
        "a",
        " ",
        ".",
        "..",
        "1.5",
        "_a.com",
        "www.x.y",
        "&amp;",
        "@kim",
        "\r\n",
        "\r",
        "\x00",
        "\u2019",
        "\u200f",
        "\u1100",
    ),
    *(
        "example.com",
        "EXAMPLE.COM",
        "a.b.co/x?y=1",
        "https://t.co/abc",
        "http://",
        "ä.de",
        "é",
        "e\u0301",
        "\u0301",
        "©",
        "®",
    ),
]
"""What is summed without the library, or looks so."""
HEAVY = [
    *("日本", "x.日本", "x.みんな", "ﷺ", "™", "‼", "\u2028", "\ufeff", "\u1161", "Ⅷ.com", "😀", "🇩🇪", "1\ufe0f\u20e3"),
    "👨\u200d👩\u200d👧",
]
"""What the library has to judge. One of these sends the whole text there, so the light ones are tried alone too."""


def texts(pieces: list[str]) -> st.SearchStrategy[str]:
    """Texts of these pieces."""
    return st.lists(st.sampled_from(pieces), max_size=30).map("".join)


@pytest.mark.parametrize("piece", LIGHT + HEAVY)
def test_it_equals_the_library_for_each_kind_of_character(piece: str) -> None:
    for text in (piece, f"see {piece} there", f"x{piece}x", piece * 3):
        assert weighted_length(text) == parse_tweet(text).weightedLength


@fuzzed
@given(texts(LIGHT) | texts(LIGHT + HEAVY) | st.text(max_size=300))
@example("")
@example("see t.co/a.")
def test_it_equals_the_library_for_every_text(text: str) -> None:
    assert weighted_length(text) == parse_tweet(text).weightedLength


def test_it_equals_the_library_for_the_real_conversations(shared: Path) -> None:
    texts = [line["text"] for line in traffic(shared) if line["kind"] == "agent_reply"][::5]
    assert len(texts) > 200
    assert [weighted_length(text) for text in texts] == [parse_tweet(text).weightedLength for text in texts]


def test_the_limit_is_the_published_one(shared: Path) -> None:
    config = json.loads((shared / "fixtures/twitter-text/config-v3.json").read_text())
    assert config["maxWeightedTweetLength"] == X_LIMIT
    assert weighted_length("https://example.com/a/long/path") == config["transformedURLLength"]


@pytest.mark.parametrize(
    ("text", "length"),
    [("a" * 280, 280), ("日" * 140, 280), ("😀" * 140, 280), ("\ud83d", 2), ("\ud83dé" * 2, 6), ("a\r\nb", 3)],
)
def test_known_lengths(text: str, length: int) -> None:
    assert weighted_length(text) == length
