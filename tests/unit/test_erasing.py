"""Forgetting: no words and no names of a person are left, and what happened is."""

from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.interaction import commands as c
from engine.interaction import contact_commands as cc
from engine.interaction import contact_events as ce
from engine.interaction.state import Contact, EarlyEdit, Interaction, Item
from engine.record import Command
from tests.unit.builders import FIRST, HOME, SALT, by_agent, command_id, edit, message, outcome, policy
from tests.unit.partition import Partition, a_day_at_work, names, records, the_result
from topics.deciding import Output

OTHER: Final = "f" * 32
WORDS: Final = ("interaction.content", "interaction.profiles")


@pytest.fixture
def partition() -> Partition:
    one = Partition()
    one.publish(policy())
    return one


def erase(**changes: Any) -> cc.EraseContact:
    fields: dict[str, Any] = {"actor_kind": "supervisor", "actor_id": "sue", "reply_partition": 0}
    return cc.EraseContact(command_id=command_id(), at=0, **(fields | changes))


def erase_words(content_id: str, **changes: Any) -> cc.EraseWords:
    fields: dict[str, Any] = {"actor_kind": "supervisor", "actor_id": "sue", "reply_partition": 0}
    return cc.EraseWords(command_id=command_id(), at=0, content_id=content_id, **(fields | changes))


def left(partition: Partition, key: str = HOME) -> set[str]:
    """What a reader of the topics of words and names still finds of a key."""
    kept: dict[str, Output] = {}
    for output in partition.written:
        if output.topic in WORDS and output.key.startswith(key):
            kept[output.key] = output
    return {output.key for output in kept.values() if output.value is not None}


def worded(partition: Partition, key: str = HOME) -> list[object]:
    """The rows of a key that have words or names."""
    return [row for _, row in partition.deciding.state.rows(key).all() if row.has_words]


def test_all_words_and_names_of_the_person_are_gone_and_nobody_elses(partition: Partition) -> None:
    a_day_at_work(partition)
    others = left(partition, OTHER)
    assert left(partition)
    assert others
    outputs = partition.ask(erase())
    assert left(partition) == set()
    assert worded(partition) == []
    assert left(partition, OTHER) == others
    assert the_result(outputs).outcome == "accepted"


def test_the_event_says_who_why_and_how_much(partition: Partition) -> None:
    a_day_at_work(partition)
    before = left(partition)
    event = partition.ask(erase(why="platform"))[-2].event or _the_event(partition)
    assert isinstance(event, ce.ContactErased)
    assert (event.actor_kind, event.actor_id, event.why) == ("supervisor", "sue", "platform")
    assert event.contents >= len({each for each in before if ":e:" not in each})


def _the_event(partition: Partition) -> ce.ContactErased:
    found = [each.event for each in partition.written if isinstance(each.event, ce.ContactErased)]
    assert found and found[-1] is not None
    return found[-1]


def test_what_is_open_ends_and_what_is_on_its_way_is_given_up(partition: Partition) -> None:
    partition.ask(message("m1"))
    partition.ask(by_agent(c.Take))
    partition.ask(by_agent(c.Reply, text="On its way"))
    assert names(partition.ask(erase())) == ["Dispositioned", "ReplyAbandoned", "ContactErased"]
    assert partition.interaction().state == "dispositioned"


def test_a_note_of_a_transfer_is_gone_too(partition: Partition) -> None:
    partition.ask(message("m1"))
    partition.ask(by_agent(c.Take))
    partition.ask(by_agent(c.Transfer, to_queue="billing", note="she was rude", salt=SALT))
    assert any(":n:" in each for each in left(partition))
    partition.ask(erase())
    assert left(partition) == set()


def test_a_later_edit_brings_nothing_back(partition: Partition) -> None:
    partition.ask(message("m1"))
    partition.ask(edit("m5", channel="x"))
    partition.ask(erase())
    partition.ask(edit("m1", channel="x"))
    assert left(partition) == set()
    assert partition.deciding.state.rows(HOME).get(EarlyEdit, "m5") is None


def test_who_writes_again_is_a_customer_again(partition: Partition) -> None:
    partition.ask(message("m1"))
    partition.ask(erase())
    outputs = partition.ask(message("m2", "It is me again", posted_at=partition.now + 1))
    assert "MessageReceived" in names(outputs)
    assert left(partition) == {f"{HOME}:m:m2", f"{HOME}:p"}


def test_what_was_written_before_does_not_come_back(partition: Partition) -> None:
    partition.ask(message("m1"))
    partition.ask(erase())
    assert names(partition.ask(message("m2", "Late", posted_at=partition.now))) == ["CommandRefused"]
    assert left(partition) == set()


