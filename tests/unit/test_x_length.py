"""The weighted length: equal to the library's for every text, only quicker."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from twitter_text import parse_tweet

from channels.x.length import too_long
from engine.text import X_LIMIT, weighted_length
from tests.x_samples import fuzzed, traffic

PIECES = st.sampled_from(
    [
        "a",
        " ",
        ".",
        "example.com",
        "https://t.co/abc",
        "http://",
        "@kim",
        "日本",
        "é",
        "é",
        "©",
        "®",
        "™",
        "‼",
        "😀",
        "👨\u200d👩\u200d👧",
        "🇩🇪",
        "1️⃣",
        "\r\n",
        "\r",
        "\x00",
        "’",
        "\u2028",
        "a.b.co/x?y=1",
        "ﷺ",
        "x.日本",
        "\u200f",
        "́",
        "ä.de",
        "1.5",
        "..",
        "Ⅷ.com",
        "_a.com",
        "\ufeff",
        "www.x.y",
        "&amp;",
        "ᄀ",
        "ᅡ",
    ]
)


@fuzzed
@given(st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=300))
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
    assert not too_long(text)
    assert too_long(text + "a" * (X_LIMIT + 1 - length))
