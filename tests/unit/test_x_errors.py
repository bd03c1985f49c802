"""What X's answers mean, for each action. Every answer is a value."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from channels.calls import LONGEST_WAIT, Call
from channels.outcomes import Duplicate, Outcome, Posted, Refused, Retry, Unknown
from channels.x.errors import outcome_of
from channels.x.requests import call_of
from channels.x.timeline import find_message
from engine.delivery import Deliver
from tests.unit.delivery_scene import deliver
from tests.x_samples import fuzzed

NOW = 1_600_000_000_000
ACTIONS = ("reply", "message", "retweet", "like", "hide", "unhide", "delete")
FORBIDDEN = {"title": "Forbidden", "detail": "Forbidden", "type": "about:blank", "status": 403}


def outcome(action: str, status: int, body: object, headers: dict[str, str] | None = None) -> Outcome:
    """What an answer means."""
    return outcome_of(action, status, headers or {}, json.dumps(body).encode(), NOW)


def reason(action: str, status: int, body: object) -> str:
    """Why an answer means that it is refused for good."""
    result = outcome(action, status, body)
    assert isinstance(result, Refused)
    assert result.detail.endswith(".")
    return result.reason


# --- the recorded exchanges ---

RECORDED: dict[str, list[tuple[str, Deliver | None, Outcome]]] = {
    "create_and_delete_tweet": [
        ("POST /2/tweets", deliver(action="reply", text="Test Tweet"), Posted("1522929456142245888")),
        (
            "DELETE /2/tweets/1522929456142245888",
            deliver(action="delete", in_reply_to="1522929456142245888"),
            Posted(None),
        ),
    ],
    "like_and_unlike": [
        (
            "POST /2/users/1072250532645998596/likes",
            deliver(action="like", account="1072250532645998596", in_reply_to="1293593516040269825"),
            Posted(None),
        ),
        ("DELETE", None, Unknown("unreadable_answer", "X said that it took the call, but not what it did.")),
    ],
    "retweet_and_unretweet": [
        (
            "POST /2/users/1072250532645998596/retweets",
            deliver(action="retweet", account="1072250532645998596", in_reply_to="1415348607813832708"),
            Posted(None),
        ),
        ("DELETE", None, Unknown("unreadable_answer", "X said that it took the call, but not what it did.")),
    ],
}


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_the_recorded_exchanges_are_understood(shared: Path, name: str) -> None:
    """What undoes a like or a retweet is no action of ours: it is fed to its action as an answer that denies it."""
    interactions = exchanges(shared, name)
    assert len(interactions) == len(RECORDED[name])
    action = ""
    for recorded, (call, asked, expected) in zip(interactions, RECORDED[name], strict=True):
        action = action if asked is None else asked.action
        assert f"{recorded['request']['method']} {urlsplit(recorded['request']['uri']).path}".startswith(call)
        if asked is not None:
            made = call_of(asked)
            assert isinstance(made, Call)
            assert f"{made.method} {made.path}" == call
            if made.body is not None and action != "reply":  # the recorded one answers nothing
                assert made.body == recorded["request"]["body"]
        assert outcome_of(action, *answered(recorded), NOW) == expected


def test_the_recorded_direct_messages_are_understood(shared: Path) -> None:
    sent, by_conversation, group, events, _, conversation = exchanges(shared, "manage_and_lookup_direct_messages")
    call = call_of(deliver(action="message", recipient="750362064426721281", text="Testing 1"))
    assert isinstance(call, Call)
    assert call.path == urlsplit(sent["request"]["uri"]).path
    assert call.body == sent["request"]["body"]
    ids = ["1585823814058971140", "1585823814956482567", "1585823815904395268"]
    for recorded, item_id in zip((sent, by_conversation, group), ids, strict=True):
        assert outcome_of("message", *answered(recorded), NOW) == Posted(item_id)
    assert find_message(page_of(events), "1072250532645998596", "Testing 1", 0) is None
    # They were asked for without the sender: a message of nobody's is not ours.
    assert find_message(page_of(conversation), "1072250532645998596", "Testing 1", 0) is None
    page = page_of(conversation)
    for event in page["data"]:
        event["sender_id"] = "1072250532645998596"
    assert find_message(page, "1072250532645998596", "Testing 1", 0) == "1585823814058971140"


def exchanges(shared: Path, name: str) -> list[dict[str, Any]]:
    content = yaml.safe_load((shared / f"fixtures/tweepy/test_asyncclient_{name}.yaml").read_text())
    return list(content["interactions"])


def answered(recorded: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body."""
    response = recorded["response"]
    headers = {name.lower(): values[0] for name, values in response["headers"].items()}
    return response["status"]["code"], headers, response["body"]["string"].encode()


