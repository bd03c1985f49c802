"""What a command shows of people is written down before it is shown."""

from collections.abc import Iterable
from typing import Final

from engine.errors import RejoinderError
from engine.reads import PersonalRead
from rejoinder.cli.kafka import cluster_of, now, person
from rejoinder.cluster import Cluster
from rejoinder.instance import Instance
from rejoinder.noting import Notes, NotNoted, key_of
from rejoinder.settings import Settings

TERMINAL: Final = "terminal"
"""The role of whoever sits at one."""


def note(
    settings: Settings,
    instance: Instance,
    what: str,
    *,
    contacts: Iterable[str | None] = (),
    interactions: Iterable[str] = (),
    others: Iterable[str] = (),
    lines: int | None = None,
    cluster: Cluster | None = None,
) -> None:
    """Writes down that the person at this terminal is shown something of people.

    Args:
        what: the command.
        cluster: where the command has it already.

    Raises:
        NotNoted: it can't be written down; then the command must not show it.
    """
    read = PersonalRead(
        at=now(),
        actor_id=person(),
        role=TERMINAL,
        door="cli",
        what=what,
        contacts=sorted({each for each in contacts if each is not None}),
        interactions=sorted(set(interactions)),
        others=list(others),
        lines=lines,
    )
    try:
        reached = cluster or cluster_of(settings, instance)
    except RejoinderError as error:
        raise NotNoted(error) from error
    with reached.publisher("command-line") as publisher:
        Notes(reached, publisher, key_of(settings)).write(read)
