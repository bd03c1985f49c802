"""Which dead letters something is done about, what of each can go back, and in which order it does."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import merge
from typing import Final

from channels.mapping import Mapped
from channels.webhook import WEBHOOK, dead_letter
from engine.delivery import DeadLetter, Deliver
from engine.errors import RejoinderError
from engine.interaction import commands as interaction_commands
from engine.interaction.letters import DecideDeadline
from engine.record import Record
from engine.routing import commands as routing_commands
from schemas.codec import Codec, UnreadableRecord
from topics.catalogue import DEAD_LETTERS, DELIVERY_COMMANDS, INTERACTION_COMMANDS, ROUTING_COMMANDS, Catalogue
from topics.deciding import TIMER_TOPIC
from topics.letters import Back, Letter, Settlement

ACCEPTED: Final[Mapping[str, tuple[type[Record], ...]]] = {
    INTERACTION_COMMANDS: interaction_commands.COMMANDS,
    ROUTING_COMMANDS: (*routing_commands.COMMANDS, DecideDeadline),
    DELIVERY_COMMANDS: (Deliver,),
}
"""What can go back to a topic: what whoever reads it can take."""
NAMED: Final = 5
"""So many letters are named in an error; of more, their number is told."""

Place = tuple[str, str]
"""A topic, in the catalogue's words, and a key: what stands there is decided in its order."""


class CannotSettle(RejoinderError):
    """A dead letter can't be redriven or discarded."""


class NoSuchLetter(RejoinderError):
    """There is no such dead letter."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters a person means.

    names: 3@17; None: all that are open, with this code, put there since then.
    again: also named ones that were settled.
    out_of_order: also before older ones of the same key.
    """

    names: tuple[str, ...] | None = None
    code: str | None = None
    since: int | None = None
    again: bool = False
    out_of_order: bool = False


@dataclass(frozen=True, slots=True)
class Today:
    """What a letter would lead to if it went back now.

    places: where its records are decided; known also of many that can't go back.
    refused: why it can't go back.
    """

    back: tuple[Back, ...] = ()
    places: frozenset[Place] = frozenset()
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, in its order; and which of all that were wanted can't go back, and why."""

    settlements: list[Settlement] = field(default_factory=list)
    left: list[tuple[Letter, str]] = field(default_factory=list)


class Looking:
    """What each letter would lead to today, looked at once.

    read_webhook: maps the body of a webhook, as its endpoint would.
    now: the wall clock.
    """

    def __init__(self, catalogue: Catalogue, codec: Codec, read_webhook: Callable[[bytes], Mapped], now: int) -> None:
        self._names = {catalogue.name(topic): topic for topic in ACCEPTED}
        self._codec = codec
        self._read_webhook = read_webhook
        self._now = now
        self._seen: dict[str, Today] = {}

    def __call__(self, letter: Letter) -> Today:
        if letter.name not in self._seen:
            self._seen[letter.name] = self._look(letter.letter)
        return self._seen[letter.name]

    def _look(self, letter: DeadLetter) -> Today:
        if letter.source_topic == WEBHOOK:
            return self._map(letter)
        if letter.source_topic == TIMER_TOPIC:
            return self._deadline(letter)
        topic = self._names.get(letter.source_topic)
        if topic is None:
            return Today(refused=f"it stood on {letter.source_topic}, to which nothing goes back")
        return self._record(letter, topic)

    def _map(self, letter: DeadLetter) -> Today:
        """A part may be mapped, and another not: that one stays a dead letter, a new one."""
        mapped = self._read_webhook(letter.value or b"")
        if not mapped.commands and not mapped.ignored and mapped.unmapped:
            first = mapped.unmapped[0]
            return Today(refused=f"it still can't be mapped: {first.reason} ({first.code})")
        commands = [Back(INTERACTION_COMMANDS, key, self._codec.encode(each), each) for key, each in mapped.commands]
        letters = [dead_letter(unmapped, self._now) for unmapped in mapped.unmapped]
        unmapped = [Back(DEAD_LETTERS, WEBHOOK, self._codec.encode(each), each) for each in letters]
        return Today((*commands, *unmapped), frozenset((each.topic, each.key) for each in commands))

    def _deadline(self, letter: DeadLetter) -> Today:
        try:
            record = self._codec.decode(letter.value or b"")
        except UnreadableRecord:
            record = None
        if not isinstance(record, DecideDeadline):
            return Today(refused="an older version kept it, which did not say which deadline it was")
        return self._record(letter, f"{record.decider}.commands")

    def _record(self, letter: DeadLetter, topic: str) -> Today:
        """Goes back as it is, to the partition of its key."""
        try:
            key = (letter.key or b"").decode()
        except UnicodeDecodeError:
            return Today(refused="its key is not UTF-8, so that it belongs to no partition")
        places = frozenset({(topic, key)})
        value = letter.value or b""
        try:
            record = self._codec.decode(value)
        except UnreadableRecord as error:
            return Today(places=places, refused=f"it still can't be read: {error} ({error.code})")
        if not isinstance(record, ACCEPTED[topic]):
            return Today(places=places, refused=f"a {type(record).__name__} can't be asked for on {topic}")
        return Today((Back(topic, key, value, record),), places)


