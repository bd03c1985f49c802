"""Tokens as people give them, in every form that platforms hand out; whatever else is refused and never quoted."""

import json

import pytest
from hypothesis import given as given_by
from hypothesis import strategies as st

from rejoinder.accounts import PageToken, XToken, XUser
from rejoinder.connecting import given
from rejoinder.connecting.given import BadToken, for_page, for_x, read

NOW = 1_000


@pytest.mark.parametrize(
    "text",
    [
        "42-abc\nsecret\n",
        "42-abc secret",
        '{"access_token": "42-abc", "access_token_secret": "secret"}',
        '{"oauth_token": "42-abc", "oauth_token_secret": "secret"}',
    ],
)
def test_an_oauth_1_token_comes_with_its_secret(text: str) -> None:
    kept = for_x(read(text, "forms"), NOW)
    assert isinstance(kept, XUser)
    assert (kept.access_token, kept.token_secret) == ("42-abc", "secret")


def test_an_oauth_2_token_is_x_s_whole_answer() -> None:
    answer = {"access_token": "a", "refresh_token": "r", "expires_in": 7200, "scope": "dm.read like.write"}
    kept = for_x(read(json.dumps(answer), "forms"), NOW)
    assert isinstance(kept, XToken)
    assert kept.refresh_token == "r"
    assert kept.expires_at == NOW + 7_200_000
    assert kept.scopes == ("dm.read", "like.write")


@pytest.mark.parametrize("text", ["EAAB\n", '{"access_token": "EAAB", "token_type": "bearer"}'])
def test_a_page_has_one_token(text: str) -> None:
    kept = for_page(read(text, "forms"))
    assert isinstance(kept, PageToken)
    assert kept.access_token == "EAAB"


def test_the_same_token_is_known_again_and_another_is_not() -> None:
    first, again, other = (for_x(read(text, "forms"), NOW).given for text in ("a b", "a\nb\n", "a c"))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    "text",
    ["", "  ", "hunter2 a b", "{", '{"access_token": 3}', '{"access_token": "hunter2 x"}', '{"hunter2": "a"}',
     "{" * 9000, '{"access_token": "hunter2"}', "hunter2", "é hunter2", "x" * 20_000],
)  # fmt: skip
def test_what_is_no_token_of_x_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(BadToken) as caught:
        for_x(read(text, given.X_FORMS), NOW)
    assert "hunter2" not in str(caught.value)
    assert caught.value.exit_code == 2


FIELDS = ("access_token", "access_token_secret", "refresh_token", "expires_in", "scope", "other")
OBJECTS = st.recursive(
    st.none() | st.text() | st.integers(), lambda inner: st.dictionaries(st.sampled_from(FIELDS), inner), max_leaves=8
).map(json.dumps)


@given_by(st.text(max_size=200) | OBJECTS)
def test_any_text_is_a_token_or_is_refused_with_one_sentence(text: str) -> None:
    for make in (lambda found: for_x(found, NOW), for_page):
        try:
            kept = make(read(text, "forms"))
        except BadToken as error:
            assert "\n" not in str(error)
        else:
            assert kept.access_token.isascii() and " " not in kept.access_token


def test_a_given_token_is_never_shown() -> None:
    assert "hunter2" not in repr(read("hunter2", "forms"))
