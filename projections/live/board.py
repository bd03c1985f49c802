"""What the wallboard shows. Each measure is that of the same name in reporting (docs/reference/measures.md)."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class QueueLine:
    """One queue: what came into it and out of it in the window, and what is in it now."""

    queue: str | None
    """None: it came to no queue yet, or in the total, all."""
    opened: int
    """Interactions that were opened in the window, filtered ones apart."""
    answered: int
    """Interactions whose first answer of a person was posted in the window."""
    waiting: int
    """Interactions that wait for an agent now."""
    oldest_waiting_since: datetime | None
    """When the one that waits longest came into the line; an offer that came to nothing begins no new wait."""
    oldest_wait_seconds: float | None
    with_agents: int
    """Interactions that are offered to an agent or with one now."""
    target_met: int
    """Of the targets for a first answer that fell due in the window, those that were met."""
    target_missed: int
    target_running: int
    """Open interactions whose target is not due yet."""
    service_level: float | None
    """target_met / (target_met + target_missed); None where none fell due."""


@dataclass(frozen=True)
class AccountLine:
    """What came in on one account, by the queue where it is now or was last."""

    account_key: str | None
    """None: an answer to what had ended long before."""
    queue: str | None
    opened: int
    filtered: int
    answered: int


@dataclass(frozen=True)
class AgentsLine:
    """The agents of one pool by what they said of themselves last; who said nothing yet is offline."""

    pool: str
    ready: int
    away: int
    offline: int


@dataclass(frozen=True)
class Board:
    """The whole."""

    at: datetime
    """Until when it counts: now, or in recorded time, when the last event happened."""
    since: datetime
    """From when: the window's beginning, which itself is not counted."""
    behind: int | None
    """Records of the log that are not in it yet; None: not known yet."""
    total: QueueLine
    queues: list[QueueLine]
    accounts: list[AccountLine]
    agents: list[AgentsLine]

    def of_queue(self, queue: str) -> "Board":
        """The part of one queue; agents belong to none."""
        lines = [line for line in self.queues if line.queue == queue]
        return Board(
            at=self.at,
            since=self.since,
            behind=self.behind,
            total=lines[0] if lines else nothing(queue),
            queues=lines,
            accounts=[line for line in self.accounts if line.queue == queue],
            agents=self.agents,
        )


def nothing(queue: str | None) -> QueueLine:
    """The line of a queue in which nothing is."""
    return QueueLine(queue, 0, 0, 0, None, None, 0, 0, 0, 0, None)
