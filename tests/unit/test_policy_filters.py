"""Which filter a message meets: by its words, by what happened, where, and by how it sounds."""

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policy import filters as module
from engine.policy.document import Filter
from engine.policy.filters import FilterSet, Matched, bare, fold
from engine.policy.sentiment import sentiment


def met(filters: FilterSet, text: str, event: str = "mention", account: str = "x:1") -> str | None:
    """The name of the filter that a message meets."""
    found = filters.match(text, event, account).filter
    return None if found is None else found.name


def matches(text: str, **conditions: tuple[str, ...]) -> bool:
    return met(FilterSet([Filter(name="f", **conditions)]), text) is not None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("refund", "REFUND now"),
        ("straße", "in der STRASSE"),
        ("ΣΟΦΟΣ", "ο σοφος"),
        ("café", "cafe\u0301 au lait"),
        ("cafe\u0301", "the café"),
        ("refund", "ｒｅｆｕｎｄ please"),
        ("refund", "refund!"),
        ("refund", "#refund"),
        ("@acme", "hey @acme."),
        ("c++", "I like C++, a lot"),
        ("not happy", "I am Not  Happy at all"),
        ("not happy", "I am not\nhappy"),
        ("not happy", "I am not\u00a0happy"),
        (" not happy ", "not happy"),
        ("😡", "grr😡😡"),
        ("❤️", "love❤️you"),
        ("super", "❤️super"),
        ("تأخير", "هناك تأخير، من فضلك"),
        ("החזר", "\u200fהחזר\u200f!"),
        ("возврат", "ВОЗВРАТ денег"),
        ("退款", "我要退款了"),
        ("返金", "早く返金してください"),
        ("คืนเงิน", "ขอคืนเงินด้วย"),
        ("환불", "환불 해주세요"),
        ("don't", "I don’t"),
        ("don’t", "I DON'T"),
    ],
)
def test_a_word_is_found_in_any_case_and_script(word: str, text: str) -> None:
    assert matches(text, any=(word,))


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("art", "start"),
        ("art", "artist"),
        ("art", "art_1"),
        ("art", "1art"),
        ("cafe", "café"),
        ("cafe", "cafe\u0301"),
        ("q", "q\u0303"),
        ("not happy", "not very happy"),
        ("not happy", "knot happy"),
        ("возврат", "невозврат"),
        ("تأخير", "التأخير"),
        ("refund", ""),
        ("refund", " "),
    ],
)
def test_a_part_of_a_word_is_not_the_word(word: str, text: str) -> None:
    assert not matches(text, any=(word,))


def test_a_word_that_ends_as_another_begins_is_found_beside_it() -> None:
    assert matches("new york city", all=("new york", "york city"))
    assert matches("a b a", all=("a b", "b a"))
    assert matches("app store", all=("app", "app store"))


def test_any_all_and_none_are_all_to_hold() -> None:
    conditions = {"any": ("a", "b"), "all": ("c", "d"), "none": ("e",)}
    assert matches("b c d", **conditions)
    assert not matches("c d", **conditions)
    assert not matches("a c", **conditions)
    assert not matches("a c d e", **conditions)


def test_the_first_filter_that_matches_decides() -> None:
    filters = FilterSet(
        [Filter(name="one", any=("x",)), Filter(name="two", any=("y",)), Filter(name="three", any=("x",))]
    )
    assert [met(filters, text) for text in ("y x", "y", "z")] == ["one", "two", None]


def test_without_filters_nothing_matches() -> None:
    assert met(FilterSet([]), "anything") is None


def test_a_filter_of_absent_words_alone_matches_all_else() -> None:
    assert matches("anything", none=("x",))
    assert not matches("an x", none=("x",))


ALPHABET = "aAbß ſ_1.é\u0301😀\u200f ا"
WORDS = st.text(ALPHABET, min_size=1, max_size=3).filter(lambda word: fold(word) != "")


def naively(text: str, word: str) -> bool:
    """Whether a word stands in a text, by looking at every place."""

    def joins(one: str) -> bool:
        return one.isalnum() or one in "_\u0301"

    text, word = fold(text), fold(word)
    for start in range(len(text) - len(word) + 1):
        end = start + len(word)
        if text[start:end] != word:
            continue
        before = start > 0 and joins(text[start - 1]) and joins(text[start])
        after = end < len(text) and joins(text[end - 1]) and joins(text[end])
        if not before and not after:
            return True
    return False


@given(st.text(ALPHABET, max_size=12), st.lists(WORDS, min_size=1, max_size=5), st.data())
def test_it_finds_what_a_naive_search_finds(text: str, words: list[str], data: st.DataObject) -> None:
    groups: dict[str, list[str]] = {"any": [], "all": [], "none": []}
    for word in words:
        groups[data.draw(st.sampled_from(sorted(groups)))].append(word)
    expected = (
        (not groups["any"] or any(naively(text, word) for word in groups["any"]))
        and all(naively(text, word) for word in groups["all"])
        and not any(naively(text, word) for word in groups["none"])
    )
    assert matches(text, **{name: tuple(group) for name, group in groups.items()}) is expected


@given(st.text(max_size=20), st.text(string.ascii_letters, min_size=1, max_size=8))
def test_a_word_between_spaces_is_always_found(around: str, word: str) -> None:
    assert matches(f"{around} {word} {around}", any=(word.swapcase(),))