def page_of(recorded: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(recorded["response"]["body"]["string"]))


# --- what was done ---


@pytest.mark.parametrize(
    ("action", "data", "expected"),
    [
        ("reply", {"id": "5", "text": "Hi"}, Posted("5")),
        ("message", {"dm_conversation_id": "1-2", "dm_event_id": "7"}, Posted("7")),
        ("retweet", {"retweeted": True, "rest_id": "8"}, Posted("8")),
        ("retweet", {"retweeted": True}, Posted(None)),
        ("like", {"liked": True}, Posted(None)),
        ("hide", {"hidden": True}, Posted(None)),
        ("unhide", {"hidden": False}, Posted(None)),
        ("delete", {"deleted": True}, Posted(None)),
    ],
)
def test_what_was_done_is_known(action: str, data: object, expected: Outcome) -> None:
    assert outcome(action, 200, {"data": data, "errors": [{"detail": "some field is missing"}]}) == expected


@pytest.mark.parametrize(
    ("action", "body"),
    [
        *((action, body) for action in ACTIONS for body in (b"", b"<html>", b"[]", b'{"data": []}', b'{"data": {}}')),
        ("reply", b'{"data": {"id": 5}}'),
        ("reply", b'{"data": {"id": "a:b"}}'),
        ("message", b'{"data": {"id": "5"}}'),
        ("like", b'{"data": {"liked": "true"}}'),
        ("hide", b'{"data": {"hidden": false}}'),
        ("unhide", b'{"data": {"hidden": true}}'),
        ("delete", b'{"data": {"deleted": false}}'),
    ],
)
def test_success_that_says_nothing_is_unknown(action: str, body: bytes) -> None:
    assert isinstance(outcome_of(action, 201, {}, body, NOW), Unknown)


# --- refusals ---

DUPLICATE = "You are not allowed to create a Tweet with duplicate content."


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, {"title": "Forbidden", "detail": DUPLICATE, "type": "about:blank", "status": 403}),
        (403, {"code": 187, "message": "Status is a duplicate."}),
        (403, {"errors": [{"code": 187, "message": "Status is a duplicate."}]}),
        (400, {"errors": [{"message": DUPLICATE}], "title": "Invalid Request"}),
        (200, {"errors": [{"detail": DUPLICATE}]}),
    ],
)
def test_a_duplicate_is_known_in_every_form_and_only_of_posts(status: int, body: object) -> None:
    assert outcome("reply", status, body) == Duplicate()
    for action in ACTIONS[1:]:
        assert outcome(action, status, body) != Duplicate()


NOT_ENROLLED = {
    "title": "Client Forbidden",
    "detail": "When authenticating requests to the Twitter API v2 endpoints, you must use keys and tokens from a …",
    "required_enrollment": "Appropriate Level of API Access",
    "reason": "client-not-enrolled",
    "type": "https://api.twitter.com/2/problems/client-forbidden",
}
SUBSET = {"errors": [{"code": 453, "message": "You currently have access to a subset of X API V2 endpoints"}]}
GONE = {"errors": [{"code": 144, "message": "No status found with that ID."}]}
NOT_FOUND = {
    "errors": [
        {
            "detail": "Could not find tweet with id: [17].",
            "title": "Not Found Error",
            "type": "https://api.twitter.com/2/problems/resource-not-found",
        }
    ]
}
NOT_MENTIONED = (
    "Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged by the author "
    "of the post you are replying to."
)


