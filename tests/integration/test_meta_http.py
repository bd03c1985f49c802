"""Meta over real sockets: the simulator, the endpoint and the client, and the worker between them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from channels.delivery import Platform, Settings, Worker
from channels.lanes import Lanes
from channels.meta.signature import HEADER, sign
from channels.meta.webhook import BODY_LIMIT
from channels.outcomes import Duplicate, Posted, Refused, Retry, Unknown
from channels.webhook import wall_clock
from engine.delivery import AttemptBegun
from engine.interaction.commands import DeleteMessage, EditMessage, ReceiveMessage, RecordOwnPost, RecordReferral
from tests.attempting import attempt_all
from tests.meta_samples import PAGE, PSID, SECRET, deliver
from tests.simulating import NOW, PERSON, World, play

TEXT = "We are sorry 😀 ^MG"
BY_CUSTOMER: dict[str, Any] = {"from": {"id": PSID}}
"""In Messenger."""
BREAKS_SOON = {"silence_ms": 50}
"""A connection on which nothing is said breaks before the client gives it up: no test waits for a time-out."""
NAMELESS: dict[str, Any] = {"from": None}


async def comment(world: World, text: str = "my phone is broken", **more: Any) -> str:
    """A customer's comment, which the endpoint has got."""
    return str((await world.say("facebook", "comment", text, **more))["item_id"])


async def message(world: World, text: str = "my phone is broken", **more: Any) -> str:
    """A customer's message, which the endpoint has got."""
    return str((await world.say("messenger", "message", text, **BY_CUSTOMER | more))["item_id"])


# --- in ---


def test_what_customers_do_arrives_as_commands() -> None:
    async def story(world: World) -> None:
        item = await comment(world, "Ärger 😀")
        await world.change("edit", channel="facebook", item_id=item, text="noch mehr Ärger")
        await world.change("delete", channel="facebook", item_id=item, anonymous=True)
        await comment(world, "nameless", **NAMELESS)
        mid = await message(world, attachments=[{"kind": "image", "url": "https://cdn.example/1"}])
        await world.change("edit", channel="messenger", item_id=mid, text="new words")
        await world.change("delete", channel="messenger", item_id=mid)
        await world.say("messenger", "postback", "Get started", ref="a.1-b", **BY_CUSTOMER)
        await world.say("messenger", "referral", ref="a.1-c", **BY_CUSTOMER)

    commands = play(story).commands
    assert [type(command) for command in commands] == [
        ReceiveMessage,
        EditMessage,
        DeleteMessage,
        ReceiveMessage,
        ReceiveMessage,
        EditMessage,
        DeleteMessage,
        ReceiveMessage,
        RecordReferral,
    ]
    received, edited, _, nameless, private, _, _, pressed, followed = commands
    assert isinstance(received, ReceiveMessage)
    assert (received.text, received.platform_id, received.name) == ("Ärger 😀", PERSON["id"], "Kim")
    assert isinstance(edited, EditMessage)
    assert edited.text == "noch mehr Ärger"
    assert isinstance(nameless, ReceiveMessage)
    assert nameless.platform_id == f"thread:{nameless.thread}"
    assert isinstance(private, ReceiveMessage)
    assert [(each.kind, each.url) for each in private.attachments] == [("image", "https://cdn.example/1")]
    assert isinstance(pressed, ReceiveMessage)
    assert (pressed.event, pressed.text, pressed.ref) == ("postback", "Get started", "a.1-b")
    assert isinstance(followed, RecordReferral)
    assert followed.ref == "a.1-c"


def test_an_unsigned_or_too_large_body_is_refused_on_a_socket_too() -> None:
    async def story(world: World) -> None:
        url = f"{world.hooks_url}/webhooks/meta"
        async with httpx.AsyncClient(trust_env=False) as http:
            unsigned = await http.post(url, json={})
            large = b"x" * (BODY_LIMIT + 1)
            refused = await http.post(url, content=large, headers={HEADER: sign(SECRET, large)})
            stranger = await http.get(url, params={"hub.mode": "subscribe", "hub.challenge": "1"})
        assert [unsigned.status_code, refused.status_code, stranger.status_code] == [403, 413, 403]

    assert play(story).commands == []


# --- out ---


def test_an_answer_travels_out_and_comes_back_under_the_key_of_what_it_answers() -> None:
    async def story(world: World) -> None:
        item = await comment(world)
        posted = await world.meta.perform(deliver("reply", in_reply_to=item, text=TEXT, at=NOW))
        await world.state()
        key, own = world.inbox.commands[-1]
        assert isinstance(own, RecordOwnPost)
        assert isinstance(posted, Posted)
        assert (own.item_id, own.text, own.in_reply_to) == (posted.item_id, TEXT, item)
        first = world.commands[0]
        assert isinstance(first, ReceiveMessage)
        assert first.index == [key]

    play(story)


