"""Where the records go that follow from an event, and what they carry of it."""

from typing import Final, NamedTuple, TypedDict

from engine.decider import Context
from engine.envelope import derive
from engine.interaction.state import Interaction
from engine.record import Command, Event
from engine.rows import Rows

CONTENT: Final = "interaction.content"
INTERACTION: Final = "interaction.commands"
ROUTING: Final = "routing.commands"
DELIVERY: Final = "delivery.commands"


class Case(NamedTuple):
    """What there is to see when an event was just decided and evolved.

    before: the interaction as it was until then.
    command: what led to it; None for a deadline.
    """

    rows: Rows
    before: Interaction | None
    command: Command | None
    context: Context


class Meta(TypedDict):
    """The fields of a derived command that follow from its event."""

    command_id: str
    at: int
    correlation_id: str


def meta(event: Event, *more: str) -> Meta:
    """The command fields of what an event leads to: the id follows from the event's."""
    return {
        "command_id": derive(event.event_id, *more),
        "at": event.decided_at,
        "correlation_id": event.correlation_id,
    }
