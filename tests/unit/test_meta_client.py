"""The calls to the Graph API: every answer is a value."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.calls import ANSWER_LIMIT, InvalidApiAddress
from channels.meta.client import MetaClient
from channels.meta.signature import proof
from channels.outcomes import Posted, Refused, Retry, Unknown
from engine.delivery import Deliver
from tests.meta_calling import TEXT, TOKEN, known, never, perform, run
from tests.meta_samples import COMMENT, MID, PAGE, POST, PSID, SECRET, deliver
from tests.x_samples import fuzzed

# --- what is called ---

SENT = {"text": TEXT, "metadata": "d" * 32}
DONE = {"id": COMMENT, "message_id": MID, "recipient_id": PSID, "success": True}


@pytest.mark.parametrize(
    ("wanted", "method", "path", "body"),
    [
        (deliver("reply"), "POST", f"/{COMMENT}/comments", {"message": TEXT}),
        (deliver("reply", in_reply_to=POST), "POST", f"/{POST}/comments", {"message": TEXT}),
        (deliver("like"), "POST", f"/{COMMENT}/likes", {}),
        (deliver("hide"), "POST", f"/{COMMENT}", {"is_hidden": True}),
        (deliver("unhide"), "POST", f"/{COMMENT}", {"is_hidden": False}),
        (deliver("delete"), "DELETE", f"/{COMMENT}", None),
        (
            deliver("private_answer"),
            "POST",
            f"/{PAGE}/messages",
            {"recipient": {"comment_id": COMMENT}, "messaging_type": "RESPONSE", "message": SENT},
        ),
        (
            deliver("private_answer", in_reply_to=POST),
            "POST",
            f"/{PAGE}/messages",
            {"recipient": {"post_id": POST}, "messaging_type": "RESPONSE", "message": SENT},
        ),
        (
            deliver("message"),
            "POST",
            f"/{PAGE}/messages",
            {"recipient": {"id": PSID}, "messaging_type": "RESPONSE", "message": SENT},
        ),
        (
            deliver("message", tag="HUMAN_AGENT"),
            "POST",
            f"/{PAGE}/messages",
            {"recipient": {"id": PSID}, "messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT", "message": SENT},
        ),
    ],
)
def test_each_action_is_one_call(wanted: Deliver, method: str, path: str, body: object) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=DONE)

    assert isinstance(perform(handler, wanted), Posted)
    (request,) = seen
    assert (request.method, request.url.path) == (method, "/v23.0" + path)
    assert (json.loads(request.content) if request.content else None) == body
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert dict(request.url.params) == {"appsecret_proof": proof(SECRET, TOKEN)}
    assert TOKEN not in str(request.url)
    assert SECRET not in str(request.url) + str(request.headers) + request.content.decode()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"account": "../me"}, "bad_id"),
        ({"in_reply_to": "1/likes"}, "bad_id"),
        ({"in_reply_to": "a?b=c"}, "bad_id"),
        ({"in_reply_to": ""}, "bad_id"),
        ({"action": "message", "recipient": None}, "bad_id"),
        ({"action": "message", "recipient": "thread:900_901"}, "bad_id"),
        ({"action": "message", "recipient": PSID, "tag": "CONFIRMED_EVENT_UPDATE"}, "bad_tag"),
        ({"action": "retweet"}, "not_on_facebook"),
        ({"action": "delete", "channel": "messenger"}, "not_in_messenger"),
        ({"account": "999"}, "no_credentials"),
    ],
)
def test_what_can_not_be_called_is_refused_without_a_call(changes: dict[str, Any], expected: str) -> None:
    result = perform(never, deliver(**changes))
    assert isinstance(result, Refused)
    assert (result.reason, result.detail.endswith(".")) == (expected, True)


@fuzzed
@given(st.text(max_size=20), st.text(max_size=20))
def test_no_name_leads_to_another_address(account: str, item: str) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.url.raw_path.split(b"?")[0] == f"/v23.0/{item}/comments".encode()
        return httpx.Response(200, json=DONE)

    perform(handler, deliver("reply", account=account, in_reply_to=item), lambda account: TOKEN)


def test_what_a_repeat_does() -> None:
    async def repeats(client: MetaClient) -> dict[str, str]:
        actions = ["reply", "message", "private_answer", "like", "hide", "unhide", "delete"]
        return {action: client.repeat(deliver(action)) for action in actions}

    assert run(never, repeats, known) == {
        "reply": "doubled",
        "message": "doubled",
        "private_answer": "refused",
        "like": "harmless",
        "hide": "harmless",
        "unhide": "harmless",
        "delete": "harmless",
    }


# --- tokens ---

EXPIRED = httpx.Response(400, json={"error": {"code": 190, "error_subcode": 463, "message": "expired"}})


def renewing(*tokens: str) -> Callable[[str], str | None]:
    """Gives another token each time that it is asked."""
    left = list(tokens)
    return lambda account: left.pop(0) if len(left) > 1 else left[0]


@pytest.mark.parametrize("refusal", [EXPIRED, httpx.Response(401)])
def test_a_token_that_was_renewed_meanwhile_is_tried_once(refusal: httpx.Response) -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        assert request.url.params["appsecret_proof"] == proof(SECRET, seen[-1].removeprefix("Bearer "))
        return refusal if len(seen) == 1 else httpx.Response(200, json=DONE)

    assert perform(handler, deliver("message"), renewing("old", "new")) == Posted(MID)
    assert seen == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize("tokens", [renewing("old"), renewing("old", "new")])
def test_a_token_that_is_refused_is_not_tried_for_ever(tokens: Callable[[str], str | None]) -> None:
    calls: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return EXPIRED

    result = perform(handler, deliver("message"), tokens)
    assert isinstance(result, Refused)
    assert result.reason == "not_authorised"
    assert len(calls) <= 2


def test_another_refusal_is_not_tried_again() -> None:
    calls: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return httpx.Response(400, json={"error": {"code": 10, "message": "x"}})

    perform(handler, deliver("message"), renewing("old", "new"))
    assert len(calls) == 1


# --- the network ---


@pytest.mark.parametrize(
    ("error", "kind", "expected"),
    [
        (httpx.ConnectError("x"), Retry, "unreachable"),
        (httpx.ConnectTimeout("x"), Retry, "unreachable"),
        (httpx.PoolTimeout("x"), Retry, "unreachable"),
        (httpx.ReadTimeout("x"), Unknown, "time_out"),
        (httpx.ReadError("x"), Unknown, "broken_connection"),
        (httpx.RemoteProtocolError("x"), Unknown, "broken_connection"),
    ],
)
def test_a_network_error_is_retried_only_if_nothing_was_sent(
    error: httpx.HTTPError, kind: type[Retry | Unknown], expected: str
) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error

    result = perform(handler, deliver("message"))
    assert isinstance(result, kind)
    assert result.reason == expected


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    endless = {"message_id": MID, "more": "x" * ANSWER_LIMIT}
    result = perform(lambda request: httpx.Response(200, json=endless), deliver("message"))
    assert isinstance(result, Unknown)
    assert result.reason == "broken_connection"


def test_tokens_never_go_in_the_clear() -> None:
    for address in ("http://graph.facebook.com/v23.0", "http://127.0.0.1.example.com", "graph.facebook.com"):
        with pytest.raises(InvalidApiAddress, match="https://"):
            MetaClient(address, known, SECRET)
