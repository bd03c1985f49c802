"""From public to private: the move, the link of the two handles, and what the customer writes there."""

import hashlib
from typing import Any

from engine.delivery import Deliver
from engine.envelope import derive
from engine.interaction import commands as c
from engine.interaction import contact_commands as cc
from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.interaction.state import Interaction
from engine.record import Event
from tests.unit.builders import HOME, MONDAY, SALT, by_agent, command_id, message, outcome
from tests.unit.page_world import OTHER_HOME, PAGE, PSID_HOME, chat, comment, linking, names, taken, tell, world
from tests.unit.world import World


def posted(at: World, deliver: Deliver, **more: Any) -> list[Event]:
    key = deliver.interaction_id.partition(".")[0]
    return tell(at, key, outcome(deliver.delivery_id, interaction_id=deliver.interaction_id, **more))


def moved(at: World, where: str, **more: Any) -> list[Event]:
    fields: dict[str, Any] = {"text": "Tell me your number", "announcement": "I wrote to you", "salt": SALT}
    return tell(at, HOME, by_agent(c.MoveToPrivate, interaction_id=where, **(fields | more)))


def test_the_announcement_waits_for_the_private_answer_and_the_customer_goes_on_in_messenger() -> None:
    at = world()
    where = taken(at, comment("k1"))
    assert names(moved(at, where)) == ["ReplyRequested", "ReplyRequested"]
    (private,) = at.deliveries
    assert (private.channel, private.action, private.in_reply_to) == ("facebook", "private_answer", "k1")
    told = posted(at, private, recipient_handle=PSID_HOME, recipient_id="psid-7")
    assert names(told)[:5] == ["Replied", "HandleLinked", "ProfileRecorded", "MovedToPrivate", "ReplyReleased"]
    assert "HomeLinked" in names(told)
    announcement = at.deliveries[-1]
    assert (announcement.action, announcement.text, len(at.deliveries)) == ("reply", "I wrote to you", 2)

    joined = tell(at, PSID_HOME, chat("mid1"))
    assert names(joined)[:2] == ["Forwarded", "MessageReceived"]
    received = next(one for one in joined if isinstance(one, e.MessageReceived))
    assert (received.interaction_id, received.joined, received.via) == (where, "private", [PSID_HOME])
    assert tell(at, PSID_HOME, chat("mid1")) == []

    tell(at, HOME, by_agent(c.Reply, interaction_id=where, text="Thank you"))
    answer = at.deliveries[-1]
    assert (answer.channel, answer.action, answer.recipient, answer.tag) == ("messenger", "message", "psid-7", None)


def test_where_the_private_answer_fails_nothing_is_announced() -> None:
    at = world()
    where = taken(at, comment("k1"))
    moved(at, where)
    (private,) = at.deliveries
    told = posted(at, private, came="refused", reason="gone", detail="It is gone.", item_id=None, posted_at=None)
    assert names(told) == ["ReplyFailed", "ReplyFailed"]
    assert [one.reason for one in told if isinstance(one, e.ReplyFailed)] == ["gone", "not_sent"]
    assert len(at.deliveries) == 1
    assert names(moved(at, where)) == ["ReplyRequested", "ReplyRequested"], "the one private answer is not spent"


def test_a_comment_gets_one_private_answer() -> None:
    at = world()
    where = taken(at, comment("k1"))
    tell(at, HOME, by_agent(c.Reply, interaction_id=where, visibility="private"))
    told = tell(at, HOME, by_agent(c.Reply, interaction_id=where, visibility="private"))
    (refused,) = [one for one in told if isinstance(one, e.CommandRefused)]
    assert refused.code == "private_answer_used"


def test_who_follows_an_invitation_is_linked_once() -> None:
    at = world()
    where = taken(at, comment("k1"))
    told = moved(at, where, text=None, announcement="Write to us: {link}")
    assert names(told) == ["MovedToPrivate", "ReplyRequested"]
    (announcement,) = at.deliveries
    _, _, ref = announcement.text.partition("?ref=")
    assert announcement.text.startswith(f"Write to us: https://m.me/{PAGE}?ref={where}.")

    joined = tell(at, PSID_HOME, chat("mid1", ref=ref))
    received = next(one for one in joined if isinstance(one, e.MessageReceived))
    assert (received.interaction_id, received.joined) == (where, "private")
    assert {"HandleLinked", "HomeLinked", "ProfileRecorded"} <= set(names(joined))

    stranger = tell(at, OTHER_HOME, chat("mid2", key=OTHER_HOME, platform_id="psid-8", ref=ref))
    assert "InvitationRefused" in names(stranger)
    received = next(one for one in stranger if isinstance(one, e.MessageReceived))
    assert received.interaction_id == f"{OTHER_HOME}.1", "the message itself is served, under its own handle"
    assert at.interactions.deciding.state.rows(HOME).get(Interaction, where) is not None


