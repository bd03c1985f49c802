"""The life of each interaction in a world, step by step and with the reason of each."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from engine.interaction import events as e
from engine.record import Event
from engine.routing.events import Reserved
from projections.queries.explain import Circumstances, explain
from projections.records import INTERACTION_EVENTS, ROUTING_EVENTS, Logged
from rejoinder.whatif.moments import told


@dataclass(frozen=True)
class Step:
    """One event, as `trace` tells it."""

    at: str
    event: str
    state: str | None
    why: str


@dataclass
class Life:
    """What happened to one interaction in the time."""

    events: list[Event] = field(default_factory=list)
    waited: dict[str, int] = field(default_factory=dict)
    """How long each offer of it stood in line, milliseconds."""

    @property
    def way(self) -> tuple[str, ...]:
        """The states that it came through, one that lasts told once."""
        found: list[str] = []
        for event in self.events:
            if event.state is not None and (not found or found[-1] != event.state):
                found.append(event.state)
        return tuple(found)

    def steps(self) -> Iterator[Step]:
        """Each event with its reason."""
        first = next((event for event in self.events if isinstance(event, e.MessageReceived)), None)
        account = "the account" if first is None else f"{first.channel}:{first.account}"
        asked = min((each.posted_at for each in self.events if isinstance(each, e.MessageReceived)), default=None)
        for event in self.events:
            known = Circumstances(
                account=account,
                waited_seconds=self._waited(event),
                answered_after_seconds=_answered_after(event, asked),
                policy_version=event.policy_version,
            )
            yield Step(told(event.occurred_at), type(event).__name__, event.state, explain(event, known))

    def _waited(self, event: Event) -> float | None:
        if not isinstance(event, e.Assigned) or event.reservation_id not in self.waited:
            return None
        return self.waited[event.reservation_id] / 1000


def lives(events: Iterable[Logged]) -> Mapping[str, Life]:
    """Of all interactions to which anything happened."""
    found: dict[str, Life] = {}
    for logged in events:
        event = logged.record
        if not isinstance(event, Event) or event.interaction_id is None:
            continue
        life = found.setdefault(event.interaction_id, Life())
        if logged.topic == INTERACTION_EVENTS:
            life.events.append(event)
        elif logged.topic == ROUTING_EVENTS and isinstance(event, Reserved):
            life.waited[event.reservation_id] = event.waited
    return found


def _answered_after(event: Event, asked: int | None) -> float | None:
    """For a first answer, how long after the first message of the time; None where that one came before."""
    if asked is None or not isinstance(event, e.Replied | e.RepliedElsewhere) or not event.first_response:
        return None
    return (event.posted_at - asked) / 1000
