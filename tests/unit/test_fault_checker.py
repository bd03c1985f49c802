"""The fault suite's checker: a sound log has nothing wrong, and whatever is broken in it by hand is found."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from engine.decider import Decider
from engine.delivery import CommandResult
from engine.envelope import partition_of
from engine.interaction import events as e
from engine.interaction.commands import Accept, Disposition, PublishPolicy, Reply
from engine.interaction.decider import InteractionDecider
from engine.policy.rules import Rules
from engine.record import Command, Event
from engine.routing import events as re
from engine.routing.decider import RoutingDecider
from tests.faults.checker import Entry, Kind, Run, posts, whole
from tests.processing import POLICY, agent, message
from tests.projection_log import codec
from topics.deciding import Deciding, Input, Output
from topics.publisher import Outgoing

PARTITIONS = 2
AUTHORS = 4


class World:
    """Both deciders on logs in memory: what they write to each other is decided at once."""

    def __init__(self) -> None:
        self.run = Run(PARTITIONS)
        self._ends: dict[tuple[str, int], int] = {}
        self._decidings: dict[tuple[str, int], Deciding] = {}
        self._now = 1_700_000_000_000

    def ask(self, outgoing: Outgoing) -> None:
        assert isinstance(outgoing.record, Command)
        self.run.acknowledged.add(outgoing.record.command_id)
        self._write(Output(outgoing.topic, outgoing.key, codec().encode(outgoing.record)))

    def _write(self, output: Output) -> None:
        partition = partition_of(output.key, PARTITIONS)
        place = output.topic, partition
        offset = self._ends[place] = self._ends.get(place, -1) + 1
        record = None if output.value is None else codec().decode(output.value)
        entry = Entry(output.topic, partition, offset, output.key, record, output.digest)
        if output.topic.endswith(".commands") and not output.topic.startswith("delivery"):
            self.run.commands.append(entry)
            assert isinstance(record, Command)
            source = Input(output.topic, partition, offset)
            for follows in self._deciding(output.topic, partition).command(output.key, record, source):
                self._write(follows)
            return
        lists = {
            "interaction.events": self.run.events,
            "routing.events": self.run.events,
            "interaction.content": self.run.content,
            "interaction.profiles": self.run.content,
            "delivery.commands": self.run.deliveries,
            "command.results": self.run.results,
            "dead.letters": self.run.dead_letters,
        }
        lists[output.topic].append(entry)

    def _deciding(self, topic: str, partition: int) -> Deciding:
        decider: Decider = InteractionDecider() if topic.startswith("interaction") else RoutingDecider()
        if (topic, partition) not in self._decidings:
            known = {1: Rules(1, POLICY)}
            self._decidings[(topic, partition)] = Deciding(decider, codec(), partition, known, self._clock)
        return self._decidings[(topic, partition)]

    def _clock(self) -> int:
        self._now += 1
        return self._now


def by_agent(kind: type[Command], event: e.Assigned | e.Accepted, **more: Any) -> Outgoing:
    interaction = event.interaction_id or ""
    given: dict[str, Any] = {
        "command_id": f"{kind.__name__}-{interaction}", "at": event.decided_at, "actor_kind": "agent",
        "actor_id": event.agent_id, "interaction_id": interaction, "agent_id": event.agent_id, "reply_partition": 0,
    }  # fmt: skip
    return Outgoing("interaction.commands", interaction.partition(".")[0], kind(**given, **more))


@pytest.fixture
def run() -> Run:
    """Four people's matters: one ended, one answered, one accepted, one offered."""
    world = World()
    document = msgspec.json.encode(POLICY)
    for partition in range(PARTITIONS):
        publish = PublishPolicy(command_id=f"policy-{partition}", at=0, version=1, document=document)
        world.ask(Outgoing("interaction.commands", f"~{partition}", publish))
    for each in agent("ann", capacity=AUTHORS):
        world.ask(each)
    for author in range(AUTHORS):
        world.ask(message(author, 1))
        world.ask(message(author, 2, in_reply_to=f"{author}-1"))
    world.ask(message(0, 1))
    offers = [entry.record for entry in world.run.events if isinstance(entry.record, e.Assigned)]
    assert len(offers) == AUTHORS
    for offer in offers[:3]:
        world.ask(by_agent(Accept, offer))
    for offer in offers[:2]:
        world.ask(by_agent(Reply, offer, text="On its way", salt=b"0" * 16))
    world.ask(by_agent(Disposition, offers[0], code="resolved"))
    world.run.seen = [entry.place for entry in world.run.events]
    return world.run


def first(run: Run, kind: type[Event]) -> int:
    return next(at for at, entry in enumerate(run.events) if type(entry.record) is kind)


def test_a_sound_log_has_nothing_wrong(run: Run) -> None:
    assert whole(run) == []
    assert sum(isinstance(entry.record, e.Dispositioned) for entry in run.events) == 1
    assert len(run.deliveries) == 2


