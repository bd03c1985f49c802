"""What a measure and a report are. In their SQL `f` is a row of the report's fact."""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal[
    "interactions", "dispositions", "waits", "handling", "transitions", "agents", "deliveries", "occupancy"
]  # fmt: skip
"""The reports that there are."""
How = Literal["count", "sum", "mean", "median", "p90", "share"]
"""How the rows' values become one number."""
Unit = Literal["interactions", "times", "messages", "deliveries", "attempts", "seconds", "from 0 to 1"]

SUMMED: Final[frozenset[How]] = frozenset(("count", "sum"))
"""A number of this kind for two intervals, accounts … is the sum of theirs. Of others it has to be asked anew."""


@dataclass(frozen=True)
class Measure:
    """A measure: the rows that it counts (`when`), what each adds (`value`), and how that becomes one number.

    A share is the sum of the values by the sum of `of`.
    """

    name: str
    says: str
    when: str = "true"
    value: str = "1"
    how: How = "count"
    of: str = "1"
    unit: Unit = "interactions"

    @property
    def is_summed(self) -> bool:
        return self.how in SUMMED

    @property
    def kind(self) -> type[int] | type[float]:
        """Whether the number is a whole one."""
        return int if self.is_summed and self.unit != "seconds" else float

    @property
    def counted(self) -> str:
        """The SQL condition for a row to be behind the number: one without a value is not."""
        return self.when if self.value == "1" else f"({self.when}) AND ({self.value}) IS NOT NULL"

    @property
    def sql(self) -> str:
        """The SQL aggregate."""
        only = "" if self.when == "true" else f" FILTER (WHERE {self.when})"  # no value: SQL leaves it out
        kind = "bigint" if self.kind is int else "double precision"
        match self.how:
            case "count":
                return f"count(*){only}"
            case "sum":
                return f"coalesce(sum({self.value}){only}, 0)::{kind}"
            case "mean":
                return f"(avg({self.value}){only})::double precision"
            case "median":
                return f"percentile_cont(0.5) WITHIN GROUP (ORDER BY {self.value}){only}"
            case "p90":
                return f"percentile_cont(0.9) WITHIN GROUP (ORDER BY {self.value}){only}"
            case "share":
                return f"sum({self.value}){only}::double precision / nullif(sum({self.of}){only}, 0)::double precision"


@dataclass(frozen=True)
class Report:
    """A report: measures of the rows of one fact, by the interval in which `at` lies and by what else is asked.

    Where rows have an end too (`until`), each counts in every interval with the part of it that lies there: `spent`,
    in seconds.
    """

    name: Kind
    says: str
    fact: str
    at: str
    by: tuple[str, ...]
    """What it is counted by, unless something else is asked for."""
    dimensions: tuple[str, ...]
    """What it can be counted by."""
    measures: tuple[Measure, ...]
    shows: tuple[str, ...]
    """The columns of the fact that tell what a number counts; the first is what the row is of."""
    main: tuple[str, ...]
    """The measures that a table on a screen shows."""
    view: str
    """The view that has it by its usual dimensions, for each width of an interval."""
    until: str | None = None
    only: str = "true"
    """The rows that it counts at all."""
    events: str = "e.interaction_id = f.interaction_id"
    """The events of a row, as a condition over audit.event `e`."""

    def measure(self, name: str) -> Measure | None:
        return next((measure for measure in self.measures if measure.name == name), None)


DIMENSIONS: Final[dict[str, tuple[str, str]]] = {
    "account": ("account_key", "the company's account, as x:42"),
    "channel": ("channel", "x, facebook or messenger"),
    "visibility": ("visibility", "public or private"),
    "event": ("event", "what opened the interaction: mention, comment, message …"),
    "queue": ("queue", "the queue"),
    "skill": ("skill", "each skill that was asked for; what asked for two is counted with both"),
    "agent": ("agent_id", "the agent"),
    "policy": ("policy_version", "the version of the policy that decided"),
    "filter": ("filter", "the policy's filter that matched"),
    "language": ("language", "the language that the platform named"),
    "outcome": ("outcome", "what became of it"),
    "disposition": ("disposition", "the code with which it ended"),
    "dispositioned_by": ("dispositioned_by", "the agent who ended it"),
    "ended_by": ("ended_by", "who or what ended it"),
    "from_state": ("from_state", "the state before"),
    "to_state": ("to_state", "the state after"),
    "event_type": ("event_type", "the event that made the transition"),
    "actor": ("actor_kind", "customer, agent, supervisor, policy, timer or system"),
    "kind": ("kind", "reply, notice, answer (automatic), engagement or moderation"),
    "action": ("action", "what was asked of the platform"),
    "reason": ("reason", "why it was not posted, in a word"),
    "closure": ("closure", "of a notice: emergency, special_day or closed"),
    "pool": ("pool", "the pool to which the agent belongs"),
    "state": ("state", "ready, away, offline, or unknown before the agent's first"),
}
"""What there is to count by: the column of the fact, and what it is."""


_OF_TIMES: Final[tuple[tuple[str, How, str], ...]] = (
    ("sum", "sum", "the sum"),
    ("avg", "mean", "the mean"),
    ("p50", "median", "the median (interpolated)"),
    ("p90", "p90", "the 90th percentile (interpolated)"),
)


def times(value: str, says: str, *, unit: Unit = "times") -> Measure:
    """The sum of a column of the same name."""
    return Measure(value, says, value=f"f.{value}", how="sum", unit=unit)


def durations(prefix: str, value: str, says: str, *, when: str = "true") -> tuple[Measure, ...]:
    """The sum, mean, median and 90th percentile of a time."""
    return tuple(
        Measure(f"{prefix}_{suffix}", f"{word} of {says}", when, f"f.{value}", how, unit="seconds")
        for suffix, how, word in _OF_TIMES
    )


def counted(name: str, says: str, when: str, unit: Unit = "interactions") -> Measure:
    return Measure(name, says, when, unit=unit)