def test_a_forged_reference_leads_nowhere() -> None:
    at = world()
    where = taken(at, comment("k1"))
    forged = f"{where}.{derive('guess')}"
    stranger = tell(at, OTHER_HOME, chat("mid2", key=OTHER_HOME, ref=forged))
    assert "HandleLinked" not in names(stranger)
    received = next(one for one in stranger if isinstance(one, e.MessageReceived))
    assert received.interaction_id == f"{OTHER_HOME}.1"


def test_an_invitation_followed_before_a_word_links_too() -> None:
    at = world()
    where = taken(at, comment("k1"))
    moved(at, where, text=None, announcement="{link}")
    _, _, ref = at.deliveries[0].text.partition("?ref=")
    referral = c.RecordReferral(
        command_id="r1",
        at=MONDAY,
        channel="messenger",
        account=PAGE,
        handle_id=PSID_HOME,
        platform_id="psid-7",
        ref=ref,
    )
    assert {"Forwarded", "HandleLinked", "HomeLinked"} <= set(names(tell(at, PSID_HOME, referral)))
    received = next(one for one in tell(at, PSID_HOME, chat("mid1")) if isinstance(one, e.MessageReceived))
    assert received.interaction_id == where


def test_on_x_the_customers_direct_message_joins_the_interaction_that_was_moved() -> None:
    at = world()
    where = taken(at, message("t1", accounts=["900"]))
    moved(at, where, text=None, announcement="Write to us: {link}")
    assert at.deliveries[0].text == "Write to us: https://x.com/messages/compose?recipient_id=900"
    direct = message("d1", accounts=["900"], visibility="private", event="direct_message")
    received = next(one for one in tell(at, HOME, direct) if isinstance(one, e.MessageReceived))
    assert (received.interaction_id, received.joined) == (where, "private")
    tell(at, HOME, by_agent(c.Reply, interaction_id=where, text="Hello"))
    assert (at.deliveries[-1].action, at.deliveries[-1].recipient) == ("message", "42")


def test_a_direct_message_without_an_invitation_is_a_matter_of_its_own() -> None:
    at = world()
    tell(at, HOME, message("t1", accounts=["900"]))
    direct = message("d1", accounts=["900"], visibility="private", event="direct_message")
    received = next(one for one in tell(at, HOME, direct) if isinstance(one, e.MessageReceived))
    assert (received.interaction_id, received.joined) == (f"{HOME}.2", "opened")


def link(at: World, contact: str, handle: str) -> list[Event]:
    return tell(at, contact, linking(handle))


def test_merged_contacts_share_what_comes_and_part_again() -> None:
    at = world()
    tell(at, HOME, comment("k1"))
    tell(at, OTHER_HOME, chat("mid1", key=OTHER_HOME))
    assert {"HandleLinked", "HomeLinked"} <= set(names(link(at, HOME, OTHER_HOME)))
    own = next(one for one in tell(at, OTHER_HOME, chat("mid2", key=OTHER_HOME)) if isinstance(one, e.MessageReceived))
    assert own.interaction_id == f"{OTHER_HOME}.1", "what was open there goes on there"
    tell(at, OTHER_HOME, by_agent(c.Take, interaction_id=f"{OTHER_HOME}.1"))
    tell(at, OTHER_HOME, by_agent(c.Disposition, interaction_id=f"{OTHER_HOME}.1"))
    shared = next(
        one for one in tell(at, OTHER_HOME, chat("mid3", key=OTHER_HOME)) if isinstance(one, e.MessageReceived)
    )
    assert (shared.interaction_id, shared.contact_id) == (f"{HOME}.2", None)
    undo = cc.UnlinkHandle(command_id=command_id(), at=MONDAY, actor_kind="agent", actor_id="a", handle_id=OTHER_HOME)
    assert names(tell(at, HOME, undo))[:1] == ["HandleUnlinked"]
    apart = next(
        one for one in tell(at, OTHER_HOME, chat("mid4", key=OTHER_HOME)) if isinstance(one, e.MessageReceived)
    )
    assert apart.interaction_id == f"{OTHER_HOME}.2"


