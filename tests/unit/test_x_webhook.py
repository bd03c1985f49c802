"""The webhook endpoint, through its ASGI application."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.x.signature import HEADER, crc_answer, sign
from channels.x.webhook import Webhook
from engine.interaction.commands import ReceiveMessage
from tests.x_samples import ACCOUNT, OWN, POSTED_AT, RECEIVED_AT, SECRET, Kept, body, fuzzed, tweet

PATH = "/webhooks/x"


def webhook(inbox: Kept, **changes: Any) -> Webhook:
    """An endpoint on an inbox in memory, at a fixed time."""
    return Webhook(
        consumer_secret=SECRET,
        own_accounts=lambda: OWN,
        home=lambda platform_id: f"home-{platform_id}",
        inbox=inbox,
        clock=lambda: RECEIVED_AT,
        **changes,
    )


def call(hook: Webhook, act: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]) -> httpx.Response:
    """One request to the application; an exception inside it fails the test."""

    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(hook.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://webhook") as client:
            return await act(client)

    return asyncio.run(run())


def send(hook: Webhook, raw: bytes, signature: str | None = "right") -> httpx.Response:
    """POSTs a body, rightly signed if nothing else is said."""
    value = sign(SECRET, raw) if signature == "right" else signature
    headers = [] if value is None else [(HEADER.encode(), value.encode("latin-1"))]
    return call(hook, lambda client: client.post(PATH, content=raw, headers=headers))


def test_the_challenge_is_answered() -> None:
    hook = webhook(Kept())
    answer = call(hook, lambda client: client.get(PATH, params={"crc_token": "a token &="}))
    assert (answer.status_code, answer.json()) == (200, crc_answer(SECRET, "a token &="))
    assert hook.counts.challenges == 1


def test_a_get_without_a_token_is_refused() -> None:
    assert call(webhook(Kept()), lambda client: client.get(PATH)).status_code == 400


def test_a_signed_post_is_kept_before_it_is_answered() -> None:
    inbox = Kept()
    hook = webhook(inbox)
    answer = send(hook, json.dumps(body(tweet())).encode())
    assert (answer.status_code, answer.json()) == (200, {"commands": 1, "dead_letters": 0, "ignored": 0})
    ((_, command),) = inbox.commands
    assert isinstance(command, ReceiveMessage)
    assert (command.at, command.posted_at, len(command.salt)) == (RECEIVED_AT, POSTED_AT, 16)
    assert (hook.counts.received, hook.counts.commands) == (1, 1)


def test_every_salt_is_another() -> None:
    inbox = Kept()
    send(webhook(inbox), json.dumps(body(*[tweet(id_str=str(n)) for n in range(1, 50)])).encode())
    assert len({command.salt for _, command in inbox.commands if isinstance(command, ReceiveMessage)}) == 49


def test_recorded_time_is_the_posts() -> None:
    inbox = Kept()
    send(webhook(inbox, recorded_time=True), json.dumps(body(tweet())).encode())
    assert inbox.commands[0][1].at == POSTED_AT


@pytest.mark.parametrize("signature", [None, "", "sha256=wrong", "\xff"])
def test_what_is_not_signed_is_refused_counted_and_not_kept(signature: str | None) -> None:
    inbox = Kept()
    hook = webhook(inbox)
    answer = send(hook, json.dumps(body(tweet())).encode(), signature)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_signed")
    assert (inbox.commands, inbox.letters, hook.counts.unsigned) == ([], [], 1)


def test_a_body_changed_on_its_way_is_refused() -> None:
    raw = json.dumps(body(tweet())).encode()
    assert send(webhook(Kept()), raw + b" ", sign(SECRET, raw)).status_code == 403


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"\xff\xfe{}", "not_json"),
        ('{"a":1}'.encode("utf-16"), "not_json"),
        (b'{"id": ' + b"9" * 5000 + b"}", "not_json"),
        (b"[" * 100_000 + b"]" * 100_000, "too_deep"),
        (b'{"data":' * 900 + b"1" + b"}" * 900, "unknown_shape"),
        (b"7", "not_an_object"),
        (b'{"for_user_id": "1", "new": [1]}', "unknown_event"),
    ],
)
def test_what_is_signed_but_unknown_is_kept_and_answered_with_200(raw: bytes, code: str) -> None:
    inbox = Kept()
    hook = webhook(inbox)
    assert send(hook, raw).status_code == 200
    (letter,) = inbox.letters
    assert (letter.code, letter.source_topic, letter.at) == (code, "webhook", RECEIVED_AT)
    assert hook.counts.dead_letters == 1
    if code != "unknown_event":
        assert (letter.value or b"").replace(b" ", b"") == raw.replace(b" ", b"")


@pytest.mark.parametrize("depth", range(900, 1000, 7))
def test_no_depth_of_nesting_is_an_error(depth: int) -> None:
    inbox = Kept()
    raw = json.dumps(body(1)).encode().replace(b"[1]", b"[" * depth + b"]" * depth)
    assert send(webhook(inbox), raw).status_code == 200
    assert len(inbox.letters) == 1


def test_a_body_at_the_limit_is_taken_and_one_byte_more_is_refused() -> None:
    raw = json.dumps(body(tweet())).encode()
    assert send(webhook(Kept(), body_limit=len(raw)), raw).status_code == 200
    hook = webhook(Kept(), body_limit=len(raw) - 1)
    assert send(hook, raw).status_code == 413
    assert hook.counts.too_large == 1


def test_no_more_of_a_large_body_is_read_than_the_limit() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1000
            assert sent < 20_000
            yield b"x" * 1000

    hook = webhook(Kept(), body_limit=5000)
    received: list[dict[str, Any]] = []

    async def run() -> None:
        stream = endless()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": await anext(stream), "more_body": True}

        async def reply(message: Any) -> None:
            received.append(message)

        scope = {"type": "http", "method": "POST", "path": PATH, "headers": [], "query_string": b""}
        await hook.app()(scope, receive, reply)

    asyncio.run(run())
    assert received[0]["status"] == 413
    assert sent == 6000


def test_a_caller_who_leaves_early_is_counted() -> None:
    hook = webhook(Kept())
    received: list[dict[str, Any]] = []

    async def run() -> None:
        messages: Iterator[dict[str, Any]] = iter(
            [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
        )

        async def receive() -> dict[str, Any]:
            return next(messages)

        async def reply(message: Any) -> None:
            received.append(message)

        scope = {"type": "http", "method": "POST", "path": PATH, "headers": [], "query_string": b""}
        await hook.app()(scope, receive, reply)

    asyncio.run(run())
    assert hook.counts.broken_off == 1


@pytest.mark.parametrize("raw", [json.dumps(body(tweet())).encode(), b"not json"])
def test_what_kafka_does_not_take_is_answered_with_503_and_taken_when_it_comes_again(raw: bytes) -> None:
    inbox = Kept()
    inbox.broken = True
    hook = webhook(inbox)
    assert send(hook, raw).status_code == 503
    assert (hook.counts.unavailable, hook.counts.commands, hook.counts.dead_letters) == (1, 0, 0)
    inbox.broken = False
    assert send(hook, raw).status_code == 200
    assert len(inbox.commands) + len(inbox.letters) == 1


def test_health_tells_the_counts() -> None:
    hook = webhook(Kept())
    send(hook, json.dumps(body(tweet(), tweet(retweeted_status={}))).encode())
    health = call(hook, lambda client: client.get("/health")).json()
    assert (health["status"], health["received"], health["commands"]) == ("ok", 1, 1)
    assert health["ignored"] == {"repost": 1}


def test_another_method_or_path_is_no_error_of_ours() -> None:
    hook = webhook(Kept())
    assert call(hook, lambda client: client.put(PATH)).status_code == 405
    assert call(hook, lambda client: client.get("/other")).status_code == 404


FIELDS = ["for_user_id", "tweet_create_events", "tweet_delete_events", "data", "event_type", "payload", "id", "user"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(ACCOUNT) | st.just(tweet()),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=15,
)


@settings(fuzzed, max_examples=300)
@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()), st.booleans())
def test_no_body_is_ever_an_error(raw: bytes, signed: bool) -> None:
    inbox = Kept()
    answer = send(webhook(inbox), raw, "right" if signed else "sha256=")
    assert answer.status_code == (200 if signed else 403)
    if signed:
        told = answer.json()
        assert (len(inbox.commands), len(inbox.letters)) == (told["commands"], told["dead_letters"])
        assert sum(told.values()) >= 1
