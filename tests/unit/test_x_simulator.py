"""The simulated X: its rules, its memory, its control API; and the real client against it, without a socket."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from channels.outcomes import Duplicate, LookUpFailed, Outcome, Posted, Refused, Retry, Unknown
from channels.simulator.x import create_app
from channels.simulator.x_credentials import user_context
from channels.simulator.x_platform import (
    DUPLICATE,
    DUPLICATE_WINDOW,
    GONE,
    TOO_LONG,
    BrokenJournal,
    Limits,
    Platform,
    Post,
    Recorded,
    Refusal,
)
from channels.x.client import XClient
from channels.x.webhook import Webhook
from engine.interaction.commands import ReceiveMessage, RecordOwnPost
from tests.x_samples import ACCOUNT, CUSTOMER, OTHER_ACCOUNT, OWN, SECRET, Kept, body, tweet

NOW = 1_600_000_000_000
ITEM = tweet()["id_str"]


class World:
    """The simulator, a webhook endpoint to which it delivers, and a client that posts there: all in this process."""

    def __init__(self, journal: Path | None = None, rate_limit: int | None = None) -> None:
        self.inbox = Kept()
        self.now = NOW
        endpoint = Webhook(SECRET, lambda: OWN, lambda person: f"home-{person}", self.inbox, recorded_time=True)
        self.app = create_app(
            SECRET,
            webhook="http://webhook/webhooks/x",
            journal=journal,
            rate_limit=rate_limit,
            clock=lambda: self.now,
            webhook_pause=0.001,
            transport=httpx.ASGITransport(endpoint.app()),
        )
        self.endpoint = endpoint
        transport = httpx.ASGITransport(self.app)
        self.control = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
        self.client = XClient(
            "http://127.0.0.1",
            lambda account: user_context(SECRET, account),
            call_timeout=0.3,
            clock=lambda: self.now,
            transport=transport,
        )

    async def customer(self, **changes: Any) -> httpx.Response:
        return await self.control.post("/_simulator/posts", json=body(tweet(**changes)))

    async def fault(self, kind: str, times: int = 1) -> None:
        assert (await self.control.post("/_simulator/faults", json={"kind": kind, "times": times})).status_code == 200

    async def answer(self, text: str = "We are sorry. ^MG", to: str = ITEM, account: str = ACCOUNT) -> Outcome:
        return await self.client.post(account, to, text)

    async def state(self) -> dict[str, Any]:
        while True:
            state: dict[str, Any] = (await self.control.get("/_simulator/state")).json()
            if not state["webhooks_pending"]:
                return state
            await asyncio.sleep(0.005)


def play(story: Callable[[World], Awaitable[None]], world: World | None = None) -> World:
    """Runs a story in a world of its own."""
    world = world or World()

    async def run() -> None:
        async with world.app.router.lifespan_context(world.app):
            await story(world)

    asyncio.run(run())
    return world


def test_a_customers_post_is_delivered_signed_and_can_be_answered_and_the_answer_echoes() -> None:
    async def story(world: World) -> None:
        told = await world.customer()
        assert (told.status_code, told.json()["delivered"], told.json()["attempts"]) == (200, True, 1)
        posted = await world.answer()
        assert isinstance(posted, Posted)
        assert (await world.state())["posts"] == 1
        assert await world.client.find_own_post(ACCOUNT, ITEM, "We are sorry. ^MG") == posted.item_id

    world = play(story)
    (customer_key, received), (own_key, own) = world.inbox.commands
    assert customer_key == own_key == f"home-{CUSTOMER}"
    assert isinstance(received, ReceiveMessage)
    assert isinstance(own, RecordOwnPost)
    assert (own.text, own.in_reply_to, own.account, own.posted_at) == ("We are sorry. ^MG", ITEM, ACCOUNT, NOW)
    assert world.endpoint.counts.unsigned == 0


def test_a_recorded_answer_gets_its_id_and_time() -> None:
    async def story(world: World) -> None:
        await world.customer()
        answer = {"account": ACCOUNT, "in_reply_to": ITEM, "text": "y" * 200, "tweet_id": "19", "at": 1_509_487_810_000}
        assert (await world.control.post("/_simulator/recorded", json=[answer])).json() == {"recorded": 1}
        assert await world.answer("y" * 200) == Posted("19")
        await world.state()

    world = play(story)
    own = world.inbox.commands[-1][1]
    assert isinstance(own, RecordOwnPost)
    assert (own.item_id, own.posted_at, own.text) == ("19", 1_509_487_810_000, "y" * 200)


def test_x_refuses_what_is_too_long_a_duplicate_or_answers_nothing_known() -> None:
    async def story(world: World) -> None:
        await world.customer()
        too_long, gone = await world.answer("日" * 141), await world.answer(to="4711")
        assert isinstance(too_long, Refused)
        assert isinstance(gone, Refused)
        assert (too_long.reason, gone.reason) == ("too_long", "message_gone")
        assert isinstance(await world.answer(), Posted)
        assert await world.answer() == Duplicate()
        assert isinstance(await world.answer(account=OTHER_ACCOUNT), Posted)
        world.now += DUPLICATE_WINDOW
        assert isinstance(await world.answer(), Posted)
        assert sum((await world.state())["refused"].values()) == 3

    play(story)


def test_a_wrong_secret_is_not_authorised() -> None:
    async def story(world: World) -> None:
        stranger = XClient(
            "http://127.0.0.1", lambda a: user_context("other", a), transport=httpx.ASGITransport(world.app)
        )
        refused = await stranger.post(ACCOUNT, ITEM, "x")
        assert isinstance(refused, Refused)
        assert refused.reason == "not_authorised"
        with pytest.raises(LookUpFailed, match="401"):
            await stranger.find_own_post(ACCOUNT, ITEM, "x")

    play(story)


def test_each_fault_happens_as_often_as_told_and_then_no_more() -> None:
    async def story(world: World) -> None:
        await world.customer()
        await world.fault("429", 2)
        await world.fault("503")
        kinds = [await world.answer() for _ in range(4)]
        assert [type(kind) for kind in kinds] == [Retry, Retry, Retry, Posted]
        assert [kind.reason for kind in kinds if isinstance(kind, Retry)] == ["rate_limited"] * 2 + ["unavailable"]

    play(story)


def test_a_time_out_posts_nothing_and_a_lost_answer_does() -> None:
    async def story(world: World) -> None:
        await world.customer()
        await world.fault("time_out")
        assert isinstance(await world.answer("one"), Unknown)
        assert await world.client.find_own_post(ACCOUNT, ITEM, "one") is None
        await world.fault("answer_lost")
        assert isinstance(await world.answer("two"), Unknown)
        assert await world.client.find_own_post(ACCOUNT, ITEM, "two") is not None
        assert await world.answer("two") == Duplicate()

    play(story)


def test_the_echo_can_come_before_the_answer_of_the_call() -> None:
    async def story(world: World) -> None:
        await world.customer()
        await world.fault("echo_first")
        await world.answer()
        assert len(world.inbox.commands) == 2

    play(story)


def test_a_look_up_can_fail() -> None:
    async def story(world: World) -> None:
        await world.fault("look_up_503")
        with pytest.raises(LookUpFailed):
            await world.client.find_own_post(ACCOUNT, ITEM, "x")
        assert await world.client.find_own_post(ACCOUNT, ITEM, "x") is None

    play(story)


def test_the_limit_is_each_accounts_and_ends_with_its_window() -> None:
    async def story(world: World) -> None:
        await world.customer()
        outcomes = [await world.answer(str(n)) for n in range(3)]
        limited = outcomes[2]
        assert [type(outcome) for outcome in outcomes] == [Posted, Posted, Retry]
        assert isinstance(limited, Retry)
        assert limited.retry_after == 15 * 60_000
        assert isinstance(await world.answer("x", account=OTHER_ACCOUNT), Posted)
        world.now += 15 * 60_000
        assert isinstance(await world.answer("2"), Posted)

    play(story, World(rate_limit=2))


def test_a_webhook_that_fails_is_tried_again_and_one_that_never_answers_is_reported() -> None:
    async def story(world: World) -> None:
        world.inbox.broken = True
        told = await world.customer()
        assert (told.status_code, told.json()["delivered"]) == (502, False)
        assert told.json()["reason"] == "the webhook answered with HTTP 503"
        assert (await world.state())["webhooks_failed"] == 1
        world.inbox.broken = False
        assert (await world.customer()).status_code == 200

    play(story)


def test_copies_are_sent_as_often_as_told() -> None:
    async def story(world: World) -> None:
        await world.control.put("/_simulator/settings", json={"copies": 3, "echoes": False})
        await world.customer()
        await world.answer()
        await world.state()

    world = play(story)
    assert len(world.inbox.commands) == 3
    assert len({command.command_id for _, command in world.inbox.commands}) == 1


def test_a_webhook_is_registered_only_if_it_answers_the_challenge() -> None:
    async def story(world: World) -> None:
        good, bad = "http://webhook/webhooks/x", "http://webhook/health"
        assert (await world.control.put("/_simulator/webhook", json={"url": bad})).status_code == 400
        assert (await world.control.put("/_simulator/webhook", json={"url": good})).json() == {"url": good}

    play(story)


def test_a_post_is_deleted_by_its_account_only() -> None:
    async def story(world: World) -> None:
        await world.customer()
        posted = await world.answer()
        assert isinstance(posted, Posted)
        listed = (await world.control.get("/_simulator/posts", params={"account": ACCOUNT})).json()["posts"]
        assert [post["tweet_id"] for post in listed] == [posted.item_id]
        assert (await world.control.delete(f"/2/tweets/{posted.item_id}")).status_code == 401

    play(story)


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("POST", "/_simulator/posts", b"x"),
        ("POST", "/_simulator/posts", b"[]"),
        ("POST", "/_simulator/recorded", b'[{"account": "1"}]'),
        ("POST", "/_simulator/faults", b'{"kind": "fire"}'),
        ("PUT", "/_simulator/settings", b'{"limit": 3}'),
        ("PUT", "/_simulator/webhook", b"{}"),
    ],
)
def test_a_mistaken_instruction_is_refused_with_a_reason(method: str, path: str, content: bytes) -> None:
    async def story(world: World) -> None:
        answer = await world.control.request(method, path, content=content)
        assert answer.status_code == 400
        assert answer.json()["reason"]

    play(story)


# --- memory ---


def test_a_killed_simulator_comes_back_with_everything(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    first = Platform.opened(journal, lambda: NOW)
    first.remember("17", CUSTOMER, "kim")
    first.record([Recorded(account=ACCOUNT, in_reply_to="17", text="héllo\n", tweet_id="19", at=5)])
    posted = first.post(ACCOUNT, "17", "héllo\n")
    other = first.post(ACCOUNT, "17", "more")
    assert isinstance(other, Post)
    assert first.delete(ACCOUNT, other.tweet_id)
    with journal.open("a") as file:
        file.write('{"kind": "post", "tweet_id": "2')  # the kill came in the middle of a line

    first.close()
    second = Platform.opened(journal, lambda: NOW)
    assert second.posts == {"19": posted} == first.posts
    assert (second.authors, second.names, second.recorded) == (first.authors, first.names, first.recorded)
    assert second.post(ACCOUNT, "17", "héllo\n") == DUPLICATE
    assert isinstance(second.post(ACCOUNT, "17", "new"), Post)
    second.close()
    third = Platform.opened(journal, lambda: NOW)
    assert len(third.posts) == 2
    third.close()


def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    for content in ("hello\n", '{"kind": "x"}\n', "[]\n", '{"kind": "post"}\n'):
        path.write_text('{"kind": "author", "tweet_id": "1", "user_id": "2", "screen_name": "x"}\n' + content)
        with pytest.raises(BrokenJournal, match=r"notes.txt, line 2"):
            Platform.opened(path, lambda: NOW)


def test_ids_grow_and_never_repeat() -> None:
    platform = Platform(lambda: NOW)
    posts = [platform.post(ACCOUNT, None, str(n)) for n in range(50)]
    ids = [int(post.tweet_id) for post in posts if isinstance(post, Post)]
    assert len(ids) == 50
    assert ids == sorted(set(ids))
    assert ids[-1] > 2**53


def test_rules() -> None:
    platform = Platform(lambda: NOW)
    assert platform.post(ACCOUNT, "17", "x") == GONE
    assert platform.post(ACCOUNT, None, "x" * 281) == TOO_LONG
    assert not isinstance(platform.post(ACCOUNT, None, "x" * 280), Refusal)
    assert platform.post(ACCOUNT, None, "x" * 280) == DUPLICATE


def test_a_limit_that_is_off_allows_everything() -> None:
    limits = Limits(lambda: NOW)
    assert all(limits.take(ACCOUNT)[0] for _ in range(1000))


def test_the_journal_is_lines_of_json(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    platform = Platform.opened(journal, lambda: NOW)
    platform.remember("17", CUSTOMER, "kim")
    platform.close()
    assert [json.loads(line)["kind"] for line in journal.read_text().splitlines()] == ["author"]