@pytest.mark.parametrize(
    ("action", "status", "body", "expected"),
    [
        ("reply", 400, {"title": "Invalid Request", "detail": "Your Tweet text is too long. Shorten it."}, "too_long"),
        ("reply", 403, {"detail": "Your Tweet text is too long."}, "too_long"),
        ("reply", 403, {"errors": [{"code": 186, "message": "Tweet needs to be a bit shorter."}]}, "too_long"),
        ("reply", 403, {"detail": NOT_MENTIONED}, "reply_not_allowed"),
        ("reply", 403, {"detail": "You attempted to reply to a Tweet that is deleted or not visible to you."},
         "message_gone"),
        ("reply", 403, {"errors": [{"code": 385, "message": "x"}]}, "message_gone"),
        ("reply", 403, {"code": 326, "message": "To protect our users"}, "account_locked"),
        ("reply", 403, {"code": 64, "message": "Your account is suspended and is not permitted"}, "account_locked"),
        ("reply", 403, {"code": 136, "message": "You have been blocked from the author"}, "author_blocks"),
        ("reply", 403, FORBIDDEN, "not_permitted"),
        ("reply", 403, {"detail": "User has been suspended: [17]."}, "not_permitted"),
        ("delete", 403, {"detail": "It is blocked."}, "not_permitted"),
        ("message", 403, {"errors": [{"code": 349, "message": "You cannot send messages to this user."}]},
         "recipient_closed"),
        ("message", 403, {"errors": [{"code": 150, "message": "…users who are not following you."}]},
         "recipient_closed"),
        ("message", 403, {"errors": [{"code": 476, "message": "Sender is not verified to send message requests"}]},
         "recipient_closed"),
        ("message", 403, {**FORBIDDEN, "detail": "You do not have permission to DM one or more participants."},
         "recipient_closed"),
        ("message", 403, {"detail": "You have been blocked by this user"}, "recipient_closed"),
        ("message", 403, FORBIDDEN, "not_permitted"),
        ("message", 400, {"errors": [{"code": 354, "message": "over the max character limit"}]}, "too_long"),
        ("message", 404, {"errors": [{"code": 108, "message": "Cannot find specified user."}]}, "recipient_gone"),
        ("like", 403, FORBIDDEN, "not_in_tier"),
        ("hide", 403, FORBIDDEN, "not_permitted"),
        *((action, 403, body, "not_in_tier") for action in ACTIONS for body in (NOT_ENROLLED, SUBSET)),
        *((action, 404, body, "message_gone") for action in ("reply", "retweet", "like", "hide", "unhide")
          for body in (GONE, NOT_FOUND)),
        *((action, 200, NOT_FOUND, "message_gone") for action in ("retweet", "like")),
        *((action, 401, {"title": "Unauthorized"}, "not_authorised") for action in ACTIONS),
        *((action, 402, {"title": "CreditsDepleted"}, "no_credits") for action in ACTIONS),
        *((action, 400, {"errors": "nonsense"}, "invalid_request") for action in ACTIONS),
        *((action, 404, {}, "not_found") for action in ACTIONS),
        *((action, 302, {}, "moved") for action in ACTIONS),
        *((action, 418, [], "refused") for action in ACTIONS),
    ],
)  # fmt: skip
def test_a_refusal_has_a_reason(action: str, status: int, body: object, expected: str) -> None:
    assert reason(action, status, body) == expected


def test_a_like_that_the_tier_does_not_offer_says_so() -> None:
    result = outcome("like", 403, SUBSET)
    assert isinstance(result, Refused)
    assert "likes" in result.detail
    other = outcome("message", 403, SUBSET)
    assert isinstance(other, Refused)
    assert "likes" not in other.detail


@pytest.mark.parametrize(
    ("action", "status", "body"),
    [
        ("retweet", 403, {"errors": [{"code": 327, "message": "You have already retweeted this Tweet."}]}),
        ("retweet", 400, {"errors": [{"message": "You cannot retweet a Tweet that you have already retweeted."}]}),
        ("like", 403, {"errors": [{"code": 139, "message": "You have already favorited this status."}]}),
        ("delete", 404, GONE),
        ("delete", 404, NOT_FOUND),
        ("delete", 404, {"title": "Not Found", "detail": "Could not find the tweet."}),
    ],
)
def test_what_is_wanted_and_is_so_already_is_done(action: str, status: int, body: object) -> None:
    assert outcome(action, status, body) == Posted(None)
    for other in set(ACTIONS) - {action}:
        assert outcome(other, status, body) != Posted(None)