def test_two_contacts_that_are_linked_to_each_other_at_once_part_again() -> None:
    at = world()
    tell(at, HOME, comment("k1"))
    tell(at, OTHER_HOME, chat("mid1", key=OTHER_HOME))
    for key, handle in ((HOME, OTHER_HOME), (OTHER_HOME, HOME)):
        at.ask(key, linking(handle))
    at.drain()
    events = [output.event for output in at.interactions.written if output.event is not None]
    undone = [one for one in events if isinstance(one, ce.HomeUnlinked | ce.HandleUnlinked)]
    assert {one.why for one in undone} == {"circle"}
    received = next(one for one in tell(at, HOME, comment("k9")) if isinstance(one, e.MessageReceived))
    assert received.interaction_id == f"{HOME}.2"


def test_a_longer_circle_is_undone_where_it_closes_and_the_message_is_served() -> None:
    at = world()
    third = hashlib.sha256(b"a third").hexdigest()[:32]
    for number, key in enumerate((HOME, OTHER_HOME, third)):
        tell(at, key, chat(f"mid{number}", key=key))
        where = f"{key}.1"
        tell(at, key, by_agent(c.Take, interaction_id=where))
        tell(at, key, by_agent(c.Disposition, interaction_id=where))
    for key, handle in ((OTHER_HOME, HOME), (third, OTHER_HOME), (HOME, third)):
        at.ask(key, linking(handle))
    at.drain()
    told = tell(at, HOME, chat("again", key=HOME))
    assert names(told).count("MessageReceived") == 1
    assert "HomeUnlinked" in names(told)
    assert tell(at, HOME, chat("again", key=HOME)) == []


def test_an_own_comment_finds_the_customer_by_the_comment_it_answers() -> None:
    at = world()
    item_key = derive("item", "k1")
    tell(at, HOME, comment("k1", index=[item_key]))
    own = c.RecordOwnPost(
        command_id="o1",
        at=MONDAY,
        channel="facebook",
        account=PAGE,
        item_id="o1",
        in_reply_to="k1",
        posted_at=MONDAY,
        text="Hello there",
        salt=SALT,
        raw=b"{}",
    )
    told = tell(at, item_key, own)
    assert names(told) == ["Forwarded", "RepliedElsewhere"]
    assert tell(at, item_key, own) == [], "platforms repeat"
    edit = c.EditMessage(
        command_id="e1", at=MONDAY, channel="facebook", item_id="k1", edited_at=MONDAY, text="New", salt=SALT
    )
    assert names(tell(at, item_key, edit)) == ["Forwarded", "MessageEdited"]
    assert tell(at, item_key, edit) == []
    removal = c.DeleteMessage(command_id="x1", at=MONDAY, channel="facebook", item_id="k1")
    assert "MessageDeleted" in names(tell(at, item_key, removal))
    assert tell(at, item_key, removal) == []


def test_a_session_opens_with_the_agent_and_closes_in_silence() -> None:
    at = world()
    where = taken(at, chat("mid1"), PSID_HOME)
    opened = [output.event for output in at.interactions.written if isinstance(output.event, e.SessionOpened)]
    assert [one.session for one in opened] == [1]
    at.now += 20 * 60_000
    tell(at, PSID_HOME, chat("mid2"))
    before = len(at.interactions.written)
    at.pass_time(at.now + 29 * 60_000)
    assert len(at.interactions.written) == before
    at.pass_time(at.now + 2 * 60_000)
    closed = [output.event for output in at.interactions.written if isinstance(output.event, e.SessionClosed)]
    assert [(one.session, one.why) for one in closed] == [(1, "inactive")]
    again = tell(at, PSID_HOME, chat("mid3"))
    assert [one.session for one in again if isinstance(one, e.SessionOpened)] == [2]
    ended = tell(at, PSID_HOME, by_agent(c.Disposition, interaction_id=where))
    assert names(ended) == ["SessionClosed", "Dispositioned"]
