"""Meta's webhook endpoint, through its ASGI application. What all endpoints do alike is in test_x_webhook."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.meta.signature import HEADER, sign
from channels.meta.webhook import BODY_LIMIT, Webhook
from channels.webhook import application
from channels.x.webhook import Webhook as XWebhook
from engine.interaction.commands import ReceiveMessage
from tests.meta_samples import JSON, OWN, POSTED_AT, RECEIVED_AT, SECRET, VERIFY_TOKEN, comment, feed, message, talk
from tests.x_samples import Kept, fuzzed
from topics.catalogue import MAX_RECORD

PATH = "/webhooks/meta"
VERIFICATION = {"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "1158201444"}


def webhook(inbox: Kept, **changes: Any) -> Webhook:
    """An endpoint on an inbox in memory, at a fixed time."""
    fixed: dict[str, Any] = {"app_secret": SECRET, "verify_token": VERIFY_TOKEN, "clock": lambda: RECEIVED_AT}
    return Webhook(
        own_accounts=lambda: OWN,
        home=lambda channel, platform_id: f"home-{channel}-{platform_id}",
        inbox=inbox,
        **(fixed | changes),
    )


def call(app: Any, act: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]) -> httpx.Response:
    """One request to an application; an exception inside it fails the test."""

    async def run() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://webhook") as client:
            return await act(client)

    return asyncio.run(run())


def send(hook: Webhook, raw: bytes, signature: str | None = "right") -> httpx.Response:
    """POSTs a body, rightly signed if nothing else is said."""
    value = sign(SECRET, raw) if signature == "right" else signature
    headers = [] if value is None else [(HEADER.encode(), value.encode("latin-1"))]
    return call(hook.app(), lambda client: client.post(PATH, content=raw, headers=headers))


def verify(hook: Webhook, query: dict[str, str]) -> httpx.Response:
    return call(hook.app(), lambda client: client.get(PATH, params=query))


# --- the verification ---


@pytest.mark.parametrize("challenge", ["1158201444", "<b>&amp;", "", "ä 😀"])
def test_the_challenge_is_given_back_as_it_is(challenge: str) -> None:
    hook = webhook(Kept())
    answer = verify(hook, VERIFICATION | {"hub.challenge": challenge})
    assert (answer.status_code, answer.text) == (200, challenge)
    assert answer.headers["content-type"].startswith("text/plain")
    assert hook.counts.challenges == 1


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"hub.verify_token": "another"}, 403),
        ({"hub.verify_token": ""}, 403),
        ({"hub.verify_token": "ä"}, 403),
        ({"hub.verify_token": None}, 403),
        ({"hub.mode": "unsubscribe"}, 403),
        ({"hub.mode": None}, 403),
        ({"hub.challenge": None}, 400),
    ],
)
def test_no_one_else_gets_it(changes: dict[str, str | None], status: int) -> None:
    query = {name: value for name, value in (VERIFICATION | changes).items() if value is not None}
    hook = webhook(Kept())
    answer = verify(hook, query)
    assert (answer.status_code, hook.counts.challenges) == (status, 0)
    assert "1158201444" not in answer.text
    assert VERIFY_TOKEN not in answer.text


def test_without_a_verify_token_nothing_is_verified() -> None:
    assert verify(webhook(Kept(), verify_token=""), VERIFICATION | {"hub.verify_token": ""}).status_code == 403


# --- deliveries ---


@pytest.mark.parametrize("content", [feed(comment()), talk(message())])
def test_a_signed_body_is_kept_before_it_is_answered(content: dict[str, Any]) -> None:
    inbox = Kept()
    answer = send(webhook(inbox), json.dumps(content).encode())
    assert (answer.status_code, answer.json()) == (200, {"commands": 1, "dead_letters": 0, "ignored": 0})
    ((_, command),) = inbox.commands
    assert isinstance(command, ReceiveMessage)
    assert (command.at, len(command.salt)) == (RECEIVED_AT, 16)


def test_recorded_time_is_the_items() -> None:
    inbox = Kept()
    send(webhook(inbox, recorded_time=True), json.dumps(feed(comment())).encode())
    assert inbox.commands[0][1].at == POSTED_AT


def test_a_body_is_signed_as_meta_writes_it() -> None:
    text = "Ärger 😀 </b>"
    raw = json.dumps(feed(comment(message=text))).replace("/", "\\/").encode()
    assert b"\\u00c4" in raw
    inbox = Kept()
    assert send(webhook(inbox), raw).status_code == 200
    assert inbox.commands[0][1].text == text  # type: ignore[attr-defined]
    rewritten = json.dumps(json.loads(raw), ensure_ascii=False).encode()
    assert send(webhook(Kept()), rewritten, sign(SECRET, raw)).status_code == 403


@pytest.mark.parametrize("signature", [None, "", "sha256=wrong", "\xff"])
def test_what_is_not_signed_is_refused_counted_and_not_kept(signature: str | None) -> None:
    inbox = Kept()
    hook = webhook(inbox)
    answer = send(hook, json.dumps(feed(comment())).encode(), signature)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_signed")
    assert (inbox.commands, inbox.letters, hook.counts.unsigned) == ([], [], 1)


def test_a_thousand_changes_fit_and_a_larger_body_is_refused() -> None:
    values = [comment(comment_id=f"900_{n}", message="ä" * 300) for n in range(1_000)]
    raw = json.dumps(feed(*values)).encode()
    assert 2_000_000 < len(raw) < BODY_LIMIT
    inbox = Kept()
    assert send(webhook(inbox), raw).status_code == 200
    assert len(inbox.commands) == 1_000
    assert send(webhook(Kept(), body_limit=len(raw) - 1), raw).status_code == 413


def test_a_body_that_can_not_be_read_fits_whole_into_a_record() -> None:
    inbox = Kept()
    raw = b"x" * BODY_LIMIT
    assert send(webhook(inbox), raw).status_code == 200
    (letter,) = inbox.letters
    assert (letter.code, letter.value) == ("not_json", raw)
    assert len(raw) < MAX_RECORD


def test_what_kafka_does_not_take_is_answered_with_503_and_taken_when_it_comes_again() -> None:
    inbox = Kept()
    inbox.broken = True
    hook = webhook(inbox)
    raw = json.dumps(feed(comment(), 7)).encode()
    assert send(hook, raw).status_code == 503
    inbox.broken = False
    assert send(hook, raw).status_code == 200
    assert (len(inbox.commands), len(inbox.letters)) == (1, 1)


def test_secrets_are_not_shown() -> None:
    assert SECRET not in repr(webhook(Kept()))
    assert VERIFY_TOKEN not in repr(webhook(Kept()))


def test_two_platforms_share_one_application_and_its_health() -> None:
    hook = webhook(Kept())
    x = XWebhook("consumer", frozenset, lambda person: person, Kept())
    app = application([*hook.routes(), *x.routes()], [hook.counts, x.counts])
    send_to = json.dumps(feed(comment(), comment(item="reaction"))).encode()
    headers = {HEADER: sign(SECRET, send_to)}
    assert call(app, lambda client: client.post(PATH, content=send_to, headers=headers)).status_code == 200
    assert call(app, lambda client: client.get("/webhooks/x", params={"crc_token": "t"})).status_code == 200
    told = call(app, lambda client: client.get("/health")).json()
    assert (told["status"], told["received"], told["challenges"], told["ignored"]) == ("ok", 1, 1, {"reaction": 1})
    assert hook.counts.ignored == {"reaction": 1}
    assert x.counts.ignored == {}


@settings(fuzzed, max_examples=200)
@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()), st.booleans())
def test_no_body_is_ever_an_error(raw: bytes, signed: bool) -> None:
    inbox = Kept()
    answer = send(webhook(inbox), raw, "right" if signed else "sha256=")
    assert answer.status_code == (200 if signed else 403)
    if signed:
        told = answer.json()
        assert (len(inbox.commands), len(inbox.letters)) == (told["commands"], told["dead_letters"])
        assert sum(told.values()) >= 1


@pytest.mark.parametrize("depth", range(880, 1000, 13))
def test_no_depth_of_nesting_is_an_error(depth: int) -> None:
    inbox = Kept()
    raw = json.dumps(feed(1)).encode().replace(b'"value": 1', b'"value": ' + b"[" * depth + b"]" * depth)
    assert send(webhook(inbox), raw).status_code == 200
    assert len(inbox.letters) == 1
