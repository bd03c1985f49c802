"""One partition's deciding, without Kafka: the envelope and chain, replay, rollback, repeats, dead letters, words."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from engine.bookkeeping import Done, Timer
from engine.envelope import control_key, digest, genesis
from engine.interaction import commands as c
from engine.interaction import events as e
from engine.interaction.decider import InteractionDecider
from engine.interaction.letters import DecideDeadline
from engine.interaction.state import Address, EarlyWords, PendingWords
from tests.unit.builders import (
    DAY,
    FIRST,
    HOME,
    HOUR,
    MONDAY,
    by_agent,
    codec,
    edit,
    message,
    outcome,
    own_post,
    policy,
    snapshot,
)
from tests.unit.partition import Partition, a_day_at_work, names, records, the_letter, the_result
from topics.deciding import ChainBroken, Deciding, Input, MissingPolicy, Output


@pytest.fixture
def partition() -> Partition:
    """One with a policy in force."""
    one = Partition()
    one.publish(policy())
    return one


FROM_CONTENT: Final = (PendingWords, EarlyWords, Address)
"""Rows that are read back from interaction.content."""


def test_every_event_names_the_digest_of_the_one_before_on_its_key(partition: Partition) -> None:
    a_day_at_work(partition)
    last: dict[str, tuple[int, bytes]] = {}
    for output in partition.written:
        if output.event is None or output.value is None:
            continue
        event = codec().decode(output.value)
        sequence, previous = last.get(output.key, (0, genesis(output.key)))
        assert (event.sequence, event.previous) == (sequence + 1, previous)
        last[output.key] = (event.sequence, digest(*codec().split(output.value)))
    assert len(last) == 3


def test_the_envelope_says_what_led_to_an_event(partition: Partition) -> None:
    command = message("m1", at=MONDAY - 5, correlation_id="the first", actor_id=HOME)
    partition.now = MONDAY + 7
    received, *_, queued = (output.event for output in partition.ask(command) if output.event is not None)
    assert (received.occurred_at, received.decided_at) == (MONDAY - 5, MONDAY + 7)
    assert (received.input_topic, received.input_partition, received.input_offset) == ("interaction.commands", 0, 1)
    assert (received.causation_id, received.correlation_id) == ("receive-m1", "the first")
    assert (received.actor_kind, received.actor_id, received.policy_version) == ("customer", HOME, 1)
    assert (queued.actor_kind, queued.state) == ("policy", "queued")
    (request,) = records(partition.written, "routing.commands")
    assert request.correlation_id == "the first"


def test_a_deadline_is_an_input_too(partition: Partition) -> None:
    partition.publish(policy(expire_after="1h"), 2)
    partition.ask(message("m1"))
    (event,) = (output.event for output in partition.advance(MONDAY + HOUR) if output.event is not None)
    assert (type(event).__name__, event.input_topic, event.input_offset) == ("Dispositioned", "timer", -1)
    assert (event.actor_kind, event.actor_id, event.decided_at) == ("timer", "expire", MONDAY + HOUR)


def replayed(partition: Partition) -> Deciding:
    again = partition.another()
    again._policies = partition.deciding._policies
    for output in partition.written:
        if output.event is not None and output.value is not None:
            again.replay(output.key, codec().decode(output.value), digest(*codec().split(output.value)))
    again.state.commit()
    return again


def test_replaying_the_log_leads_to_the_same_rows_and_deadlines(partition: Partition) -> None:
    a_day_at_work(partition)
    again = replayed(partition)
    for rows in partition.deciding.state.all():
        assert snapshot(again.state.rows(rows.key), *FROM_CONTENT) == snapshot(rows, *FROM_CONTENT)
    assert again.state.next_due() == partition.deciding.state.next_due()
    following = message("m9", in_reply_to="m1")
    source = Input("interaction.commands", 0, 99)
    assert again.command(HOME, following, source) == partition.deciding.command(HOME, following, source)


@pytest.mark.parametrize("change", ["left out", "twice", "changed"])
def test_a_log_whose_chain_does_not_hold_is_noticed(partition: Partition, change: str) -> None:
    partition.ask(message("m1"))
    events = [output for output in partition.written if output.event is not None and output.key == HOME]
    told = {
        "left out": [events[0], events[2]],
        "twice": [events[0], events[0]],
        "changed": [events[0], events[1]],
    }[change]
    again = partition.another()
    with pytest.raises(ChainBroken, match=f"on key {HOME} of interaction.events-0"):
        for output in told:
            assert output.value is not None
            seen = digest(*codec().split(output.value))
            again.replay(output.key, codec().decode(output.value), b"other" if change == "changed" else seen)


def test_what_is_rolled_back_never_happened_and_deciding_again_gives_the_same() -> None:
    partition = Partition(batches=True)
    partition.publish(policy())
    partition.ask(message("m1"))
    partition.deciding.state.commit()
    before = partition.rows()

    def batch() -> list[Output]:
        outputs = partition.ask(by_agent(c.Take, command_id="take"))
        outputs += partition.ask(message("m2"))
        outputs += partition.advance(MONDAY + 40 * DAY)
        return outputs

    partition.offset = 50
    first = batch()
    partition.deciding.state.rollback()
    assert partition.rows() == before
    partition.now, partition.offset = MONDAY, 50
    assert batch() == first
    assert "Dispositioned" in names(first)


class Faulty(InteractionDecider):
    """Decides half of it, then fails with words in the error."""

    def decide(self, rows: Any, command: Any, context: Any) -> Any:
        decision = super().decide(rows, command, context)
        if isinstance(command, c.Take):
            yield next(decision)
            raise ValueError("the customer said hushhush")
        return (yield from decision)

    def fire(self, rows: Any, timer: Any, context: Any) -> Any:
        yield from super().fire(rows, timer, context)
        raise ValueError("hushhush")


def faulty() -> Partition:
    partition = Partition()
    partition.deciding = Deciding(Faulty(), codec(), 0, {}, lambda: partition.now)
    partition.publish(policy(expire_after="1h"))
    partition.ask(message("m1"))
    return partition


def test_a_decision_that_fails_is_a_dead_letter_and_leaves_no_trace() -> None:
    partition = faulty()
    before = partition.rows()
    command = by_agent(c.Take)
    with capture_logs() as logs:
        outputs = partition.ask(command)
    letter = the_letter(outputs)
    assert len(outputs) == 1
    assert (letter.code, letter.source_offset, letter.key) == ("undecidable", 2, HOME.encode())
    assert codec().decode(letter.value or b"") == command
    assert letter.reason.startswith("deciding Take failed with ValueError at test_deciding.py:")
    assert "hush" not in letter.reason + str(logs)
    assert partition.rows() == before
    assert names(partition.ask(message("m2"))) == ["MessageReceived", "ContactResolved", "Queued"]


def test_a_deadline_that_fails_is_a_dead_letter_and_comes_no_more() -> None:
    partition = faulty()
    with capture_logs() as logs:
        letter = the_letter(partition.advance(MONDAY + HOUR))
    assert (letter.source_topic, letter.source_offset, letter.code) == ("timer", -1, "undecidable")
    assert "hush" not in letter.reason + str(logs)
    assert partition.advance(MONDAY + DAY) == []
    assert partition.interaction().state == "queued"


def test_a_deadline_that_failed_is_decided_once_it_is_asked_for_again() -> None:
    partition = faulty()
    asked = codec().decode(the_letter(partition.advance(MONDAY + HOUR)).value or b"")
    assert isinstance(asked, DecideDeadline)
    assert (asked.decider, asked.name, asked.ref) == ("interaction", "expire", FIRST)
    assert the_letter(partition.ask(asked)).code == "undecidable"  # the fault is still there
    partition.deciding._decider = InteractionDecider()
    (event,) = (output.event for output in partition.ask(asked) if output.event is not None)
    assert (type(event).__name__, event.actor_kind, event.actor_id) == ("Dispositioned", "timer", "expire")
    assert (event.input_topic, event.causation_id) == ("interaction.commands", asked.command_id)
    assert partition.ask(asked) == []


def test_a_deadline_that_was_set_anew_comes_by_itself(partition: Partition) -> None:
    partition.publish(policy(expire_after="1h"), 2)
    partition.ask(message("m1"))
    asked = DecideDeadline(command_id="late", at=MONDAY, decider="interaction", name="expire", ref=FIRST)
    assert partition.ask(asked) == []
    assert names(partition.advance(MONDAY + HOUR)) == ["Dispositioned"]


def test_a_deadline_that_is_back_after_a_restart_is_decided_and_comes_no_more(partition: Partition) -> None:
    """No event says that it was dropped, so whoever reads the log has it again."""
    partition.publish(policy(expire_after="1h"), 2)
    partition.ask(message("m1"))
    partition.ask(by_agent(c.Take))
    partition.deciding.state.rows(HOME).put(f"accept:{FIRST}", Timer(name="accept", ref=FIRST, due=MONDAY))
    assert partition.ask(DecideDeadline(command_id="1", at=0, decider="interaction", name="accept", ref=FIRST)) == []
    assert partition.deciding.state.rows(HOME).get(Timer, f"accept:{FIRST}") is None


def test_a_silence_that_is_decided_late_ends_nothing_that_has_no_session(partition: Partition) -> None:
    partition.publish(policy(session_idle_disposition="inactive"), 2)
    partition.ask(message("m1"))
    partition.ask(by_agent(c.Take))
    assert partition.ask(DecideDeadline(command_id="1", at=0, decider="interaction", name="idle", ref=FIRST)) == []


def test_a_record_that_is_no_command_is_a_dead_letter(partition: Partition) -> None:
    letter = the_letter(partition.ask(e.Words(text="hushhush", salt=b"")))
    assert (letter.code, letter.reason) == ("no_command", "a Words is no command")


def test_a_record_that_cannot_be_read_is_a_dead_letter(partition: Partition) -> None:
    source = Input("interaction.commands", 0, 5)
    for key, value in ((b"\xff\xfe", b"\x00rubbish"), (None, None)):
        output = partition.deciding.unreadable(key, value, source, "malformed", "it is not what its schema says")
        letter = the_letter([output])
        assert (letter.code, letter.source_offset, letter.value) == ("malformed", 5, value or b"")


def test_a_message_that_could_not_be_taken_is_kept_and_answered(partition: Partition) -> None:
    outputs = partition.ask(message("m1", accounts=["999"], reply_partition=3))
    assert the_letter(outputs).code == "unknown_account"
    result = the_result(outputs)
    assert (result.outcome, result.code) == ("refused", "unknown_account")
    assert outputs[-1].key == control_key(3)
    assert names(outputs) == []


def test_a_refused_command_is_recorded_and_answered(partition: Partition) -> None:
    partition.ask(message("m1"))
    outputs = partition.ask(by_agent(c.Reply, reply_partition=0))
    assert names(outputs) == ["CommandRefused"]
    refused = outputs[0].event
    assert isinstance(refused, e.CommandRefused)
    assert (refused.command, refused.code, refused.state) == ("Reply", "not_assigned", "queued")
    assert (refused.actor_kind, refused.actor_id) == ("agent", "anna")
    result = the_result(outputs)
    assert (result.outcome, result.code, result.interaction_id) == ("refused", "not_assigned", FIRST)
    assert (result.reason, result.sequence) == (refused.reason, refused.sequence)


def test_a_refusal_for_an_interaction_that_never_was_has_no_state(partition: Partition) -> None:
    outputs = partition.ask(by_agent(c.Take, interaction_id=f"{HOME}.9", expected_sequence=4))
    (refused,) = (output.event for output in outputs if output.event is not None)
    assert refused.state is None


def test_a_command_for_an_earlier_state_is_refused(partition: Partition) -> None:
    partition.ask(message("m1"))
    refused = partition.ask(by_agent(c.Take, expected_sequence=3, reply_partition=0))
    assert the_result(refused).code == "moved_on"
    sequence = the_result(refused).sequence
    assert names(partition.ask(by_agent(c.Take, expected_sequence=sequence))) == ["Assigned"]


def test_a_command_that_is_repeated_gives_the_earlier_result(partition: Partition) -> None:
    partition.ask(message("m1"))
    take = by_agent(c.Take, reply_partition=2)
    first = the_result(partition.ask(take))
    assert (first.outcome, first.interaction_id) == ("accepted", FIRST)
    partition.ask(message("m2", in_reply_to="m1"))
    again = partition.ask(take)
    assert (names(again), the_result(again).outcome) == ([], "duplicate")
    assert (the_result(again).sequence, the_result(again).interaction_id) == (first.sequence, FIRST)
    refused = by_agent(c.Take, "ben", reply_partition=2)
    assert the_result(partition.ask(refused)) == the_result(partition.ask(refused))


def test_of_a_command_with_several_events_the_result_is_the_same_too(partition: Partition) -> None:
    partition.ask(message("m1"))
    partition.ask(by_agent(c.Take))
    transfer = by_agent(c.Transfer, to_queue="billing", reply_partition=2)
    first, again = the_result(partition.ask(transfer)), the_result(partition.ask(transfer))
    assert (first.sequence, first.interaction_id) == (again.sequence, again.interaction_id)


def test_a_result_is_forgotten_after_a_day(partition: Partition) -> None:
    partition.ask(message("m1"))
    take = by_agent(c.Take)
    partition.ask(take)
    rows = partition.deciding.state.rows(HOME)
    partition.advance(MONDAY + DAY - 1)
    assert rows.get(Done, take.command_id) is not None
    assert partition.advance(MONDAY + DAY) == []
    assert rows.get(Done, take.command_id) is None
    assert [row for _, row in rows.all() if isinstance(row, Timer)] == []


def test_a_message_that_is_repeated_is_told_so(partition: Partition) -> None:
    assert records(partition.ask(message("m1")), "command.results") == []
    result = the_result(partition.ask(message("m1")))
    assert (result.outcome, result.command, result.interaction_id) == ("duplicate", "ReceiveMessage", FIRST)


def test_a_policy_that_is_missing_stops_the_partition_instead_of_dropping_what_comes(partition: Partition) -> None:
    again = replayed(partition)
    again._policies = {}
    with pytest.raises(MissingPolicy, match="version 1"):
        again.command(HOME, message("m1"), Input("interaction.commands", 0, 9))


TOKENS = st.text("abcdefghijklmnopqrstuvwxyzäöüßлюбов日本語😀", min_size=12, max_size=40)


def places(outputs: list[Output], topics: tuple[str, ...]) -> Iterator[bytes]:
    return (output.key.encode() + (output.value or b"") for output in outputs if output.topic in topics)


@settings(max_examples=40, deadline=None)
@given(st.lists(TOKENS, min_size=8, max_size=8, unique=True))
def test_nobodys_words_are_in_an_event_a_result_a_command_to_routing_a_reason_or_a_log(
    tokens: list[str],
) -> None:
    text, name, screen_name, reply, note, elsewhere, late, changed = tokens
    partition = Partition()
    partition.publish(policy())
    decide: Callable[..., list[Output]] = partition.ask
    with capture_logs() as logs:
        decide(message("m1", text, name=name, screen_name=screen_name, raw=text.encode(), reply_partition=0))
        decide(message("m1", text, reply_partition=0))
        decide(message("m4", text, accounts=["999"]))
        decide(by_agent(c.Reply, text=reply, reply_partition=0))
        decide(by_agent(c.Take, reply_partition=0))
        decide(by_agent(c.Reply, text=reply * 30, reply_partition=0))
        delivery_id = records(decide(by_agent(c.Reply, text=reply)), "delivery.commands")[0].delivery_id
        decide(outcome("never asked for", detail=late))
        decide(outcome(delivery_id))
        decide(own_post("o1", in_reply_to="m1", text=elsewhere))
        decide(own_post("o2", in_reply_to="nothing", text=elsewhere))
        decide(message("m2", late, in_reply_to="o1"))
        decide(edit("m5", changed))
        decide(by_agent(c.Transfer, to_queue="billing", note=note))
    assert "Transferred" in names(partition.written)
    written = list(places(partition.written, ("interaction.events", "command.results", "routing.commands")))
    reasons = [letter.reason for letter in records(partition.written, "dead.letters")]
    assert len(reasons) == 2
    for token in tokens:
        assert not any(token.encode() in value for value in written)
        assert token not in str(logs) + "".join(reasons)
    content = b"".join(places(partition.written, ("interaction.content", "interaction.profiles")))
    assert all(token.encode() in content for token in tokens)
