"""What holds for a whole partition: policies, emergencies and deadlines, by the wall clock or in recorded time."""

import pytest

from engine.interaction import commands as c
from engine.interaction import events as e
from engine.policy.rules import document_digest, encode
from tests.unit.builders import (
    DAY,
    HOME,
    HOUR,
    MONDAY,
    account,
    at,
    by_agent,
    command_id,
    message,
    office,
    policy,
)
from tests.unit.partition import CONTROL, Partition, names, the_letter
from topics.deciding import Output

EVENING = at("2026-03-02 20:00")
TUESDAY = at("2026-03-03 09:00")


@pytest.fixture
def partition() -> Partition:
    """One with a policy in force."""
    one = Partition()
    one.publish(policy())
    return one


def test_a_policy_is_adopted_by_the_partition(partition: Partition) -> None:
    outputs = partition.publish(policy(accept_within="5m"), 2)
    (adopted,) = (output.event for output in outputs)
    assert isinstance(adopted, e.PolicyAdopted)
    assert (adopted.version, adopted.policy_digest) == (2, document_digest(encode(policy(accept_within="5m"))))
    assert outputs[0].key == CONTROL
    assert partition.publish(policy(), 1) == []
    received = partition.ask(message("m1"))[0].event
    assert received is not None
    assert received.policy_version == 2


def test_a_policy_that_cannot_be_read_is_a_dead_letter(partition: Partition) -> None:
    command = c.PublishPolicy(command_id="p", at=MONDAY, version=2, document=b"{}")
    assert the_letter(partition.ask(command, CONTROL)).code == "undecidable"
    assert names(partition.ask(message("m1")))[-1] == "Queued"


def held(partition: Partition) -> None:
    """A message came in the evening, to an office that is closed."""
    partition.publish(policy(office(), office("200")))
    partition.now = EVENING
    assert "OutOfHours" in names(partition.ask(message("m1", posted_at=EVENING)))


def test_a_policy_that_changes_the_hours_looks_at_what_is_held_again() -> None:
    partition = Partition()
    held(partition)
    assert names(partition.publish(policy(account()), 2)) == ["PolicyAdopted", "Queued"]
    assert partition.interaction().state == "queued"


def test_a_policy_with_other_hours_moves_the_deadline() -> None:
    partition = Partition()
    held(partition)
    later = policy(office(hours="Mo-Fr 11:00-18:00"))
    assert names(partition.publish(later, 2)) == ["PolicyAdopted", "ClosureChanged"]
    assert partition.advance(TUESDAY) == []
    assert names(partition.advance(TUESDAY + 2 * HOUR)) == ["Queued"]


def test_a_policy_with_the_same_hours_changes_nothing_of_what_is_held() -> None:
    partition = Partition()
    held(partition)
    assert names(partition.publish(policy(office(), name="another"), 2)) == ["PolicyAdopted"]
    assert names(partition.advance(TUESDAY)) == ["Queued"]


def test_an_emergency_holds_its_account_until_it_ends(partition: Partition) -> None:
    assert names(partition.emergency(c.ActivateEmergency)) == ["EmergencyActivated"]
    assert partition.emergency(c.ActivateEmergency) == []
    assert "OutOfHours" in names(partition.ask(message("m1")))
    assert "Queued" in names(partition.ask(message("m2", accounts=["200"])))
    assert names(partition.emergency(c.EndEmergency)) == ["EmergencyEnded", "Queued"]
    assert partition.emergency(c.EndEmergency) == []
    assert "Queued" in names(partition.ask(message("m3")))


def test_an_emergency_that_ends_in_the_evening_leaves_it_to_the_hours() -> None:
    partition = Partition()
    held(partition)
    assert names(partition.emergency(c.ActivateEmergency)) == ["EmergencyActivated", "ClosureChanged"]
    assert partition.advance(TUESDAY) == []
    partition.now = EVENING + DAY
    assert names(partition.emergency(c.EndEmergency)) == ["EmergencyEnded", "ClosureChanged"]
    assert names(partition.advance(TUESDAY + DAY)) == ["Queued"]


def test_two_looks_in_the_same_moment_lead_to_events_of_their_own(partition: Partition) -> None:
    partition.emergency(c.ActivateEmergency)
    partition.ask(message("m1"))
    for _ in range(2):
        partition.publish(policy(account("200")), partition.offset)
        partition.publish(policy(), partition.offset)
    ids = [output.event.event_id for output in partition.written if output.event is not None]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("batches", [False, True])
def test_what_one_batch_holds_back_the_same_batch_lets_go(batches: bool) -> None:
    """However the commands are batched, they lead to the same."""
    partition = Partition(batches=batches)
    partition.publish(policy())
    partition.emergency(c.ActivateEmergency)
    partition.ask(message("m1"))
    assert names(partition.emergency(c.EndEmergency)) == ["EmergencyEnded", "Queued"]


def advance_time(partition: Partition, to: int) -> list[Output]:
    return partition.ask(c.AdvanceTime(command_id=command_id(), at=to), CONTROL)


@pytest.mark.parametrize("batches", [False, True])
def test_recorded_time_fires_deadlines_in_order_each_at_its_time(batches: bool) -> None:
    partition = Partition(recorded=True, batches=batches)
    partition.now = 0
    document = policy(office(), office("200", hours="Mo-Fr 08:30-18:00"), expire_after="1h")
    command = c.PublishPolicy(command_id="p", at=MONDAY, version=1, document=encode(document))
    partition.ask(command, CONTROL)
    partition.ask(message("m1", at=EVENING, posted_at=EVENING))
    partition.ask(message("m2", at=EVENING, posted_at=EVENING, accounts=["200"]))
    partition.ask(message("m3", at=EVENING, posted_at=EVENING))
    assert advance_time(partition, TUESDAY - HOUR) == []
    outputs = advance_time(partition, TUESDAY + DAY)
    fired = [
        (output.event.interaction_id, type(output.event).__name__, output.event.decided_at)
        for output in outputs
        if output.event
    ]
    assert fired == [
        (f"{HOME}.2", "Queued", TUESDAY - HOUR // 2),
        (f"{HOME}.1", "Queued", TUESDAY),
        (f"{HOME}.3", "Queued", TUESDAY),
        (f"{HOME}.2", "Dispositioned", TUESDAY + HOUR // 2),
        (f"{HOME}.1", "Dispositioned", TUESDAY + HOUR),
        (f"{HOME}.3", "Dispositioned", TUESDAY + HOUR),
    ]


def test_in_recorded_time_a_commands_own_time_is_the_time() -> None:
    partition = Partition(now=0, recorded=True)
    command = c.PublishPolicy(command_id="p", at=MONDAY, version=1, document=encode(policy(office())))
    (adopted,) = (output.event for output in partition.ask(command, CONTROL))
    assert adopted is not None
    assert adopted.decided_at == MONDAY
    assert "OutOfHours" in names(partition.ask(message("m1", at=EVENING, posted_at=EVENING)))


def test_a_deadline_that_was_moved_or_dropped_does_not_come(partition: Partition) -> None:
    partition.publish(policy(expire_after="1h"), 2)
    partition.ask(message("m1"))
    assert partition.deciding.state.next_due() == MONDAY + HOUR
    partition.ask(by_agent(c.Take))
    assert partition.advance(MONDAY + HOUR) == []
    partition.now = MONDAY + HOUR
    partition.ask(by_agent(c.Transfer, to_queue="care"))
    assert partition.advance(MONDAY + 2 * HOUR - 1) == []
    assert names(partition.advance(MONDAY + 2 * HOUR)) == ["Dispositioned"]
