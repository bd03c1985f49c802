"""The floor: the interactions that are open or count in the window, and the agents; and the board of them.

What neither counts in the window nor waits is not looked at for the board; what has ended besides is forgotten. So
memory goes with what is open and what happened lately, and not with the log.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from engine.interaction import events as e
from engine.record import Event
from engine.routing.events import AgentRegistered, AgentStateChanged
from projections.live.board import AccountLine, AgentsLine, Board, QueueLine
from projections.live.interactions import Interaction, change, opened
from projections.records import INTERACTION_EVENTS
from projections.values import moment, moment_or_none

WINDOW: Final = 15 * 60 * 1000
"""Milliseconds."""
WAITING: Final = "queued"
WITH_AGENT: Final = "assigned"
READY: Final = "ready"
AWAY: Final = "away"
OFFLINE: Final = "offline"

Agent = tuple[str, str]
"""A pool and an agent's id."""

_change_of = cache(change.dispatch)  # functools' own look-up costs more than the most of what is called


@dataclass
class _Counts:
    """What one line counts."""

    opened: int = 0
    filtered: int = 0
    answered: int = 0
    waiting: int = 0
    oldest: int | None = None
    with_agents: int = 0
    met: int = 0
    missed: int = 0
    running: int = 0

    def line(self, queue: str | None, now: int) -> QueueLine:
        due = self.met + self.missed
        return QueueLine(
            queue=queue,
            opened=self.opened,
            answered=self.answered,
            waiting=self.waiting,
            oldest_waiting_since=moment_or_none(self.oldest),
            oldest_wait_seconds=None if self.oldest is None else max(0, now - self.oldest) / 1000,
            with_agents=self.with_agents,
            target_met=self.met,
            target_missed=self.missed,
            target_running=self.running,
            service_level=self.met / due if due else None,
        )


class Floor:
    """Folds events in the order of each key, each once; gives the board at any time that is not before an earlier."""

    def __init__(
        self,
        interactions: Mapping[str, Interaction] | None = None,
        agents: Mapping[Agent, str] | None = None,
        latest: int = 0,
        window: int = WINDOW,
    ) -> None:
        self._window = window
        self._counted = dict(interactions or {})
        self._idle: dict[str, Interaction] = {}
        self._agents = dict(agents or {})
        self._late: list[int] = []
        self.latest = latest
        """When the last event of an interaction happened."""

    @property
    def size(self) -> int:
        """How many interactions are in memory."""
        return len(self._counted) + len(self._idle)

    def fold(self, topic: str, key: str, event: Event) -> None:
        """An event of an interaction, or of the pool `key`."""
        if topic == INTERACTION_EVENTS:
            if event.interaction_id is not None and event.state is not None:
                self._of_interaction(event.interaction_id, event.state, event)
        elif isinstance(event, AgentRegistered):
            self._agents.setdefault((key, event.agent_id), OFFLINE)
        elif isinstance(event, AgentStateChanged):
            self._agents[key, event.agent_id] = sys.intern(event.agent_state)

    def _of_interaction(self, interaction_id: str, state: str, event: Event) -> None:
        self.latest = max(self.latest, event.occurred_at)
        found = self._counted.get(interaction_id) or self._idle.pop(interaction_id, None)
        if found is None and isinstance(event, e.MessageReceived) and event.joined == "opened":
            found = opened(event)
        if found is None:
            # It had ended before the window began: all that may still be told of it here is a late answer.
            if isinstance(event, e.Replied | e.RepliedElsewhere) and event.first_response:
                self._late.append(event.posted_at)
            return
        self._counted[interaction_id] = found
        _change_of(type(event))(event, found)
        found.state = sys.intern(state)

    def board(self, now: int, behind: int | None = 0) -> Board:
        """What it shows at `now`; what can count no more is put aside or forgotten."""
        since = now - self._window
        self._put_aside(since)
        total, queues = _Counts(), dict[str | None, _Counts]()
        accounts = dict[tuple[str | None, str | None], _Counts]()
        for each in self._counted.values():
            lines = (
                total,
                queues.setdefault(each.queue, _Counts()),
                accounts.setdefault((each.account_key, each.queue), _Counts()),
            )
            for line in lines:
                _count(line, each, since, now)
        late = sum(posted_at <= now for posted_at in self._late)
        if late:
            for line in (
                total,
                queues.setdefault(None, _Counts()),
                accounts.setdefault((None, None), _Counts()),
            ):
                line.answered += late
        return Board(
            at=moment(now),
            since=moment(since),
            behind=behind,
            total=total.line(None, now),
            queues=[queues[queue].line(queue, now) for queue in sorted(queues, key=_named) if _shows(queues[queue])],
            accounts=[
                AccountLine(account, queue, counts.opened, counts.filtered, counts.answered)
                for (account, queue), counts in sorted(accounts.items(), key=lambda item: tuple(map(_named, item[0])))
                if counts.opened or counts.filtered or counts.answered
            ],
            agents=self._agents_lines(),
        )

    def _put_aside(self, since: int) -> None:
        for interaction_id in [name for name, each in self._counted.items() if not _may_count(each, since)]:
            each = self._counted.pop(interaction_id)
            if each.disposition is None:
                self._idle[interaction_id] = each
        self._late = [posted_at for posted_at in self._late if posted_at > since]

    def _agents_lines(self) -> list[AgentsLine]:
        pools = dict[str, dict[str, int]]()
        for (pool, _), state in self._agents.items():
            counts = pools.setdefault(pool, {READY: 0, AWAY: 0, OFFLINE: 0})
            counts[state] += 1
        return [AgentsLine(pool, **counts) for pool, counts in sorted(pools.items())]


def _may_count(each: Interaction, since: int) -> bool:
    """Whether it may be in some line from now on without another event."""
    return (
        each.state in (WAITING, WITH_AGENT)
        or each.opened_at > since
        or (each.first_response_at is not None and each.first_response_at > since)
        or (each.answer_by is not None and each.answer_by > since)
    )


def _count(line: _Counts, each: Interaction, since: int, now: int) -> None:
    if since < each.opened_at <= now:
        line.opened += not each.filtered
        line.filtered += each.filtered
    if each.first_response_at is not None and since < each.first_response_at <= now:
        line.answered += not each.filtered
    if each.state == WAITING:
        line.waiting += 1
        since_when = each.opened_at if each.waiting_since is None else each.waiting_since
        line.oldest = since_when if line.oldest is None else min(line.oldest, since_when)
    line.with_agents += each.state == WITH_AGENT
    match each.target(now):
        case "running":
            line.running += 1
        case "met" if each.answer_by is not None and since < each.answer_by <= now:
            line.met += 1
        case "missed" if each.answer_by is not None and since < each.answer_by <= now:
            line.missed += 1


def _shows(counts: _Counts) -> bool:
    return counts != _Counts(filtered=counts.filtered)


def _named(name: str | None) -> tuple[bool, str]:
    """What has no name stands last."""
    return name is None, name or ""
