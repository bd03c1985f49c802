"""Idempotency keys and expected sequences, as one partition decides them: before and after it was started again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.envelope import claim_of, digest, keyed_command
from engine.interaction import commands as c
from tests.unit.builders import DAY, FIRST, HOME, OTHER_ACCOUNT, by_agent, codec, message, policy
from tests.unit.partition import Partition, names, records, the_result


@pytest.fixture
def partition() -> Partition:
    """One with a policy in force and an interaction that an agent has."""
    return with_an_agent()


def with_an_agent() -> Partition:
    one = Partition()
    one.publish(policy())
    one.ask(message("m1"))
    one.ask(by_agent(c.Take))
    return one


def restarted(partition: Partition) -> None:
    """Builds the state again from the log."""
    again = partition.another()
    again._policies = partition.deciding._policies
    for output in partition.written:
        if output.event is not None and output.value is not None:
            again.replay(output.key, codec().decode(output.value), digest(*codec().split(output.value)))
    again.state.commit()
    partition.deciding = again


@given(st.text(max_size=40), st.text(alphabet="0123456789abcdef", max_size=12))
def test_a_claim_is_what_every_repeat_has_in_common(claim: str, fingerprint: str) -> None:
    claim = claim.replace("#", "")
    assert claim_of(keyed_command(claim, fingerprint)) == claim == claim_of(claim)


@pytest.mark.parametrize("restart", [False, True])
def test_a_repeat_is_given_the_first_result_and_another_request_with_the_key_is_refused(
    partition: Partition, restart: bool
) -> None:
    def asked(text: str, fingerprint: str) -> c.Reply:
        command: c.Reply = by_agent(
            c.Reply, text=text, command_id=keyed_command("claim", fingerprint), reply_partition=0
        )
        return command

    first = the_result(partition.ask(asked("On its way", "a1")))
    if restart:
        restarted(partition)
    again = partition.ask(asked("On its way", "a1"))
    other = partition.ask(asked("Something else", "b2"))
    assert (first.outcome, the_result(again).outcome) == ("accepted", "duplicate")
    assert (the_result(again).sequence, the_result(again).interaction_id) == (first.sequence, first.interaction_id)
    assert (the_result(other).outcome, the_result(other).code) == ("refused", "key_reused")
    assert names(again) + names(other) == []
    assert len(records(partition.written, "delivery.commands")) == 1


@pytest.mark.parametrize("restart", [False, True])
def test_a_refusal_is_given_again_also_when_it_would_be_accepted_by_now(partition: Partition, restart: bool) -> None:
    early = by_agent(c.Reply, text="", command_id=keyed_command("claim", "a1"), reply_partition=0)
    code = the_result(partition.ask(early)).code
    if restart:
        restarted(partition)
    assert the_result(partition.ask(early)).code == code
    changed = by_agent(c.Reply, text="words", command_id=keyed_command("claim", "b2"), reply_partition=0)
    assert the_result(partition.ask(changed)).code == "key_reused"


def test_a_key_is_free_again_after_a_day(partition: Partition) -> None:
    ids = [keyed_command("claim", fingerprint) for fingerprint in ("a1", "b2")]
    partition.ask(by_agent(c.Reply, text="one", command_id=ids[0]))
    partition.advance(partition.now + DAY + 1)
    assert names(partition.ask(by_agent(c.Reply, text="two", command_id=ids[1], at=partition.now))) == [
        "ReplyRequested"
    ]


def test_what_happens_to_another_interaction_of_the_person_does_not_count(partition: Partition) -> None:
    sequence = partition.interaction().sequence
    assert sequence > 0
    partition.ask(message("m2", accounts=[OTHER_ACCOUNT]))
    refused = partition.ask(by_agent(c.Take, interaction_id=f"{HOME}.9", reply_partition=0))
    assert the_result(refused).outcome == "refused"
    asked = by_agent(c.Reply, text="hi", expected_sequence=sequence, reply_partition=0)
    assert the_result(partition.ask(asked)).outcome == "accepted"


def test_of_two_that_saw_the_same_the_later_is_refused_and_told_where_it_stands(partition: Partition) -> None:
    sequence = partition.interaction().sequence
    replies = [by_agent(c.Reply, text=text, expected_sequence=sequence, reply_partition=0) for text in ("one", "two")]
    first, second = (the_result(partition.ask(each)) for each in replies)
    assert (first.outcome, second.outcome, second.code) == ("accepted", "refused", "moved_on")
    assert second.sequence == partition.interaction().sequence
    assert str(first.sequence) in (second.reason or "")


@given(st.lists(st.sampled_from(["message", "refused", "reply", "other"]), max_size=6), st.integers(-3, 30))
def test_an_expectation_holds_exactly_from_the_last_change_of_the_interaction_to_the_last_event_of_the_key(
    happened: list[str], expected: int
) -> None:
    partition = with_an_agent()
    for number, what in enumerate(happened):
        match what:
            case "message":
                partition.ask(message(f"n{number}", in_reply_to="m1"))
            case "refused":
                partition.ask(by_agent(c.Reply, text=""))
            case "reply":
                partition.ask(by_agent(c.Reply, text=f"answer {number}"))
            case "other":
                partition.ask(message(f"o{number}", accounts=[OTHER_ACCOUNT]))
    last = max(each.event.sequence for each in partition.written if each.event is not None and each.key == HOME)
    stands = partition.interaction(FIRST).sequence
    asked = by_agent(c.Reply, text="hi", expected_sequence=expected, reply_partition=0)
    result = the_result(partition.ask(asked))
    assert (result.code == "moved_on") == (not stands <= expected <= last)
