"""The simulated X: its rules and its memory; and the real client against it, over HTTP."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from channels.outcomes import Duplicate, LookUpFailed, Posted, Refused, Retry, Unknown
from channels.simulator.switches import Switches
from channels.simulator.x_platform import BrokenJournal, Platform
from channels.simulator.x_records import (
    DUPLICATE,
    DUPLICATE_WINDOW,
    GONE,
    NOT_HIDEABLE,
    NOT_SUMMONED,
    TOO_LONG,
    Author,
    Message,
    Post,
    Recorded,
    Refusal,
)
from channels.simulator.x_text import as_posted, shortened
from engine.interaction.commands import ReceiveMessage, RecordOwnPost
from engine.text import comparable
from tests.simulating import ITEM, NOW, World, answer, customer, found, play, x_deliver
from tests.x_samples import ACCOUNT, CUSTOMER, OTHER_ACCOUNT, fuzzed

KIM = Author(CUSTOMER, "kim")


def platform(**changes: Any) -> Platform:
    """One without a memory on disk."""
    return Platform(Switches(lambda: NOW, **changes))


# --- posts ---


def test_a_customers_post_is_delivered_signed_and_can_be_answered_and_the_answer_echoes() -> None:
    async def story(world: World) -> None:
        told = await customer(world)
        assert (told.status_code, told.json()["delivered"], told.json()["attempts"]) == (200, True, 1)
        posted = await answer(world)
        assert isinstance(posted, Posted)
        assert (await world.state())["posts"] == 1
        assert await found(world, "We are sorry. ^MG") == posted
        (action,) = await world.actions()
        assert action == {
            "n": 1, "channel": "x", "action": "reply", "account": ACCOUNT, "target": ITEM, "recipient": None,
            "text": "We are sorry. ^MG", "item_id": posted.item_id, "at": NOW, "delivery_id": None, "tag": None,
        }  # fmt: skip

    world = play(story)
    (customer_key, received), (own_key, own) = world.inbox.commands
    assert customer_key == own_key == f"home-x-{CUSTOMER}"
    assert isinstance(received, ReceiveMessage)
    assert isinstance(own, RecordOwnPost)
    assert (own.text, own.in_reply_to, own.account) == ("@kim We are sorry. ^MG", ITEM, ACCOUNT)
    assert own.posted_at == NOW
    assert world.x_endpoint.counts.unsigned == 0


def test_x_gives_a_text_back_as_it_writes_it_and_the_client_knows_it_again() -> None:
    text = "Tom & you <3: see https://example.com/a?b=1&c=2 and example.org"

    async def story(world: World) -> None:
        await customer(world)
        posted = await answer(world, text)
        assert await found(world, text) == posted
        await world.state()
        await world.put("settings", {"rewrites": False})
        await answer(world, "Plain & simple")
        await world.state()

    world = play(story)
    own, plain = [command for command in world.commands if isinstance(command, RecordOwnPost)]
    assert own.text.startswith("@kim Tom & you <3: see https://t.co/")
    assert own.text.count("https://t.co/") == 2
    assert "example" not in own.text
    assert plain.text == "Plain & simple"


@fuzzed
@given(
    st.lists(
        st.sampled_from([*"ab &<>@.:/kimß😀", "&amp;", "&lt", "https://", "example.com", "t.co/"]), max_size=12
    ).map("".join)
)
@example("See example.com.")
@example("i&lt.co/ea")
def test_whatever_x_writes_stays_the_same_answer(text: str) -> None:
    assert comparable(as_posted(text, "kim")) == comparable(text)
    assert shortened(text).count("@") <= text.count("@")


def test_a_recorded_answer_gets_its_id_and_time() -> None:
    async def story(world: World) -> None:
        await customer(world)
        recorded = {"account": ACCOUNT, "in_reply_to": ITEM, "text": "y" * 200, "tweet_id": "19", "at": 1509487810000}
        assert (await world.control.post("/_simulator/recorded", json=[recorded])).json() == {"recorded": 1}
        assert await answer(world, "y" * 200) == Posted("19")
        await world.state()

    world = play(story)
    own = world.commands[-1]
    assert isinstance(own, RecordOwnPost)
    assert (own.item_id, own.posted_at, own.text) == ("19", 1_509_487_810_000, "@kim " + "y" * 200)


def test_x_refuses_what_is_too_long_a_duplicate_or_answers_nothing_known() -> None:
    async def story(world: World) -> None:
        await customer(world)
        too_long, gone = await answer(world, "日" * 141), await answer(world, in_reply_to="4711")
        assert isinstance(too_long, Refused)
        assert isinstance(gone, Refused)
        assert (too_long.reason, gone.reason) == ("too_long", "message_gone")
        assert isinstance(await answer(world), Posted)
        assert await answer(world) == Duplicate()
        assert isinstance(await answer(world, account=OTHER_ACCOUNT), Posted)
        world.now += DUPLICATE_WINDOW
        assert isinstance(await answer(world), Posted)
        assert sum((await world.state())["refused"].values()) == 3

    play(story)


def test_a_wrong_secret_is_not_authorised() -> None:
    async def story(world: World) -> None:
        async with world.x_client("other") as stranger:
            refused = await stranger.perform(x_deliver())
            assert isinstance(refused, Refused)
            assert refused.reason == "not_authorised"
            with pytest.raises(LookUpFailed, match="401"):
                await stranger.find(x_deliver())

    play(story)


def test_a_post_is_deleted_by_its_account_only() -> None:
    async def story(world: World) -> None:
        await customer(world)
        posted = await answer(world)
        assert isinstance(posted, Posted)
        listed = (await world.control.get("/_simulator/posts", params={"account": ACCOUNT})).json()["posts"]
        assert [post["tweet_id"] for post in listed] == [posted.item_id]
        assert (await world.control.delete(f"/2/tweets/{posted.item_id}")).status_code == 401
        other = await world.x.perform(x_deliver("delete", in_reply_to=posted.item_id, account=OTHER_ACCOUNT))
        assert (await world.state())["posts"] == 1
        assert not isinstance(other, Retry | Unknown)
        assert isinstance(await world.x.perform(x_deliver("delete", in_reply_to=posted.item_id)), Posted)
        assert (await world.state())["posts"] == 0
        assert [action["action"] for action in await world.actions()] == ["reply", "delete"]

    play(story)


# --- direct messages, retweets, likes, hidden replies ---


def test_a_direct_message_travels_in_and_out_and_back_and_is_found() -> None:
    async def story(world: World) -> None:
        told = await world.say("x", "direct_message", "Fish & chips", at=NOW - 5)
        sent = await world.x.perform(x_deliver("message", text="We're on it: https://example.com/x"))
        assert isinstance(sent, Posted)
        assert sent.item_id not in (None, told["item_id"])
        assert await world.x.find(x_deliver("message", text="We're on it: https://example.com/x")) == sent
        assert await world.x.find(x_deliver("message", text="Something else")) is None
        await world.state()
        (action,) = await world.actions()
        assert (action["action"], action["recipient"], action["target"]) == ("message", CUSTOMER, None)
        assert [item["kind"] for item in await world.items("x")] == ["direct_message"] * 2
        assert isinstance(
            await world.x.perform(x_deliver("delete", in_reply_to=sent.item_id, visibility="private")), Posted
        )
        assert len(await world.items("x")) == 1

    world = play(story)
    received, own = world.commands
    assert isinstance(received, ReceiveMessage)
    assert (received.event, received.visibility, received.text) == ("direct_message", "private", "Fish & chips")
    assert (received.screen_name, received.name, received.posted_at) == ("kim", "Kim", NOW - 5)
    assert isinstance(own, RecordOwnPost)
    assert (own.visibility, own.text.startswith("We're on it: https://t.co/")) == ("private", True)
    assert {key for key, _ in world.inbox.commands} == {f"home-x-{CUSTOMER}"}


def test_a_recipient_may_take_no_messages() -> None:
    async def story(world: World) -> None:
        await world.fault("recipient_closed")
        closed = await world.x.perform(x_deliver("message"))
        assert isinstance(closed, Refused)
        assert closed.reason == "recipient_closed"
        too_long = await world.x.perform(x_deliver("message", text="x" * 10_001))
        assert isinstance(too_long, Refused)

    play(story)


def test_a_retweet_and_a_like_are_there_once_however_often_they_are_asked_for() -> None:
    async def story(world: World) -> None:
        item = (await world.say("x", "mention", "You are great"))["item_id"]
        for action in ("retweet", "retweet", "like", "like"):
            assert isinstance(await world.x.perform(x_deliver(action, in_reply_to=item)), Posted)
        gone = await world.x.perform(x_deliver("like", in_reply_to="4711"))
        assert isinstance(gone, Refused)
        await world.state()
        assert [(each["action"], each["target"]) for each in await world.actions()] == [
            ("retweet", item),
            ("like", item),
        ]

    world = play(story)
    assert len(world.commands) == 1, "the echoes of both are nobody's message"
    assert world.x_endpoint.counts.dead_letters == 0


def test_only_replies_in_an_own_conversation_can_be_hidden() -> None:
    async def story(world: World) -> None:
        post = await world.x.perform(x_deliver(in_reply_to=(await world.say("x", "mention", "hi"))["item_id"]))
        assert isinstance(post, Posted)
        reply = (await world.say("x", "reply", "no", in_reply_to=post.item_id))["item_id"]
        assert isinstance(await world.x.perform(x_deliver("hide", in_reply_to=reply)), Refused)

    play(story)
    here = platform()
    own = here.post(ACCOUNT, None, "News")
    assert isinstance(own, Post)
    here.remember("18", Author(CUSTOMER, "kim", in_reply_to=own.tweet_id))
    here.remember("19", Author(CUSTOMER, "kim"))
    assert here.hide(ACCOUNT, "18", True) is None
    assert here.hide(ACCOUNT, "18", True) is None
    assert here.hide(ACCOUNT, "18", False) is None
    assert here.hide(ACCOUNT, "19", True) == NOT_HIDEABLE
    assert [action.action for action in here.journal.actions] == ["post", "hide", "unhide"]


def test_the_self_serve_tier_has_no_likes_and_answers_only_who_named_the_account() -> None:
    async def story(world: World) -> None:
        await world.put("settings", {"tier": "self_serve"})
        await customer(world)
        mention = (await world.say("x", "mention", "hello @AcmeCare"))["item_id"]
        quote = (await world.say("x", "quote", "look at this", in_reply_to=ITEM))["item_id"]
        refused = await answer(world)
        assert isinstance(refused, Refused)
        assert refused.reason == "reply_not_allowed"
        assert isinstance(await answer(world, "one", in_reply_to=mention), Posted)
        assert isinstance(await answer(world, "two", in_reply_to=quote), Posted)
        liked = await world.x.perform(x_deliver("like", in_reply_to=mention))
        assert isinstance(liked, Refused)
        assert liked.reason == "not_in_tier"

    play(story)
    here = platform(tier="self_serve")
    here.remember("17", KIM)
    assert here.post(ACCOUNT, "17", "x") == NOT_SUMMONED


# --- memory ---


def test_a_killed_simulator_comes_back_with_everything(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    switches = Switches(lambda: NOW)
    first = Platform.opened(journal, switches)
    first.remember("17", KIM)
    first.remember("18", KIM)
    first.forget("18")
    first.record([Recorded(account=ACCOUNT, in_reply_to="17", text="héllo\n", tweet_id="19", at=5)])
    posted = first.post(ACCOUNT, "17", "héllo\n")
    other = first.post(ACCOUNT, "17", "more")
    assert isinstance(other, Post)
    assert first.delete(ACCOUNT, other.tweet_id)
    first.receive(Message("21", CUSTOMER, ACCOUNT, "psst", NOW, own=False))
    assert isinstance(first.message(ACCOUNT, CUSTOMER, "yes?"), Message)
    assert isinstance(first.retweet(ACCOUNT, "17"), str)
    assert first.like(ACCOUNT, "17") is True
    with journal.open("a") as file:
        file.write('{"kind": "post", "tweet_id": "2')  # the kill came in the middle of a line

    first.close()
    second = Platform.opened(journal, switches)
    assert second.posts == {"19": posted} == first.posts
    assert (second.authors, second.names, second.recorded) == (first.authors, first.names, first.recorded)
    assert (second.messages, second.retweets, second.likes) == (first.messages, first.retweets, first.likes)
    assert second.journal == first.journal
    assert second.post(ACCOUNT, "17", "héllo\n") == DUPLICATE
    later = second.post(ACCOUNT, "17", "new")
    assert isinstance(later, Post)
    assert int(later.tweet_id) > int(other.tweet_id), "an id is never given twice"
    second.close()
    third = Platform.opened(journal, switches)
    assert len(third.posts) == 2
    third.close()


def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    for content in ("hello\n", '{"kind": "x"}\n', "[]\n", '{"kind": "post"}\n'):
        path.write_text('{"kind": "author", "tweet_id": "1", "user_id": "2", "screen_name": "x"}\n' + content)
        with pytest.raises(BrokenJournal, match=r"notes.txt, line 2"):
            Platform.opened(path, Switches(lambda: NOW))


def test_ids_grow_and_never_repeat() -> None:
    here = platform()
    posts = [here.post(ACCOUNT, None, str(n)) for n in range(50)]
    ids = [int(post.tweet_id) for post in posts if isinstance(post, Post)]
    assert len(ids) == 50
    assert ids == sorted(set(ids))
    assert ids[-1] > 2**53


def test_rules() -> None:
    here = platform()
    assert here.post(ACCOUNT, "17", "x") == GONE
    assert here.post(ACCOUNT, None, "x" * 281) == TOO_LONG
    assert not isinstance(here.post(ACCOUNT, None, "x" * 280), Refusal)
    assert here.post(ACCOUNT, None, "x" * 280) == DUPLICATE


def test_the_journal_is_lines_of_json(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    here = Platform.opened(journal, Switches(lambda: NOW))
    here.remember("17", KIM)
    here.close()
    assert [json.loads(line)["kind"] for line in journal.read_text().splitlines()] == ["author"]
