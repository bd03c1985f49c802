"""When each agent was there, as recorded: their time is counted, and passes, only then."""

from collections import defaultdict


class Presence:
    """The stretches of time in which one agent was ready or away, and not offline."""

    def __init__(self) -> None:
        self._stretches: list[tuple[int, int | None]] = []

    def note(self, at: int, *, there: bool) -> None:
        """The agent came or went; times never go back."""
        open_since = self._stretches[-1][0] if self._stretches and self._stretches[-1][1] is None else None
        if there and open_since is None:
            self._stretches.append((at, None))
        elif not there and open_since is not None:
            self._stretches[-1] = (open_since, at)

    def elapsed(self, start: int, end: int) -> int:
        """For how much of a time the agent was there."""
        parts = ((max(start, begin), end if until is None else min(end, until)) for begin, until in self._stretches)
        return sum(max(0, until - begin) for begin, until in parts)

    def after(self, start: int, delay: int) -> int | None:
        """When the agent has been there for so long since a time; None: that never comes."""
        for begin, until in self._stretches:
            if until is not None and until <= start:
                continue
            since = max(begin, start)
            if until is None or since + delay <= until:
                return since + delay
            delay -= until - since
        return None


class Presences:
    """Those of all agents."""

    def __init__(self) -> None:
        self._agents: defaultdict[str, Presence] = defaultdict(Presence)

    def note(self, agent: str, at: int, state: str) -> None:
        """An agent's state changed."""
        self._agents[agent].note(at, there=state != "offline")

    def of(self, agent: str) -> Presence:
        return self._agents[agent]
