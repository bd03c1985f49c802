"""What the wallboard has to know of one interaction, and what each event does to that.

The definitions are those of reporting (projections/reporting/fold.py and views.sql), over few enough fields that
everything which is open fits into memory. A test folds any history with both and compares them.
"""

import sys
from functools import singledispatch
from typing import Final

import msgspec

from engine.interaction import events as e
from engine.record import Event

WITHDRAWN: Final = ("withdrawn", "expired")
"""The dispositions that outcome takes over as they are."""


class Interaction(msgspec.Struct, gc=False):
    """One interaction. All times are milliseconds since 1970."""

    account_key: str
    state: str
    opened_at: int
    queue: str | None = None
    queued: bool = False
    """Whether it was ever in a line: the first one sets the target."""
    waiting_since: int | None = None
    answer_by: int | None = None
    first_response_at: int | None = None
    filtered: bool = False
    disposition: str | None = None
    by_agent: bool = False
    """Whether an agent ended it."""

    @property
    def outcome(self) -> str:
        """What it counts as, as far as the target asks: see reporting.fct_interaction."""
        if self.filtered:
            return "filtered"
        if self.first_response_at is not None:
            return "answered"
        if self.disposition is None:
            return "open"
        if self.disposition in WITHDRAWN:
            return self.disposition
        return "closed" if self.by_agent else "closed_automatically"

    def target(self, now: int) -> str | None:
        """Whether its first answer came in time: met, missed, running; None where it does not count."""
        if self.answer_by is None or self.outcome in ("filtered", "closed_automatically", "withdrawn"):
            return None
        if self.first_response_at is not None and self.first_response_at <= self.answer_by:
            return "met"
        return "running" if self.outcome == "open" and self.answer_by > now else "missed"


def opened(event: e.MessageReceived) -> Interaction:
    """The interaction that a message opened."""
    return Interaction(sys.intern(f"{event.channel}:{event.account}"), event.state or "", event.occurred_at)


@singledispatch
def change(event: Event, interaction: Interaction) -> None:
    """Other events change nothing but the state."""


@change.register
def _(event: e.FilteredOut, interaction: Interaction) -> None:
    interaction.filtered = True


@change.register
def _(event: e.Queued, interaction: Interaction) -> None:
    interaction.queue, interaction.waiting_since = sys.intern(event.queue), event.occurred_at
    if not interaction.queued:
        interaction.queued, interaction.answer_by = True, event.answer_by


@change.register
def _(event: e.Replied, interaction: Interaction) -> None:
    _answered(interaction, event.posted_at)


@change.register
def _(event: e.RepliedElsewhere, interaction: Interaction) -> None:
    _answered(interaction, event.posted_at)


@change.register
def _(event: e.Dispositioned, interaction: Interaction) -> None:
    interaction.disposition, interaction.by_agent = event.code, event.agent_id is not None


def _answered(interaction: Interaction, posted_at: int) -> None:
    before = interaction.first_response_at
    interaction.first_response_at = posted_at if before is None else min(before, posted_at)