def test_a_message_travels_out_and_its_echo_names_the_delivery() -> None:
    async def story(world: World) -> None:
        await message(world)
        posted = await world.meta.perform(deliver("message", text=TEXT, at=NOW))
        await world.state()
        key, own = world.inbox.commands[-1]
        assert isinstance(own, RecordOwnPost)
        assert isinstance(posted, Posted)
        assert (own.item_id, own.delivery_id, own.visibility) == (posted.item_id, "d" * 32, "private")
        assert (key, posted.recipient_id) == (world.inbox.commands[0][0], None)

    play(story)


def test_a_private_answer_tells_whom_it_reached_and_is_possible_once() -> None:
    async def story(world: World) -> None:
        item = await comment(world)
        wanted = deliver("private_answer", in_reply_to=item, text=TEXT, at=NOW)
        posted = await world.meta.perform(wanted)
        assert isinstance(posted, Posted)
        psid = (await world.control.get("/_simulator/psid", params={"account": PAGE, "id": PERSON["id"]})).json()[
            "psid"
        ]
        assert posted.recipient_id == psid
        assert await world.meta.perform(wanted) == Duplicate()
        assert await world.meta.find(wanted) == posted

    play(story)


def test_a_visitors_post_is_answered_privately_too() -> None:
    async def story(world: World) -> None:
        item = str((await world.say("facebook", "post", "my phone is broken"))["item_id"])
        posted = await world.meta.perform(deliver("private_answer", in_reply_to=item, text=TEXT, at=NOW))
        assert isinstance(posted, Posted)
        assert posted.recipient_id is not None

    play(story)


@pytest.mark.parametrize("action", ["like", "hide", "unhide"])
def test_what_is_done_to_a_comment_can_be_repeated(action: str) -> None:
    async def story(world: World) -> None:
        wanted = deliver(action, in_reply_to=await comment(world), at=NOW)
        assert await world.meta.perform(wanted) == Posted(None)
        assert await world.meta.perform(wanted) == Posted(None)

    play(story)


def test_an_own_answer_is_deleted_and_the_second_attempt_finds_it_gone() -> None:
    async def story(world: World) -> None:
        posted = await world.meta.perform(deliver("reply", in_reply_to=await comment(world), at=NOW))
        assert isinstance(posted, Posted)
        gone = deliver("delete", in_reply_to=posted.item_id, at=NOW)
        assert await world.meta.perform(gone) == Posted(None)
        assert isinstance(await world.meta.perform(gone), Refused)
        gone.attempt = 2
        assert await world.meta.perform(gone) == Posted(None)

    play(story)


def test_the_window_of_messenger_and_its_tag() -> None:
    async def story(world: World) -> None:
        await message(world)
        outcomes = []
        for day, tag in ((0, None), (2, None), (2, "HUMAN_AGENT"), (8, "HUMAN_AGENT")):
            world.now = NOW + day * 86_400_000
            outcomes.append(await world.meta.perform(deliver("message", tag=tag, text=f"{day} {tag}", at=world.now)))
        assert [type(outcome) for outcome in outcomes] == [Posted, Refused, Posted, Refused]
        assert isinstance(outcomes[1], Refused)
        assert outcomes[1].reason == "window_closed"

    play(story)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("190", "not_authorised"),
        ("10", "not_permitted"),
        ("200", "not_permitted"),
        ("368", "blocked_by_platform"),
        ("551", "person_unavailable"),
        ("2018278", "window_closed"),
    ],
)
def test_a_clear_no_is_a_refusal_with_its_reason(fault: str, reason: str) -> None:
    async def story(world: World) -> None:
        await message(world)
        await world.fault(fault, channel="meta")
        outcome = await world.meta.perform(deliver("message", at=NOW))
        assert isinstance(outcome, Refused)
        assert outcome.reason == reason

    play(story)


@pytest.mark.parametrize("fault", ["4", "17", "32", "613", "80001", "429"])
def test_a_throttle_is_a_retry(fault: str) -> None:
    async def story(world: World) -> None:
        await message(world)
        await world.fault(fault, channel="meta")
        outcome = await world.meta.perform(deliver("message", at=NOW))
        assert isinstance(outcome, Retry)
        assert outcome.reason == "rate_limited"

    play(story)


