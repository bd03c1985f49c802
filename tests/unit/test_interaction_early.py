"""Edits and deletions that come before their message: kept, applied when it comes, forgotten when it never does."""

from typing import Any

from engine.decider import Duplicate
from engine.envelope import derive, words_digest
from engine.interaction import commands as c
from engine.interaction import early
from engine.interaction import events as e
from engine.interaction.state import EarlyEdit, EarlyWords, Item
from engine.policy.document import Filter
from engine.record import Record
from engine.testing import Told
from tests.unit.builders import HOME, MONDAY, SALT, codec, deletion, edit, message, only, rules, scenario
from tests.unit.page_world import OTHER_HOME, PSID_HOME, chat, comment, linking, names, tell, world
from tests.unit.world import World

LATER = MONDAY + 60_000
ITEM_KEY = derive("item", "k1")


def content_of(told: Told) -> dict[str, Record | None]:
    """What interaction.content holds after this, by key."""
    return {send.key: send.record for send in told.sent if send.topic == "interaction.content"}


def texts(at: World, since: int = 0) -> dict[str, str | None]:
    """The words that interaction.content holds, by key."""
    found: dict[str, str | None] = {}
    for output in at.interactions.written[since:]:
        if output.topic == "interaction.content":
            record: Any = None if output.value is None else codec().decode(output.value)
            found[output.key] = getattr(record, "text", None)
    return found


def test_an_edit_that_comes_before_its_message_is_kept_and_the_message_carries_its_words() -> None:
    story = scenario()
    told = story.when(edit("m1", "It works again", LATER, attachments=[c.Attachment(kind="image")]))
    assert told.names == ["EditRemembered"]
    remembered = only(told, e.EditRemembered)
    assert content_of(told) == {
        f"{HOME}:e:m1": e.Words(text="It works again", salt=SALT, attachments=[c.Attachment(kind="image")])
    }
    assert (remembered.content_id, remembered.edited_at, remembered.attachments) == (f"{HOME}:e:m1", LATER, 1)

    told = story.when(message("m1", "My phone is dead"))
    received = only(told, e.MessageReceived)
    assert (received.edited_at, received.attachments) == (LATER, 1)
    assert received.words == words_digest(SALT, "It works again")
    content = content_of(told)
    words = content[received.content_id]
    assert isinstance(words, e.Words)
    assert (words.text, len(words.attachments)) == ("It works again", 1)
    assert content[f"{HOME}:e:m1"] is None, "words stand in one place"
    assert story.rows.get(EarlyEdit, "m1") is None and story.rows.get(EarlyWords, "m1") is None


def test_the_filters_judge_the_words_that_stand() -> None:
    thanks = Filter(name="thanks", any=("thank you",), action="ignore")
    story = scenario(rules(filters=(thanks,)))
    story.when(edit("m1", "Never mind, thank you", LATER))
    assert only(story.when(message("m1", "My phone is dead")), e.MessageReceived).filter == "thanks"


def test_of_several_edits_the_latest_counts_in_whatever_order_they_come() -> None:
    story = scenario()
    story.when(edit("m1", "second", LATER))
    assert story.when(edit("m1", "first", MONDAY)).verdict == Duplicate()
    assert story.when(edit("m1", "second", LATER)).verdict == Duplicate()
    assert story.when(edit("m1", "third", LATER + 1)).names == ["EditRemembered"]
    received = only(story.when(message("m1")), e.MessageReceived)
    assert (received.words, received.edited_at) == (words_digest(SALT, "third"), LATER + 1)


def test_what_was_applied_is_not_applied_again_and_a_newer_edit_is() -> None:
    story = scenario()
    story.when(edit("m1", "second", LATER))
    story.when(message("m1"))
    item = story.rows.get(Item, "m1")
    assert item is not None and item.edited_at == LATER
    assert story.when(edit("m1", "second", LATER)).events == []
    assert story.when(edit("m1", "third", LATER + 1)).names == ["MessageEdited"]


def test_a_message_that_never_comes_leaves_no_words_behind() -> None:
    story = scenario()
    story.when(edit("m1"))
    assert story.advance(MONDAY + early.KEPT - 1).events == []
    told = story.advance(MONDAY + early.KEPT)
    assert told.names == ["EditForgotten"]
    assert content_of(told) == {f"{HOME}:e:m1": None}
    assert only(story.when(message("m1")), e.MessageReceived).edited_at is None
    assert story.advance(MONDAY + 3 * early.KEPT).names == []


def test_a_newer_edit_is_kept_as_long_as_the_first() -> None:
    story = scenario()
    story.when(edit("m1"))
    story.now += 1_000
    story.when(edit("m1", edited_at=LATER))
    assert story.advance(MONDAY + early.KEPT).events == []
    assert story.advance(MONDAY + early.KEPT + 1_000).names == ["EditForgotten"]


def test_a_deletion_after_an_early_edit_takes_its_words_too() -> None:
    story = scenario()
    story.when(edit("m1"))
    told = story.when(deletion("m1"))
    assert told.names == ["DeletionRemembered"]
    assert content_of(told) == {f"{HOME}:e:m1": None}
    assert story.when(edit("m1", edited_at=LATER)).verdict == Duplicate(), "it is gone"
    told = story.when(message("m1"))
    assert told.names == ["MessageReceived", "MessageDeleted", "Dispositioned"]
    assert only(told, e.MessageReceived).edited_at is None
    assert story.advance(MONDAY + 2 * early.KEPT).events == []


def test_on_an_items_key_an_early_edit_goes_on_once_it_is_known_whose_it_is() -> None:
    at = world()
    assert names(tell(at, ITEM_KEY, edit("k1", "New", LATER))) == ["EditRemembered"]
    before = len(at.interactions.written)
    told = tell(at, HOME, comment("k1", index=[ITEM_KEY]))
    assert names(told)[-3:] == ["ItemNoted", "Forwarded", "MessageEdited"]
    edited = told[-1]
    assert isinstance(edited, e.MessageEdited)
    assert (edited.words, edited.edited_at) == (words_digest(SALT, "New"), LATER)
    assert {key: text for key, text in texts(at, before).items() if not key.endswith(":p")} == {
        f"{HOME}:m:k1": "New",
        f"{ITEM_KEY}:e:k1": None,
    }
    assert tell(at, ITEM_KEY, edit("k1", "New", LATER)) == [], "platforms repeat"


def test_what_came_early_follows_its_message_to_a_linked_contact() -> None:
    at = world()
    tell(at, OTHER_HOME, comment("k9", OTHER_HOME))
    tell(at, OTHER_HOME, linking(PSID_HOME))
    tell(at, PSID_HOME, edit("mid1", "New", LATER, channel="messenger"))
    told = tell(at, PSID_HOME, chat("mid1", "Old"))
    assert names(told)[:2] == ["Forwarded", "Forwarded"]
    assert names(told)[-1] == "MessageEdited"
    assert texts(at)[f"{OTHER_HOME}:m:mid1"] == "New"
    tell(at, PSID_HOME, deletion("mid2"))
    assert "MessageDeleted" in names(tell(at, PSID_HOME, chat("mid2", "Oh")))
    assert texts(at)[f"{OTHER_HOME}:m:mid2"] is None
