"""Dead letters in their topic: each with what was done about it, and how that is written.

What goes back, the command that records who did it (SettleDeadLetter) and the same record beside the letter, from which
its state is read, are one transaction. Whoever does something takes the turn of all others first (topics.turns), and
only then reads what was done: so nobody can do it twice, wherever they died.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

from confluent_kafka import KafkaException, Producer

from engine.delivery import DeadLetter
from engine.envelope import control_key, derive
from engine.interaction.letters import SettleDeadLetter
from engine.record import Record
from schemas.codec import Codec
from topics import clients
from topics.broker import Broker
from topics.catalogue import DEAD_LETTERS, INTERACTION_COMMANDS, Catalogue
from topics.errors import SettlingLost
from topics.headers import CloudEvents
from topics.reading import read_all
from topics.transactions import produce
from topics.turns import take_turns

MOST: Final = 1_000
"""Letters in one transaction, at most."""
MOST_BYTES: Final = 16 * 1024 * 1024
"""And what goes back with them, about: a transaction may not stand open for long."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter, where it lies, and what was done about it, in order."""

    partition: int
    offset: int
    letter: DeadLetter
    settled: tuple[SettleDeadLetter, ...] = ()

    @property
    def name(self) -> str:
        """As people name it: 3@17."""
        return f"{self.partition}@{self.offset}"

    @property
    def is_open(self) -> bool:
        """Whether nothing was done about it yet."""
        return not self.settled

    def was_settled_by(self, act: str) -> bool:
        """Whether it was in this act."""
        return any(each.correlation_id == act for each in self.settled)


class Back(NamedTuple):
    """A record that goes back: on which topic of topics.catalogue, under which key, as which bytes."""

    topic: str
    key: str
    value: bytes
    record: Record


class Settlement(NamedTuple):
    """What is done about one letter."""

    letter: Letter
    back: Sequence[Back] = ()


@dataclass(frozen=True, slots=True)
class Act:
    """Who does what, when, and why: one wish of one person, about any number of letters."""

    id: str
    outcome: str
    by: str
    at: int
    why: str | None = None


def read(broker: Broker, catalogue: Catalogue, codec: Codec) -> list[Letter]:
    """Every letter that is kept, by partition and offset."""
    topic = catalogue.topic(DEAD_LETTERS)
    letters: dict[tuple[int, int], DeadLetter] = {}
    settled: defaultdict[tuple[int, int], list[SettleDeadLetter]] = defaultdict(list)
    for record in read_all(broker, topic.name, range(topic.partitions), "dead-letters"):
        if record.value is None:
            continue
        match codec.decode(record.value):
            case DeadLetter() as letter:
                letters[record.partition, record.offset] = letter
            case SettleDeadLetter() as command:
                settled[command.letter_partition, command.letter_offset].append(command)
    return [Letter(*place, letters[place], tuple(settled[place])) for place in sorted(letters)]


def settle(
    broker: Broker,
    catalogue: Catalogue,
    codec: Codec,
    act: Act,
    choose: Callable[[list[Letter]], Sequence[Settlement]],
    point: Callable[[str], None] = lambda name: None,
) -> list[SettleDeadLetter]:
    """Does something about some letters, each once whatever dies. Gives what stands.

    Args:
        choose: which, and what goes back, of those that there are, in the order in which it goes back. It may be asked
            several times: it leaves out what was settled in this act already, and raises what speaks against it.
        point: called at named points; tests stop there.

    Raises:
        SettlingLost: others kept taking the turn.
        KafkaUnreachable, TopicMissing: as they say.
    """
    return take_turns(broker.bootstrap, _lost, lambda: _settle_alone(broker, catalogue, codec, act, choose, point))


def _lost(tries: int) -> SettlingLost:
    return SettlingLost(
        f"others settled dead letters at the same time, {tries} times in a row: look at `rejoinder dead-letters list`, "
        "and ask again"
    )


def _settle_alone(
    broker: Broker,
    catalogue: Catalogue,
    codec: Codec,
    act: Act,
    choose: Callable[[list[Letter]], Sequence[Settlement]],
    point: Callable[[str], None],
) -> list[SettleDeadLetter]:
    name = f"rejoinder-settler-{catalogue.name(DEAD_LETTERS)}"
    producer = broker.producer(clients.transactional(broker.bootstrap, name))
    producer.init_transactions(clients.ASK_TIMEOUT)
    letters = read(broker, catalogue, codec)
    done = [each for letter in letters for each in letter.settled if each.correlation_id == act.id]
    chosen = choose(letters)
    point("chosen")
    events = CloudEvents("/rejoinder/dead-letters", codec.name_of)
    for some in _shares(chosen):
        commands = [_command(act, each) for each in some]
        records = [back for each in some for back in each.back]
        for command in commands:
            key, value = control_key(command.letter_partition), codec.encode(command)
            records += [Back(topic, key, value, command) for topic in (INTERACTION_COMMANDS, DEAD_LETTERS)]
        _transact(producer, catalogue, events, records, point)
        done += commands
    return done


def _transact(
    producer: Producer,
    catalogue: Catalogue,
    events: CloudEvents,
    records: Sequence[Back],
    point: Callable[[str], None],
) -> None:
    producer.begin_transaction()
    try:
        for each in records:
            headers = events.headers(each.record, each.key)
            produce(producer, catalogue.topic(each.topic), each.key, each.value, headers)
        point("produced")
        producer.commit_transaction(clients.ASK_TIMEOUT)
    except BaseException:
        # Else it stands open for seconds, and who reads these topics waits. Where this fails too, the broker ends it.
        with suppress(KafkaException):
            producer.abort_transaction(clients.ASK_TIMEOUT)
        raise
    point("committed")


def _command(act: Act, settlement: Settlement) -> SettleDeadLetter:
    where, letter = settlement.letter, settlement.letter.letter
    return SettleDeadLetter(
        command_id=derive("dead-letter", act.id, where.partition, where.offset),
        at=act.at,
        actor_kind="supervisor",
        actor_id=act.by,
        correlation_id=act.id,
        letter_partition=where.partition,
        letter_offset=where.offset,
        outcome=act.outcome,
        code=letter.code,
        source_topic=letter.source_topic,
        source_partition=letter.source_partition,
        source_offset=letter.source_offset,
        put_back=[_id_of(back.record) for back in settlement.back if not isinstance(back.record, DeadLetter)],
        why=act.why,
    )


def _id_of(record: Record) -> str:
    """A command's id; a delivery's, of an order to post."""
    return str(getattr(record, "command_id", None) or getattr(record, "delivery_id", ""))


def _shares(chosen: Sequence[Settlement]) -> Iterator[list[Settlement]]:
    """What goes into one transaction, and into the next; the order stays."""
    share: list[Settlement] = []
    size = 0
    for each in chosen:
        weighs = sum(len(back.value) for back in each.back)
        if share and (len(share) == MOST or size + weighs > MOST_BYTES):
            yield share
            share, size = [], 0
        share.append(each)
        size += weighs
    if share:
        yield share