def lose_a_command(run: Run) -> None:
    run.acknowledged.add("never-written")


def lose_the_first_event(run: Run) -> None:
    run.events.pop(first(run, e.MessageReceived))


def lose_the_outcome(run: Run) -> None:
    run.results = [
        entry
        for entry in run.results
        if isinstance(entry.record, CommandResult) and entry.record.outcome == "duplicate"
    ]


def lose_a_derived_outcome(run: Run) -> None:
    at = first(run, re.SlotFreed)
    run.events.pop(at)
    run.seen = [entry.place for entry in run.events]


def lose_poison(run: Run) -> None:
    run.commands.append(Entry("interaction.commands", 0, 999, "k", None))


def double_an_event(run: Run) -> None:
    last = run.events[-1]
    run.events.append(replace(last, offset=last.offset + 1))


def double_an_answer(run: Run) -> None:
    run.results.append(run.results[-1])


def double_an_order(run: Run) -> None:
    run.deliveries.append(replace(run.deliveries[0], offset=99))


def double_a_row(run: Run) -> None:
    assert run.seen is not None
    run.seen.append(run.seen[0])


def reorder(run: Run) -> None:
    at = first(run, e.MessageReceived)
    event = run.events[at].record
    assert isinstance(event, Event)
    event.input_offset += 100


def skip_a_sequence(run: Run) -> None:
    at = first(run, e.ContactResolved)
    run.events.pop(at)


def break_the_chain(run: Run) -> None:
    at = first(run, e.ContactResolved)
    run.events[at] = replace(run.events[at], digest=b"another")


def misplace(run: Run) -> None:
    at = first(run, e.Accepted)
    run.events[at] = replace(run.events[at], partition=1 - run.events[at].partition)


def see_an_aborted_event(run: Run) -> None:
    assert run.seen is not None
    run.seen.append(("interaction.events", 0, 500))
    run.aborted.add(("interaction.events", 0, 500))


def see_an_aborted_command(run: Run) -> None:
    at = next(at for at, entry in enumerate(run.commands) if type(entry.record) is Accept)
    run.commands.pop(at)


def lose_a_row(run: Run) -> None:
    assert run.seen is not None
    run.seen.pop()


def tear_a_request_off(run: Run) -> None:
    run.commands = [entry for entry in run.commands if type(entry.record).__name__ != "RequestAgent"]


def tear_words_off(run: Run) -> None:
    run.content = [entry for entry in run.content if ":m:" not in entry.key]


def tear_an_event_off(run: Run) -> None:
    run.content.append(replace(run.content[0], key="somebody:m:17"))


def leak_a_slot(run: Run) -> None:
    """Routing never heard of the end."""
    at = next(at for at, entry in enumerate(run.events) if type(entry.record) is re.SlotFreed)
    run.events.pop(at)


def forget_a_slot(run: Run) -> None:
    at = next(at for at, entry in enumerate(run.events) if type(entry.record) is re.ReservationConfirmed)
    run.events.pop(at)


def count_wrong(run: Run) -> None:
    """Room is kept twice for one reservation."""
    at = first(run, re.Reserved)
    run.events.insert(at, run.events[at])


BREAKS: list[tuple[Callable[[Run], None], Kind]] = [
    (lose_a_command, Kind.LOST),
    (lose_the_first_event, Kind.GAP),
    (lose_the_outcome, Kind.LOST),
    (lose_a_derived_outcome, Kind.LOST),
    (lose_poison, Kind.LOST),
    (double_an_event, Kind.DOUBLED),
    (double_an_answer, Kind.DOUBLED),
    (double_an_order, Kind.DOUBLED),
    (double_a_row, Kind.DOUBLED),
    (reorder, Kind.REORDERED),
    (skip_a_sequence, Kind.GAP),
    (break_the_chain, Kind.CHAIN),
    (misplace, Kind.MISPLACED),
    (see_an_aborted_event, Kind.ABORTED),
    (see_an_aborted_command, Kind.ABORTED),
    (lose_a_row, Kind.LOST),
    (tear_a_request_off, Kind.TORN),
    (tear_words_off, Kind.TORN),
    (tear_an_event_off, Kind.TORN),
    (leak_a_slot, Kind.SLOT),
    (forget_a_slot, Kind.SLOT),
    (count_wrong, Kind.SLOT),
]


@pytest.mark.parametrize(("broken", "kind"), BREAKS, ids=[each.__name__ for each, _ in BREAKS])
def test_what_is_broken_is_found(run: Run, broken: Callable[[Run], None], kind: Kind) -> None:
    broken(run)
    assert kind in {each.kind for each in whole(run)}


def test_a_second_post_of_the_same_answer_is_found() -> None:
    one = {"channel": "x", "account": "9", "target": "17", "recipient": None, "text": "On its way"}
    other = one | {"target": "18"}
    assert list(posts([one, other])) == []
    (found,) = posts([one, other, one])
    assert found.kind is Kind.POST
    assert "On its way" not in str(found)
