"""What the Graph API's answers mean."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.calls import LONGEST_WAIT
from channels.meta.errors import outcome_of, regained_after
from channels.outcomes import Duplicate, Outcome, Posted, Refused, Retry, Unknown
from tests.meta_samples import COMMENT, MID, PSID, deliver
from tests.x_samples import fuzzed

ACTIONS = ["reply", "message", "private_answer", "like", "hide", "unhide", "delete"]
DOUBLED = ["reply", "message"]
REPEATABLE = ["private_answer", "like", "hide", "unhide", "delete"]


def error(code: object, subcode: object = None, words: str = "words", **more: Any) -> dict[str, Any]:
    """An error as Meta writes it."""
    whole = {"message": words, "type": "OAuthException", "code": code, "error_subcode": subcode, "fbtrace_id": "A"}
    return {"error": {name: value for name, value in (whole | more).items() if value is not None}}


def outcome(
    body: object, status: int = 400, action: str = "reply", headers: dict[str, str] | None = None, attempt: int = 1
) -> Outcome:
    """What an answer means."""
    return outcome_of(deliver(action, attempt=attempt), status, headers or {}, json.dumps(body).encode())


def reason(result: Outcome) -> str:
    """Why it is not done; the detail is a sentence."""
    assert isinstance(result, Refused | Retry | Unknown)
    assert result.detail.endswith(".")
    return result.reason


# --- success ---


@pytest.mark.parametrize(
    ("action", "body", "expected"),
    [
        ("reply", {"id": COMMENT}, Posted(COMMENT)),
        ("reply", {"id": 901}, Posted("901")),
        ("message", {"recipient_id": PSID, "message_id": MID}, Posted(MID)),
        ("private_answer", {"recipient_id": PSID, "message_id": MID}, Posted(MID, PSID)),
        ("private_answer", {"recipient_id": int(PSID), "message_id": MID}, Posted(MID, PSID)),
        ("private_answer", {"message_id": MID}, Posted(MID)),
        ("like", {"success": True}, Posted(None)),
        ("hide", {"success": True}, Posted(None)),
        ("unhide", True, Posted(None)),
        ("delete", {"success": True}, Posted(None)),
    ],
)
def test_what_was_done_is_told(action: str, body: object, expected: Posted) -> None:
    assert outcome(body, 200, action) == expected


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        {"success": False},
        False,
        {"id": True},
        {"id": "a:b"},
        {"id": {"a": 1}},
        {"message_id": "two words"},
        {"recipient_id": "kim", "message_id": MID},
        {"error": "odd"},
    ],
)
def test_success_without_what_belongs_to_it_is_unknown(action: str, body: object) -> None:
    assert isinstance(outcome(body, 200, action), Unknown)


# --- errors ---


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (error(190), "not_authorised"),
        (error(190, 463), "not_authorised"),
        (error(102), "not_authorised"),
        (error(104), "not_authorised"),
        (error(100, words="Invalid appsecret_proof provided in the API argument"), "bad_app_secret"),
        (error(10), "not_permitted"),
        (error(3), "not_permitted"),
        (error(200), "not_permitted"),
        (error(299), "not_permitted"),
        (error(200, 2018028), "not_permitted"),
        (error(10, 2018278), "window_closed"),
        (error("10", "2018278"), "window_closed"),
        (error(10, 2018065), "window_closed"),
        (error(551), "person_unavailable"),
        (error(551, 1545041), "person_unavailable"),
        (error(200, 1545041), "person_unavailable"),
        (error(100, 2018001), "person_unavailable"),
        (error(368), "blocked_by_platform"),
        (error(100, 33), "message_gone"),
        (error(100), "invalid_request"),
        (error(100, words="(#100) Length of param message[text] must be less than 2000"), "too_long"),
        (error(10901), "reply_not_allowed"),
        (error(10902), "reply_not_allowed"),
        (error(10903), "reply_not_allowed"),
        (error(12), "outdated_api"),
        (error(2635), "outdated_api"),
        (error(123456), "invalid_request"),
    ],
)
def test_a_refusal_has_a_reason(action: str, body: object, expected: str) -> None:
    result = outcome(body, 400, action)
    assert isinstance(result, Refused)
    assert reason(result) == expected


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("code", [4, 9, 17, 32, 341, 613, 80001, 80002, 80006])
@pytest.mark.parametrize("status", [400, 403, 429, 500])
def test_a_throttle_is_tried_again(action: str, code: int, status: int) -> None:
    result = outcome(error(code, is_transient=True), status, action)
    assert isinstance(result, Retry)
    assert reason(result) == "rate_limited"


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("body", [error(2), error(1200), error(2, is_transient=True), error(77, is_transient=True)])
def test_a_passing_error_is_tried_again(action: str, body: object) -> None:
    result = outcome(body, 400, action)
    assert isinstance(result, Retry)
    assert reason(result) == "unavailable"


@pytest.mark.parametrize("action", REPEATABLE)
@pytest.mark.parametrize("status", [400, 500])
def test_an_unknown_error_is_tried_again_where_a_repeat_does_no_harm(action: str, status: int) -> None:
    assert isinstance(outcome(error(1, is_transient=True), status, action), Retry)


@pytest.mark.parametrize("action", DOUBLED)
@pytest.mark.parametrize(
    ("status", "body"), [(500, error(1, is_transient=True)), (400, error(1, 1357046)), (500, error(77))]
)
def test_an_unknown_error_denies_nothing_where_a_repeat_would_be_a_second_one(
    action: str, status: int, body: object
) -> None:
    assert isinstance(outcome(body, status, action), Unknown)


def test_one_private_answer_was_there_before() -> None:
    assert outcome(error(10900), action="private_answer") == Duplicate()
    assert isinstance(outcome(error(10900), action="like"), Refused)


@pytest.mark.parametrize("action", DOUBLED)
def test_the_same_text_was_there_before(action: str) -> None:
    assert outcome(error(506), action=action) == Duplicate()


def test_what_is_gone_was_deleted_by_the_attempt_before() -> None:
    assert outcome(error(100, 33), action="delete", attempt=2) == Posted(None)
    assert reason(outcome(error(100, 33), action="delete", attempt=1)) == "message_gone"
    assert reason(outcome(error(100, 33), action="hide", attempt=2)) == "message_gone"


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (429, Retry, "rate_limited"),
        (503, Retry, "unavailable"),
        (425, Retry, "unavailable"),
        (500, Unknown, "unavailable"),
        (502, Unknown, "unavailable"),
        (504, Unknown, "unavailable"),
        (408, Unknown, "unavailable"),
        (401, Refused, "not_authorised"),
        (404, Refused, "not_found"),
        (302, Refused, "moved"),
        (400, Refused, "refused"),
    ],
)
@pytest.mark.parametrize("action", DOUBLED)
def test_an_answer_that_is_not_metas(action: str, status: int, kind: type, expected: str) -> None:
    result = outcome_of(deliver(action), status, {}, b"<html>bad gateway</html>")
    assert isinstance(result, kind)
    assert reason(result) == expected


@pytest.mark.parametrize("action", REPEATABLE)
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_tried_again_where_a_repeat_does_no_harm(action: str, status: int) -> None:
    assert isinstance(outcome_of(deliver(action), status, {"retry-after": "7"}, b""), Retry)


# --- how long to wait ---


def usage(*minutes: object) -> dict[str, str]:
    """The header that says how long a throttle lasts, for some use cases of one business."""
    return {"x-business-use-case-usage": json.dumps({"42": [{"estimated_time_to_regain_access": n} for n in minutes]})}


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        (usage(5), 300_000),
        (usage(5, 7, 0), 420_000),
        (usage("3"), 180_000),
        (usage(0), None),
        (usage(10**9), LONGEST_WAIT),
        (usage(-5, "soon", None, True, {}), None),
        ({"retry-after": "5"} | usage(7), 5_000),
        ({"retry-after": "soon"}, None),
        ({"x-business-use-case-usage": "{"}, None),
        ({"x-business-use-case-usage": '{"42": 7, "43": [8]}'}, None),
        ({"x-app-usage": '{"call_count": 100}'}, None),
        ({}, None),
    ],
)
def test_a_throttle_says_how_long_it_lasts(headers: dict[str, str], wait: int | None) -> None:
    assert regained_after(headers) == wait
    result = outcome(error(32), headers=headers)
    assert isinstance(result, Retry)
    assert result.retry_after == wait


# --- whatever comes ---

VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([1, 10, 100, 190, "4"])
BODIES = st.binary(max_size=60) | st.dictionaries(
    st.sampled_from(["id", "message_id", "recipient_id", "success", "error"]),
    VALUES | st.dictionaries(st.sampled_from(["code", "error_subcode", "message", "is_transient"]), VALUES),
).map(lambda body: json.dumps(body).encode())


@fuzzed
@given(st.sampled_from(ACTIONS), st.integers(200, 599), BODIES, st.text(max_size=30))
def test_no_answer_is_an_error(action: str, status: int, body: bytes, header: str) -> None:
    headers = {"retry-after": header, "x-business-use-case-usage": header}
    result = outcome_of(deliver(action), status, headers, body)
    assert isinstance(result, Posted | Retry | Refused | Unknown | Duplicate)


@fuzzed
@given(st.sampled_from(DOUBLED), st.sampled_from([1, 77, 5000]), st.booleans(), st.sampled_from([500, 502, 504]))
def test_no_server_error_without_a_clear_no_leads_to_a_second_one(
    action: str, code: int, named: bool, status: int
) -> None:
    assert not isinstance(outcome(error(code) if named else {}, status, action), Retry)


def test_details_never_quote_meta() -> None:
    for code in (1, 2, 4, 10, 100, 190, 200, 368, 506, 551, 10900, 4242):
        for action in ACTIONS:
            words = error(code, words="quoted words", error_user_msg="quoted", error_user_title="quoted")
            assert "quoted" not in repr(outcome(words, 400, action))