def to_redrive(letters: Sequence[Letter], wanted: Wanted, act: str, today: Callable[[Letter], Today]) -> Plan:
    """What goes back, each key's in its order.

    Args:
        letters: all that there are.
        act: what it is done in; what was done in it already is left out.

    Raises:
        NoSuchLetter: one that is named is not there.
        CannotSettle: one that is named was settled already, or can't go back; or one would overtake an older one.
    """
    chosen = _choose(letters, wanted, act, "to put it back once more, give --again")
    left = [(each, reason) for each in chosen if (reason := today(each).refused) is not None]
    if wanted.names is not None and left:
        raise CannotSettle(_several([f"{each.name} can't go back: {reason}" for each, reason in left]))
    going = {each.name for each in chosen if today(each).refused is None}
    ordered = in_order(each for each in letters if each.is_open or each.name in going)
    if not wanted.out_of_order:
        _refuse_overtaking(ordered, going, today)
    return Plan([Settlement(each, today(each).back) for each in ordered if each.name in going], left)


def to_discard(letters: Sequence[Letter], wanted: Wanted, act: str) -> Plan:
    """Which are to be discarded. Raises as `to_redrive`."""
    chosen = _choose(letters, wanted, act, "nothing is left to discard")
    return Plan([Settlement(each) for each in in_order(chosen)])


def in_order(letters: Iterable[Letter]) -> list[Letter]:
    """Those of one source as they stood there; the sources among each other by the time at which they were kept."""
    sources: defaultdict[tuple[str, int], list[tuple[int, Letter]]] = defaultdict(list)
    for each in letters:
        held = each.letter
        if held.source_offset >= 0:
            sources[held.source_topic, held.source_partition].append((held.source_offset, each))
        else:  # it stood nowhere: then as it lies here
            sources[held.source_topic, ~each.partition].append((each.offset, each))
    runs = [[each for _, each in sorted(run, key=lambda found: found[0])] for run in sources.values()]
    return list(merge(*runs, key=lambda each: each.letter.at))


def overtaking(
    ordered: Iterable[Letter], going: Set[str], places: Callable[[Letter], Set[Place]]
) -> Iterator[tuple[Letter, Letter]]:
    """Each letter that would go back before an older one of the same key that does not; with that one.

    Args:
        ordered: all that are open, and what goes back, the oldest first.
        going: the names of what goes back.
    """
    staying: dict[Place, Letter] = {}
    for each in ordered:
        if each.name not in going:
            for place in places(each):
                staying.setdefault(place, each)
            continue
        older = next((staying[place] for place in sorted(places(each)) if place in staying), None)
        if older is not None:
            yield each, older


def _refuse_overtaking(ordered: Sequence[Letter], going: Set[str], today: Callable[[Letter], Today]) -> None:
    found = list(overtaking(ordered, going, lambda each: today(each).places))
    if not found:
        return
    older = list({one.name: one for _, one in found}.values())
    because = [f"; {one.name} can't go back: {reason}" for one in older if (reason := today(one).refused) is not None]
    told = _several([f"{each.name} would overtake {one.name}" for each, one in found])
    raise CannotSettle(
        f"{told}, which is older, of the same key, and still open: redrive that one too, discard it, or give "
        f"--out-of-order{_several(because, '')}"
    )


def _choose(letters: Sequence[Letter], wanted: Wanted, act: str, mend: str) -> list[Letter]:
    if wanted.names is None:
        return [each for each in letters if each.is_open and _is_meant(each.letter, wanted)]
    known = {each.name: each for each in letters}
    missing = [name for name in wanted.names if name not in known]
    if missing:
        raise NoSuchLetter(
            f"there is no dead letter {', '.join(missing)}: `rejoinder dead-letters list` names those that there are"
        )
    chosen = [known[name] for name in dict.fromkeys(wanted.names)]
    chosen = [each for each in chosen if not each.was_settled_by(act)]
    settled = [f"{each.name} was {_said(each)}" for each in chosen if not each.is_open]
    if settled and not wanted.again:
        raise CannotSettle(f"{_several(settled)}: {mend}")
    return chosen


def _is_meant(letter: DeadLetter, wanted: Wanted) -> bool:
    return wanted.code in (None, letter.code) and (wanted.since is None or letter.at >= wanted.since)


def _said(letter: Letter) -> str:
    last = letter.settled[-1]
    at = datetime.fromtimestamp(last.at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{last.outcome} at {at} UTC by {last.actor_id}"


def _several(told: Sequence[str], between: str = "; ") -> str:
    more = f" and {len(told) - NAMED} more" if len(told) > NAMED else ""
    return between.join(told[:NAMED]) + more