@pytest.mark.parametrize("fault", ["answer_lost", "answer_500"])
@pytest.mark.parametrize("action", ["reply", "message", "private_answer"])
def test_an_answer_that_was_lost_is_found(fault: str, action: str) -> None:
    async def story(world: World) -> None:
        item = await message(world) if action == "message" else await comment(world)
        wanted = deliver(action, in_reply_to=item, text=TEXT, at=NOW)
        assert await world.meta.find(wanted) is None
        await world.put("settings", BREAKS_SOON)
        await world.fault(fault, channel="meta")
        outcome = await world.meta.perform(wanted)
        assert isinstance(outcome, Unknown) or (action == "private_answer" and isinstance(outcome, Retry))
        found = await world.meta.find(wanted)
        (done,) = await world.actions()
        assert isinstance(found, Posted)
        assert found.item_id == done["item_id"]
        if action == "private_answer":
            assert found.recipient_id == done["recipient"]

    play(story)


@pytest.mark.parametrize("action", ["reply", "message"])
def test_what_was_not_done_is_not_found(action: str) -> None:
    async def story(world: World) -> None:
        item = await message(world) if action == "message" else await comment(world)
        wanted = deliver(action, in_reply_to=item, text=TEXT, at=NOW)
        await world.put("settings", BREAKS_SOON)
        for fault in ("time_out", "reset"):
            await world.fault(fault, channel="meta")
            assert isinstance(await world.meta.perform(wanted), Unknown)
            assert await world.meta.find(wanted) is None

    play(story)


def test_an_answer_is_found_among_hundreds() -> None:
    async def story(world: World) -> None:
        item = await comment(world)
        wanted = deliver("reply", in_reply_to=item, text=TEXT, at=NOW)
        posted = await world.meta.perform(wanted)
        like = {"channel": "facebook", "kind": "comment", "account": PAGE, "text": TEXT, "thread": item}
        said = [like | {"from": {"id": str(n)}} for n in range(1, 251)]
        await world.control.post("/_simulator/customers/say?deliver=false", json=said)
        assert await world.meta.find(wanted) == posted

    play(story)


@dataclass
class Clock:
    """The wall clock."""

    def now(self) -> int:
        return wall_clock()

    async def sleep(self, millis: int) -> None:
        await asyncio.sleep(millis / 1000)


@dataclass
class Journal:
    """Begun attempts, in memory."""

    begun: dict[str, AttemptBegun] = field(default_factory=dict)

    async def begin(self, begun: AttemptBegun) -> None:
        self.begun[begun.delivery_id] = begun


def test_nothing_is_done_twice_whatever_goes_wrong() -> None:
    """Lost answers, errors after the deed, time-outs, throttles; and a worker that died with its calls on their way."""

    async def story(world: World) -> None:
        comments = [await comment(world, f"comment {n}", **{"from": {"id": str(100 + n)}}) for n in range(8)]
        mid = await message(world)
        delivers = [
            deliver("private_answer" if n % 2 else "reply", in_reply_to=item, text=f"answer {n}", at=NOW)
            for n, item in enumerate(comments)
        ]
        delivers += [deliver("message", in_reply_to=mid, text=f"chat {n}", at=NOW) for n in range(4)]
        for n, each in enumerate(delivers):
            each.delivery_id = f"{n:032x}"
        await world.put("settings", BREAKS_SOON)
        for kind in ("answer_lost", "answer_500", "2", "32", "503", "time_out"):
            await world.fault(kind, channel="meta")
        journal = Journal()
        platforms: Mapping[str, Platform] = {"facebook": world.meta, "messenger": world.meta}
        settings = Settings(call_within=200, look_up_tries=2, look_up_pause=10)
        worker = Worker(platforms, lambda channel, person: f"home-{channel}-{person}", journal, Clock(), settings)
        dying = asyncio.create_task(attempt_all(Lanes(worker), delivers))
        while len(journal.begun) < 2:
            await asyncio.sleep(0.001)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        waiting, unfinished = delivers, dict(journal.begun)
        ended: dict[str, str] = {}
        for _ in range(12):
            results = await attempt_all(Lanes(worker), waiting, unfinished)
            ended |= {result.delivery_id: result.outcome for result in results if result.outcome != "retry"}
            waiting, unfinished = [each for each in waiting if each.delivery_id not in ended], {}
            for each in waiting:
                each.attempt += 1
        assert not waiting
        actions = await world.actions()
        done = [action["text"] for action in actions]
        assert len(done) == len(set(done))
        posted = [each for each in delivers if ended[each.delivery_id] == "posted"]
        assert {each.text for each in posted} <= set(done)
        assert set(ended.values()) <= {"posted", "undecided"}
        assert len(posted) > len(delivers) / 2

    play(story, World(call_timeout=1.5))