# --- what may be tried again ---


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 425])
def test_a_server_error_is_tried_again_unless_a_message_may_have_been_sent(status: int) -> None:
    for action in ACTIONS:
        result = outcome_of(action, status, {"retry-after": "7"}, b"<html>bad gateway</html>", NOW)
        if action == "message" and status not in (425, 503):
            assert isinstance(result, Unknown)
        else:
            assert isinstance(result, Retry)
            assert result.retry_after == 7000
        assert result.reason == "unavailable"


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_does_not_wait_until_a_limit_begins_anew(status: int) -> None:
    every_answer_has = {"x-rate-limit-remaining": "99", "x-rate-limit-reset": str(NOW // 1000 + 900)}
    result = outcome("reply", status, {"title": "Service Unavailable"}, every_answer_has)
    assert isinstance(result, Retry)
    assert result.retry_after is None


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"x-rate-limit-reset": str(NOW // 1000 + 90)}, 90_000),
        ({"x-rate-limit-reset": str(NOW // 1000 - 90)}, 1_000),
        ({"x-rate-limit-reset": "999999999999"}, LONGEST_WAIT),
        ({"retry-after": "5", "x-rate-limit-reset": str(NOW // 1000 + 90)}, 5_000),
        ({"x-rate-limit-reset": "soon"}, None),
        ({}, None),
        (
            {
                "x-rate-limit-reset": str(NOW // 1000 + 90),
                "x-user-limit-24hour-remaining": "0",
                "x-user-limit-24hour-reset": str(NOW // 1000 + 3600),
            },
            3_600_000,
        ),
        (
            {
                "x-rate-limit-reset": str(NOW // 1000 + 90),
                "x-user-limit-24hour-remaining": "7",
                "x-user-limit-24hour-reset": str(NOW // 1000 + 3600),
                "x-app-limit-24hour-remaining": "0",
            },
            90_000,
        ),
    ],
)
def test_a_limit_says_how_long_to_wait(action: str, headers: dict[str, str], wait: int | None) -> None:
    result = outcome(action, 429, {"title": "Too Many Requests"}, headers)
    assert isinstance(result, Retry)
    assert (result.reason, result.retry_after) == ("rate_limited", wait)


@pytest.mark.parametrize("code", [88, 185])
def test_a_limit_is_known_by_its_number_too(code: int) -> None:
    result = outcome("reply", 403, {"errors": [{"code": code, "message": "limit"}]})
    assert isinstance(result, Retry)
    assert result.reason == "rate_limited"


# --- always ---

BODIES = st.binary(max_size=60) | st.sampled_from(
    [b'{"errors": [{"code": {}, "message": []}, 3]}', b'{"data": {"id": []}, "errors": 7}', b'{"data": {"deleted": 1}}']
)


@fuzzed
@given(st.sampled_from([*ACTIONS, "private_answer"]), st.integers(200, 599), BODIES)
def test_no_answer_is_an_error(action: str, status: int, body: bytes) -> None:
    result = outcome_of(action, status, {"retry-after": "x" * 30}, body, NOW)
    assert isinstance(result, Posted | Retry | Refused | Unknown | Duplicate)


@pytest.mark.parametrize("action", ACTIONS)
def test_details_never_quote_x(action: str) -> None:
    for status in (200, 400, 401, 402, 403, 404, 408, 429, 500):
        body = {"title": "quoted words", "detail": "quoted words", "code": 1, "message": "quoted"}
        assert "quoted" not in repr(outcome(action, status, body))


# --- which call it is ---


@pytest.mark.parametrize(
    ("asked", "method", "path", "body"),
    [
        (deliver(), "POST", "/2/tweets", {"text": "text of d1", "reply": {"in_reply_to_tweet_id": "17"}}),
        (deliver(action="message", recipient="9"), "POST", "/2/dm_conversations/with/9/messages",
         {"text": "text of d1"}),
        (deliver(action="retweet"), "POST", "/2/users/42/retweets", {"tweet_id": "17"}),
        (deliver(action="like"), "POST", "/2/users/42/likes", {"tweet_id": "17"}),
        (deliver(action="hide"), "PUT", "/2/tweets/17/hidden", {"hidden": True}),
        (deliver(action="unhide"), "PUT", "/2/tweets/17/hidden", {"hidden": False}),
        (deliver(action="delete"), "DELETE", "/2/tweets/17", None),
        (deliver(action="delete", visibility="private"), "DELETE", "/2/dm_events/17", None),
    ],
)  # fmt: skip
def test_each_action_is_a_call(asked: Deliver, method: str, path: str, body: object) -> None:
    assert call_of(asked) == Call(method, path, body)  # type: ignore[arg-type]


def test_what_x_does_not_have_is_refused() -> None:
    result = call_of(deliver(action="private_answer"))
    assert isinstance(result, Refused)
    assert result.reason == "not_on_x"


NAMES = st.text(max_size=8) | st.sampled_from(["17", "../17", "1/2", "1?a=b", "%2e%2e", "", "1" * 21])


@fuzzed
@given(st.sampled_from(ACTIONS), NAMES, NAMES, NAMES | st.none())
def test_nothing_but_ids_becomes_part_of_an_address(
    action: str, account: str, item: str, recipient: str | None
) -> None:
    call = call_of(deliver(action=action, account=account, in_reply_to=item, recipient=recipient))
    if isinstance(call, Call):
        assert all(part.isascii() and part.replace("_", "").isalnum() for part in call.path.split("/")[1:])
    else:
        assert (call.reason, account in call.detail and len(account) > 3) == ("bad_id", False)
