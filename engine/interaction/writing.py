"""Where the records go that follow from an event, and what they carry of it."""

from typing import Final, TypedDict

from engine.envelope import derive
from engine.record import Event

CONTENT: Final = "interaction.content"
PROFILES: Final = "interaction.profiles"
INTERACTION: Final = "interaction.commands"
ROUTING: Final = "routing.commands"
DELIVERY: Final = "delivery.commands"


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
