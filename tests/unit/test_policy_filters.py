"""Which words stand in a text."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policy.document import Filter
from engine.policy.filters import FilterSet, fold


def matches(text: str, **conditions: tuple[str, ...]) -> bool:
    return FilterSet([Filter(name="f", **conditions)]).match(text) is not None  # type: ignore[arg-type]


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
    found = [filters.match(text) for text in ("y x", "y", "z")]
    assert [None if one is None else one.name for one in found] == ["one", "two", None]


def test_without_filters_nothing_matches() -> None:
    assert FilterSet([]).match("anything") is None


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
