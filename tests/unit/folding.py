"""A log of one interaction, folded without a database."""

from collections.abc import Iterator

from engine.interaction import events as e
from engine.record import Event
from projections.reporting import fold
from projections.reporting.rows import FctInteraction
from tests.projection_log import Log, Person


def measured(log: Log) -> Iterator[tuple[Event, FctInteraction, bool]]:
    """Each event of the log's one interaction with its fact, which has measured it, and whether it is the first.

    What else is to be folded of an event is done before the next is asked for.
    """
    fact: FctInteraction | None = None
    for logged in log.logged():
        event = logged.record
        if not isinstance(event, Event) or logged.topic != "interaction.events":
            continue
        first = fact is None
        if fact is None:
            assert isinstance(event, e.MessageReceived)
            fact = fold.opened(event)
        fold.measure(event, fact)
        yield event, fact, first
    assert fact is not None


def waiting(log: Log) -> Person:
    """Somebody who waits in the queue `care`."""
    person = Person(log)
    person.writes("Hello")
    person.resolved()
    person.queued()
    return person