@given(st.text(max_size=30))
def test_any_text_can_be_searched(text: str) -> None:
    matches(text, any=("a", "😀"), none=("e\u0301",))


EVENTS = ("mention", "reply", "direct_message")
ACCOUNTS = ("x:1", "x:2", "facebook:1")
VOCABULARY = ("good", "love it", "bad", "terrible", "order", "c", "not")
WORD_LISTS = st.lists(st.sampled_from(VOCABULARY), max_size=2).map(tuple)
CONDITIONS = st.fixed_dictionaries(
    {
        "any": WORD_LISTS,
        "all": WORD_LISTS,
        "none": WORD_LISTS,
        "sentiment": st.sampled_from(["positive", "negative", None]),
        "threshold": st.integers(0, 100),
        "events": st.lists(st.sampled_from(EVENTS), max_size=2).map(tuple),
        "accounts": st.lists(st.sampled_from(ACCOUNTS), max_size=2).map(tuple),
    }
)
MESSAGES = st.lists(st.sampled_from(VOCABULARY), max_size=5).map(" ".join)


def holds(one: dict[str, Any], text: str, event: str, account: str) -> bool:
    """Whether all conditions hold, the sentiment's apart, word by word."""
    return bool(
        (not one["any"] or any(naively(text, word) for word in one["any"]))
        and all(naively(text, word) for word in one["all"])
        and not any(naively(text, word) for word in one["none"])
        and event in (one["events"] or EVENTS)
        and account in (one["accounts"] or ACCOUNTS)
    )


def sounds(one: dict[str, Any], text: str) -> bool:
    if one["sentiment"] is None:
        return True
    sign = 1 if one["sentiment"] == "positive" else -1
    return bool(sign * sentiment(text) >= one["threshold"] / 100)


@given(st.lists(CONDITIONS, max_size=6), MESSAGES, st.sampled_from(EVENTS), st.sampled_from(ACCOUNTS))
def test_it_is_always_the_first_filter_whose_conditions_all_hold(
    given_filters: list[dict[str, Any]], text: str, event: str, account: str
) -> None:
    filters = FilterSet([Filter(name=str(number), **one) for number, one in enumerate(given_filters)])
    held = [number for number, one in enumerate(given_filters) if holds(one, text, event, account)]
    first = next((number for number in held if sounds(given_filters[number], text)), None)
    asked = any(given_filters[number]["sentiment"] for number in held if first is None or number <= first)
    found = filters.match(text, event, account)
    assert (None if found.filter is None else int(found.filter.name)) == first
    assert found.sentiment == (sentiment(text) if asked else None)


def test_the_sentiment_is_computed_once_and_only_for_a_filter_whose_other_conditions_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []

    def counted(text: str) -> float:
        seen.append(text)
        return 0.5

    monkeypatch.setattr(module, "sentiment", counted)
    filters = FilterSet(
        [
            Filter(name="elsewhere", sentiment="positive", threshold=0, accounts=("x:2",)),
            Filter(name="bad", sentiment="negative", any=("phone",)),
            Filter(name="very good", sentiment="positive", threshold=80, any=("phone",)),
            Filter(name="good", sentiment="positive", threshold=50, any=("phone",)),
        ]
    )
    assert filters.match("my dog", "mention", "x:1") == Matched(None, None)
    assert seen == []
    found = filters.match("my phone", "mention", "x:1")
    assert (found.filter is not None and found.filter.name, found.sentiment) == ("good", 0.5)
    assert seen == ["my phone"]


@pytest.mark.parametrize(("sounding", "direction"), [(0.65, "positive"), (-0.65, "negative")])
def test_a_threshold_is_reached_by_what_is_just_as_strong(
    sounding: float, direction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "sentiment", lambda _: sounding)
    for threshold, expected in ((64, "f"), (65, "f"), (66, None)):
        one = Filter(name="f", sentiment=direction, threshold=threshold)  # type: ignore[arg-type]
        assert met(FilterSet([one]), "anything") == expected


def test_a_filter_of_its_own_for_each_of_many_words_is_found_by_its_word() -> None:
    filters = FilterSet([Filter(name=f"f{number}", any=(f"word{number}",)) for number in range(10_000)])
    assert met(filters, "word9999 and word123") == "f123"
    assert met(filters, "word10000") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("STOP", "stop"),
        ("@AcmeCare stop", "stop"),
        (".@AcmeCare @Other STOP!!!", "stop"),
        ("stop @AcmeCare", "stop"),
        ("“Stop.”", "stop"),
        ("stop 🙏❤️", "stop"),
        ("\u200fstop\u200f", "stop"),
        ("opt  OUT", "opt out"),
        ("don’t!", "don't"),
        ("🛑", ""),
        ("", ""),
        ("no stop", "no stop"),
        ("a@b.example", "a@b.example"),
        ("रोको!", "रोको"),
    ],
)
def test_what_a_message_says_beside_handles_and_signs(text: str, said: str) -> None:
    assert bare(text) == said


@given(st.text(max_size=40))
def test_what_is_bare_stays_so(text: str) -> None:
    assert bare(bare(text)) == bare(text)
