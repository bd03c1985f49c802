"""The simulated Facebook and Messenger: their rules; and the real client and webhook against them, over HTTP."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from channels.outcomes import Duplicate, Outcome, Posted, Refused, Retry, Unknown
from channels.simulator import meta_errors
from channels.simulator.limits import DAY, HOUR
from channels.simulator.meta_credentials import page_token, psid
from channels.simulator.meta_platform import HUMAN_AGENT, MetaPlatform
from channels.simulator.meta_records import MetaItem
from channels.simulator.switches import Switches
from engine.interaction.commands import (
    DeleteMessage,
    EditMessage,
    ReceiveMessage,
    RecordOwnPost,
    RecordReferral,
)
from tests.meta_samples import OTHER_PAGE, PAGE, PSID, SECRET, deliver
from tests.simulating import NOW, PERSON, World, play
from tests.x_samples import fuzzed

KIM = PERSON["id"]
CUSTOMER = {"id": PSID}


async def perform(world: World, action: str, **changes: Any) -> Outcome:
    return await world.meta.perform(deliver(action, **({"at": world.now} | changes)))


def reason(outcome: Outcome) -> str:
    assert isinstance(outcome, Refused), outcome
    return outcome.reason


# --- the page's feed ---


def test_a_comment_travels_in_and_its_answer_out_and_back_and_is_found() -> None:
    async def story(world: World) -> None:
        told = await world.say("facebook", "comment", "Größe 😀 </b>")
        posted = await perform(world, "reply", in_reply_to=told["item_id"])
        assert isinstance(posted, Posted)
        wanted = deliver("reply", in_reply_to=told["item_id"], at=world.now)
        assert await world.meta.find(wanted) == posted
        wanted.text = "Something else"
        assert await world.meta.find(wanted) is None
        await world.state()
        (action,) = await world.actions(channel="facebook")
        assert (action["action"], action["target"], action["text"]) == ("reply", told["item_id"], "We are sorry. ^MG")
        own = next(item for item in await world.items("facebook") if item["item_id"] == posted.item_id)
        assert (own["own"], own["in_reply_to"], own["author"]) == (True, told["item_id"], PAGE)

    world = play(story)
    received, own = world.commands
    assert isinstance(received, ReceiveMessage)
    assert (received.text, received.event, received.name) == ("Größe 😀 </b>", "comment", "Kim")
    assert (received.platform_id, received.posted_at) == (KIM, NOW)
    assert received.thread == received.item_id
    assert isinstance(own, RecordOwnPost)
    assert (own.text, own.in_reply_to, own.visibility) == ("We are sorry. ^MG", received.item_id, "public")
    assert (world.meta_endpoint.counts.unsigned, world.meta_endpoint.counts.dead_letters) == (0, 0)


def test_meta_does_not_refuse_the_same_comment_twice() -> None:
    async def story(world: World) -> None:
        item = (await world.say("facebook", "comment", "hi"))["item_id"]
        assert isinstance(await perform(world, "reply", in_reply_to=item), Posted)
        assert isinstance(await perform(world, "reply", in_reply_to=item), Posted)
        assert len(await world.actions()) == 2

    play(story)


def test_posts_answers_edits_removals_and_reactions_arrive_as_meta_tells_them() -> None:
    picture = [{"url": "https://scontent.example.com/1.jpg"}]

    async def story(world: World) -> None:
        post = (await world.say("facebook", "post", "Look"))["item_id"]
        comment = (await world.say("facebook", "comment", "Me too", in_reply_to=post))["item_id"]
        posted = await perform(world, "reply", in_reply_to=comment)
        assert isinstance(posted, Posted)
        await world.state()
        await world.say("facebook", "comment", "Thanks", in_reply_to=posted.item_id)
        await world.say("facebook", "comment", attachments=picture, in_reply_to=post)
        await world.say("facebook", "comment", "Who am I?", in_reply_to=comment, speaker=None)
        await world.say("facebook", "reaction", in_reply_to=comment)
        world.now += 5000
        await world.change("edit", channel="facebook", item_id=comment, text="Me three")
        await world.change("delete", channel="facebook", item_id=comment)
        await world.change("delete", channel="facebook", item_id=post, anonymous=True)
        assert reason(await perform(world, "reply", in_reply_to=comment)) == "message_gone"

    world = play(story)
    messages = [command for command in world.commands if isinstance(command, ReceiveMessage)]
    post, comment, thanks, image, nameless = messages
    assert (post.event, post.thread, post.in_reply_to) == ("post", post.item_id, None)
    assert (comment.thread, comment.in_reply_to) == (comment.item_id, post.item_id)
    assert (thanks.thread, thanks.in_reply_to) == (comment.item_id, comment.item_id), "hung under the thread's top"
    assert (image.text, [each.kind for each in image.attachments]) == ("", ["image"])
    assert (nameless.platform_id, nameless.name) == (f"thread:{comment.item_id}", None)
    edit = next(command for command in world.commands if isinstance(command, EditMessage))
    assert (edit.item_id, edit.text, edit.edited_at) == (comment.item_id, "Me three", NOW + 5000)
    deletions = [(key, each) for key, each in world.inbox.commands if isinstance(each, DeleteMessage)]
    assert [key for key, _ in deletions] == [f"home-facebook-{KIM}", f"home-facebook-item:{post.item_id}"]
    assert world.meta_endpoint.counts.ignored["reaction"] == 1
    assert world.meta_endpoint.counts.dead_letters == 0


def test_liking_hiding_and_deleting_are_done_once_however_often_they_are_asked_for() -> None:
    async def story(world: World) -> None:
        item = (await world.say("facebook", "comment", "hi"))["item_id"]
        own = await perform(world, "reply", in_reply_to=item)
        assert isinstance(own, Posted)
        assert own.item_id is not None
        for action in ("like", "like", "hide", "hide", "unhide", "unhide"):
            assert isinstance(await perform(world, action, in_reply_to=item), Posted), action
        assert isinstance(await perform(world, "hide", in_reply_to=own.item_id), Refused)
        assert isinstance(await perform(world, "delete", in_reply_to=own.item_id), Posted)
        await perform(world, "delete", in_reply_to=own.item_id)
        assert reason(await perform(world, "like", in_reply_to=own.item_id)) == "message_gone"
        await world.state()
        assert [each["action"] for each in await world.actions()] == ["reply", "like", "hide", "unhide", "delete"]

    world = play(story)
    assert world.meta_endpoint.counts.dead_letters == 0


def test_a_page_touches_nothing_of_another_page() -> None:
    async def story(world: World) -> None:
        item = (await world.say("facebook", "comment", "hi"))["item_id"]
        for action in ("reply", "like", "hide", "delete", "private_answer"):
            refused = await perform(world, action, in_reply_to=item, account=OTHER_PAGE)
            assert not isinstance(refused, Posted) or action == "delete", action
        assert await world.actions() == []

    play(story)


# --- Messenger ---


def test_a_message_travels_in_and_out_and_its_echo_names_the_delivery() -> None:
    picture = [{"url": "https://cdn.example.com/1.jpg"}, {"url": "https://cdn.example.com/2.pdf", "kind": "file"}]

    async def story(world: World) -> None:
        mid = (await world.say("messenger", "message", "Grüße", attachments=picture, speaker=CUSTOMER))["item_id"]
        sent = await perform(world, "message")
        assert isinstance(sent, Posted)
        assert await world.meta.find(deliver("message", at=world.now)) == sent
        assert await world.meta.find(deliver("message", at=world.now, text="Other")) is None
        await world.state()
        await world.say("messenger", "message", "And?", in_reply_to=mid, ref="care-1", speaker=CUSTOMER)
        await world.say("messenger", "postback", "Start", ref="care-2", speaker=CUSTOMER)
        await world.say("messenger", "referral", ref="care-3", speaker=CUSTOMER)
        await world.say("messenger", "delivery", in_reply_to=sent.item_id, speaker=CUSTOMER)
        await world.say("messenger", "read", speaker=CUSTOMER)
        await world.change("edit", channel="messenger", item_id=mid, text="Grüezi")
        await world.change("delete", channel="messenger", item_id=mid)
        (action,) = await world.actions(channel="messenger")
        assert (action["recipient"], action["delivery_id"], action["tag"]) == (PSID, "d" * 32, None)

    world = play(story)
    kinds = [type(command) for command in world.commands]
    assert kinds == [
        ReceiveMessage, RecordOwnPost, ReceiveMessage, ReceiveMessage, RecordReferral, EditMessage, DeleteMessage
    ]  # fmt: skip
    first, echo, second, button, referral, edit, _ = world.commands
    assert isinstance(first, ReceiveMessage)
    assert (first.text, [each.kind for each in first.attachments]) == ("Grüße", ["image", "file"])
    assert isinstance(echo, RecordOwnPost)
    assert (echo.delivery_id, echo.visibility, echo.in_reply_to) == ("d" * 32, "private", None)
    assert isinstance(second, ReceiveMessage)
    assert (second.in_reply_to, second.ref) == (first.item_id, "care-1")
    assert isinstance(button, ReceiveMessage)
    assert (button.event, button.text, button.ref) == ("postback", "Start", "care-2")
    assert isinstance(referral, RecordReferral)
    assert referral.ref == "care-3"
    assert isinstance(edit, EditMessage)
    assert edit.text == "Grüezi"
    assert {key for key, _ in world.inbox.commands} == {f"home-messenger-{PSID}"}
    assert world.meta_endpoint.counts.ignored == {"delivered": 1, "read": 1}
    assert world.meta_endpoint.counts.dead_letters == 0


def test_the_windows_of_messenger() -> None:
    async def story(world: World) -> None:
        assert reason(await perform(world, "message")) == "person_unavailable"
        await world.say("messenger", "message", "hi", speaker=CUSTOMER)
        world.now += 24 * HOUR
        assert isinstance(await perform(world, "message", text="one"), Posted)
        world.now += 1
        assert reason(await perform(world, "message", text="two")) == "window_closed"
        assert isinstance(await perform(world, "message", text="two", tag=HUMAN_AGENT), Posted)
        world.now += 6 * DAY
        assert reason(await perform(world, "message", text="three", tag=HUMAN_AGENT)) == "window_closed"
        await world.say("messenger", "message", "still there?", speaker=CUSTOMER)
        assert isinstance(await perform(world, "message", text="three"), Posted)
        assert [action["tag"] for action in await world.actions()] == [None, HUMAN_AGENT, None]

    play(story)


def page_with(pauses: list[int]) -> tuple[MetaPlatform, list[int]]:
    """A page, and when its customer wrote."""
    now = NOW
    platform = MetaPlatform(SECRET, Switches(lambda: now))
    heard = list[int]()
    for pause in pauses:
        now += pause
        item = MetaItem(f"m_{now}_{len(heard)}", "message", PAGE, None, "hi", now, person=PSID)
        platform.remember(item)
        heard.append(now)
    return platform, heard


@fuzzed
@given(st.lists(st.integers(0, 3 * DAY), min_size=1, max_size=5), st.integers(0, 9 * DAY), st.booleans())
def test_messenger_never_takes_a_message_outside_of_its_window(pauses: list[int], later: int, tagged: bool) -> None:
    platform, heard = page_with(pauses)
    platform.switches.shift = heard[-1] + later - platform.switches.clock()
    sent = platform.message(PAGE, PSID, "hello", HUMAN_AGENT if tagged else None, None)
    assert isinstance(sent, MetaItem) is (later <= (7 * DAY if tagged else 24 * HOUR))
    assert len(platform.journal.actions) == isinstance(sent, MetaItem)


def test_a_private_answer_is_possible_once_and_tells_who_it_is() -> None:
    async def story(world: World) -> None:
        item = (await world.say("facebook", "comment", "hi"))["item_id"]
        wanted = deliver("private_answer", in_reply_to=item, at=world.now)
        assert await world.meta.find(wanted) is None
        sent = await world.meta.perform(wanted)
        person = psid(SECRET, PAGE, KIM)
        assert isinstance(sent, Posted)
        assert sent.recipient_id == person
        assert await world.meta.perform(wanted) == Duplicate()
        assert await world.meta.find(wanted) == sent
        assert reason(await perform(world, "message", recipient=person)) == "window_closed"
        await world.say("messenger", "message", "here I am", speaker={"id": person})
        assert isinstance(await perform(world, "message", recipient=person), Posted)
        told = await world.control.get("/_simulator/psid", params={"account": PAGE, "id": KIM})
        assert told.json() == {"psid": person}
        late = (await world.say("facebook", "comment", "hi", at=NOW - 7 * DAY - 1))["item_id"]
        assert reason(await perform(world, "private_answer", in_reply_to=late)) == "reply_not_allowed"
        post = (await world.say("facebook", "post", "hi"))["item_id"]
        answered = await perform(world, "private_answer", in_reply_to=post)
        assert isinstance(answered, Posted)
        assert answered.recipient_id == person, "the same person, whatever is answered"
        await world.state()
        first, _, last = await world.actions()
        assert (first["action"], first["channel"], first["target"]) == ("private_answer", "facebook", item)
        assert (first["recipient"], first["delivery_id"], last["target"]) == (person, "d" * 32, post)

    world = play(story)
    echo = next(command for command in world.commands if isinstance(command, RecordOwnPost))
    assert (echo.visibility, echo.delivery_id) == ("private", "d" * 32)


def test_somebody_without_a_name_has_a_psid_within_the_thread() -> None:
    async def story(world: World) -> None:
        first = (await world.say("facebook", "comment", "one", speaker=None))["item_id"]
        same = (await world.say("facebook", "comment", "two", in_reply_to=first, speaker=None))["item_id"]
        other = (await world.say("facebook", "comment", "three", speaker=None))["item_id"]
        known = (await world.say("facebook", "comment", "four", anonymous=True))["item_id"]
        people = []
        for item in (first, same, other, known):
            sent = await perform(world, "private_answer", in_reply_to=item)
            assert isinstance(sent, Posted)
            people.append(sent.recipient_id)
        assert people[0] == people[1]
        assert len(set(people)) == 3
        assert people[3] == psid(SECRET, PAGE, KIM)

    world = play(story)
    assert all(each.name is None for each in world.commands if isinstance(each, ReceiveMessage))


def test_a_message_that_is_too_long_is_refused() -> None:
    async def story(world: World) -> None:
        await world.say("messenger", "message", "hi", speaker=CUSTOMER)
        assert reason(await perform(world, "message", text="x" * 2000)) == "too_long"
        assert reason(await perform(world, "message", text="😀" * 1000)) == "too_long"
        assert isinstance(await perform(world, "message", text="x" * 1999), Posted)

    play(story)


# --- errors, limits, chance ---


def test_every_error_of_meta_is_one_for_the_client() -> None:
    async def story(world: World) -> None:
        item = (await world.say("facebook", "comment", "hi"))["item_id"]
        for name in sorted(meta_errors.ERRORS):
            await world.fault(name, channel="meta")
            outcome = await perform(world, "reply", in_reply_to=item)
            assert not isinstance(outcome, Posted), name
            if name in meta_errors.THROTTLES:
                assert isinstance(outcome, Retry), name
        assert await world.actions() == []
        assert isinstance(await perform(world, "reply", in_reply_to=item), Posted)

    play(story)


def test_a_pages_limit_says_how_much_is_used_and_when_it_ends() -> None:
    async def story(world: World) -> None:
        item = (await world.say("facebook", "comment", "hi"))["item_id"]
        await world.put("settings", {"meta_limit": 2})
        token = {"Authorization": f"Bearer {page_token(SECRET, PAGE)}"}
        answers = [await world.control.post(f"/graph/v23.0/{item}/likes", headers=token) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 400]
        used = [json.loads(answer.headers["x-app-usage"])["call_count"] for answer in answers]
        assert used == [50, 100, 100]
        usage = json.loads(answers[2].headers["x-business-use-case-usage"])[PAGE][0]
        assert usage["estimated_time_to_regain_access"] == 60
        assert answers[2].json()["error"]["code"] == 32
        limited = await perform(world, "like", in_reply_to=item)
        assert isinstance(limited, Retry)
        assert (limited.reason, limited.retry_after) == ("rate_limited", HOUR)

    play(story)


def test_time_outs_lost_answers_and_breaks() -> None:
    async def story(world: World) -> None:
        item = (await world.say("facebook", "comment", "hi"))["item_id"]
        await world.put("settings", {"silence_ms": 0})
        for kind, there in (("time_out", 0), ("reset", 0), ("answer_lost", 1), ("answer_500", 2)):
            await world.fault(kind, channel="meta", call="comment")
            outcome = await perform(world, "reply", in_reply_to=item, text=kind)
            assert isinstance(outcome, Unknown), kind
            assert len(await world.actions()) == there
            found = await world.meta.find(deliver("reply", in_reply_to=item, text=kind, at=world.now))
            assert (found is not None) is kind.startswith("answer")
        await world.fault("echo_first", channel="meta")
        await world.state()
        before = len(world.commands)
        await perform(world, "reply", in_reply_to=item, text="echo")
        assert len(world.commands) == before + 1

    play(story)
