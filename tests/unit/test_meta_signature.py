"""The proofs between Meta and the app."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.meta.signature import is_signed, proof, same, sign
from tests.x_samples import fuzzed

VECTOR = "sha256=f39034b29165ec6a5104d9aef27266484ab26c8caa7bca8bcb2dd02e8be61b17"


def test_the_published_vector_holds() -> None:
    assert sign("sesame", b"hello world") == VECTOR
    assert is_signed("sesame", b"hello world", VECTOR)


@pytest.mark.parametrize(
    "header",
    [None, "", "sha256=", VECTOR.upper(), VECTOR[:-1], VECTOR + "0", VECTOR.removeprefix("sha256="), "é\udcff"],
)
def test_nothing_else_is_taken_for_it(header: str | None) -> None:
    assert not is_signed("sesame", b"hello world", header)


def test_the_signature_is_over_the_bytes_as_they_came() -> None:
    escaped = b'{"text":"\\u00e4"}'
    assert not is_signed("sesame", '{"text":"ä"}'.encode(), sign("sesame", escaped))
    assert is_signed("sesame", escaped, sign("sesame", escaped))


@fuzzed
@given(st.binary(), st.binary(), st.text(min_size=1))
def test_a_signature_fits_its_own_body_only(one: bytes, other: bytes, secret: str) -> None:
    secret = secret.encode("utf-8", "replace").decode()
    assert is_signed(secret, one, sign(secret, one))
    assert is_signed(secret, other, sign(secret, one)) == (one == other)


@fuzzed
@given(st.text(), st.text())
def test_texts_are_the_same_only_if_they_are_equal(one: str, other: str) -> None:
    assert same(one, other) == (one == other)
    assert same(one, one)


def test_a_tokens_proof_is_made_with_the_app_secret() -> None:
    expected = hmac.new(b"secret", b"token", hashlib.sha256).hexdigest()
    assert proof("secret", "token") == expected
    assert proof("other", "token") != expected
