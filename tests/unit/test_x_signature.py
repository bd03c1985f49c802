"""X's signatures: the vectors that others published."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.x.signature import crc_answer, is_signed, sign
from tests.x_samples import fuzzed

VECTOR = "sha256=EERHBy/k17v+SuT+K0OXuwhJtKnPtxi0n/Y4Wye4kVU="


@pytest.mark.parametrize(
    ("secret", "token", "answer"),
    [
        ("apiSecret", "test token", "sha256=O5hJl2njQRIa4vsumZ+3oom9ECR5m3aQLRZkPoYelp0="),
        ("DDD", "some_random", "sha256=VE19eUk6krbdSqWPdvH71xtFhApBAU81uPW3UT65vOs="),
    ],
)
def test_the_challenge_is_answered_as_published(secret: str, token: str, answer: str) -> None:
    assert crc_answer(secret, token) == {"response_token": answer}


def test_a_signed_body_is_known() -> None:
    assert is_signed("DDD", b'{"key":"value"}', VECTOR)


@pytest.mark.parametrize("header", [None, "", "sha256=", VECTOR[7:], VECTOR.lower(), VECTOR + "=", "sha256=ä\udcff"])
def test_any_other_header_is_refused(header: str | None) -> None:
    assert not is_signed("DDD", b'{"key":"value"}', header)


def test_the_raw_bytes_are_signed_not_their_meaning() -> None:
    assert not is_signed("DDD", b'{"key": "value"}', VECTOR)


@fuzzed
@given(st.binary(), st.binary())
def test_a_signature_fits_its_own_body_only(body: bytes, other: bytes) -> None:
    assert is_signed("s", body, sign("s", body))
    assert is_signed("s", other, sign("s", body)) == (body == other)
    assert not is_signed("t", body, sign("s", body))