def test_linked_handles_are_told_and_forget_what_lies_with_them(partition: Partition) -> None:
    partition.ask(message("m1", handle_id=OTHER, actor_id=OTHER), OTHER)
    partition.ask(message("m2"))
    link = cc.LinkHandle(command_id=command_id(), at=0, actor_kind="agent", actor_id="anna", handle_id=OTHER)
    _pass_on(partition, partition.ask(link))
    assert left(partition, OTHER)
    _pass_on(partition, partition.ask(erase()))
    assert left(partition) == set()
    assert left(partition, OTHER) == set()
    assert worded(partition, OTHER) == []


def _pass_on(partition: Partition, outputs: list[Output]) -> None:
    """Decides what follows, as the processor does."""
    for output in outputs:
        if output.topic == "interaction.commands":
            (command,) = records([output], output.topic)
            _pass_on(partition, partition.ask(command, output.key))


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (erase(actor_kind="agent"), "not_supervisor"),
        (erase_words(f"{HOME}:m:m1", actor_kind="agent"), "not_supervisor"),
        (erase_words(f"{HOME}:m:unknown"), "unknown_words"),
    ],
)
def test_what_is_refused(partition: Partition, command: Command, code: str) -> None:
    partition.ask(message("m1"))
    result = the_result(partition.ask(command))
    assert (result.outcome, result.code) == ("refused", code)
    assert left(partition) == {f"{HOME}:m:m1", f"{HOME}:p"}


def test_a_contact_that_nobody_knows_is_refused(partition: Partition) -> None:
    assert the_result(partition.ask(erase())).code == "unknown_contact"


def test_one_text_goes_and_the_others_stay(partition: Partition) -> None:
    partition.ask(message("m1"))
    partition.ask(message("m2", in_reply_to="m1"))
    assert names(partition.ask(erase_words(f"{HOME}:m:m1"))) == ["WordsErased"]
    assert left(partition) == {f"{HOME}:m:m2", f"{HOME}:p"}
    partition.ask(edit("m1", channel="x"))
    assert left(partition) == {f"{HOME}:m:m2", f"{HOME}:p"}


def test_an_answer_on_its_way_is_not_erased_before_it_has_ended(partition: Partition) -> None:
    partition.ask(message("m1"))
    partition.ask(by_agent(c.Take))
    delivery_id = records(partition.ask(by_agent(c.Reply, text="On its way")), "delivery.commands")[0].delivery_id
    assert the_result(partition.ask(erase_words(f"{HOME}:r:{delivery_id}"))).code == "on_its_way"
    partition.ask(outcome(delivery_id))
    assert names(partition.ask(erase_words(f"{HOME}:r:{delivery_id}"))) == ["WordsErased"]


def test_a_fold_of_the_log_comes_to_the_same_rows(partition: Partition) -> None:
    a_day_at_work(partition)
    partition.ask(erase())
    again = partition.another()
    for output in partition.written:
        if output.event is not None:
            again.replay(output.key, output.event, output.digest)
    for kind in (Contact, Item, Interaction):
        for row_id, row in partition.deciding.state.rows(HOME).all():
            if isinstance(row, kind):
                assert again.state.rows(HOME).get(kind, row_id) == row
    assert partition.interaction(FIRST).state == "dispositioned"


STEPS: Final = ("message", "take", "reply", "settle", "transfer", "edit", "early", "delete")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=14))
def test_whatever_happened_before_no_words_are_left(steps: list[str]) -> None:
    partition = Partition()
    partition.publish(policy())
    partition.ask(message("m0"))
    deliveries: list[str] = []
    for number, step in enumerate(steps, 1):
        match step:
            case "message":
                partition.ask(message(f"m{number}", in_reply_to="m0"))
            case "take":
                partition.ask(by_agent(c.Take))
            case "reply":
                sent = records(partition.ask(by_agent(c.Reply, text=f"answer {number}")), "delivery.commands")
                deliveries += [each.delivery_id for each in sent]
            case "settle" if deliveries:
                partition.ask(outcome(deliveries.pop()))
            case "transfer":
                partition.ask(by_agent(c.Transfer, to_queue="billing", note="see", salt=SALT))
            case "edit":
                partition.ask(edit("m0", channel="x", edited_at=partition.now + number))
            case "early":
                partition.ask(edit(f"unknown{number}", channel="x"))
            case "delete":
                partition.ask(c.DeleteMessage(command_id=command_id(), at=0, channel="x", item_id="m0"))
    partition.ask(erase())
    assert left(partition) == set()
    assert worded(partition) == []
