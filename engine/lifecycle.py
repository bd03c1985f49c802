"""The states and transitions of an interaction, declared once.

python-statemachine checks the declaration (no state that can't be reached, none that can't be left unless final)
and draws the diagram. It is too slow for the hot path, so the declaration is compiled to a table; a property test
holds the two together. Each transition is named after the event that makes it.
"""

from typing import Final

from statemachine import State, StateMachine


class Lifecycle(StateMachine):
    """The life of one interaction."""

    received = State(initial=True)
    contact_resolved = State()
    out_of_hours = State()
    queued = State()
    assigned = State()
    replied = State()
    dispositioned = State(final=True)

    ContactResolved = received.to(contact_resolved)
    OutOfHours = contact_resolved.to(out_of_hours) | replied.to(out_of_hours)
    Queued = (
        contact_resolved.to(queued)
        | out_of_hours.to(queued)
        | assigned.to(queued)
        | replied.to(queued)
    )  # fmt: skip
    QueuedAgain = assigned.to(queued)
    Assigned = (
        queued.to(assigned)
        | out_of_hours.to(assigned)
        | replied.to(assigned)
        | assigned.to(assigned)
    )  # fmt: skip
    # An answer under way when the interaction was given on or ended is recorded, and moves nothing.
    Replied = (
        assigned.to(replied)
        | replied.to(replied)
        | queued.to(queued)
        | out_of_hours.to(out_of_hours)
    )  # fmt: skip
    RepliedElsewhere = (
        contact_resolved.to(replied)
        | queued.to(replied)
        | out_of_hours.to(replied)
        | assigned.to(replied)
        | replied.to(replied)
    )  # fmt: skip
    Dispositioned = (
        received.to(dispositioned)
        | contact_resolved.to(dispositioned)
        | out_of_hours.to(dispositioned)
        | queued.to(dispositioned)
        | assigned.to(dispositioned)
        | replied.to(dispositioned)
    )  # fmt: skip


def _compile() -> dict[tuple[str, str], str]:
    return {
        (transition.source.id, event.id): transition.target.id
        for state in Lifecycle.states
        for transition in state.transitions
        for event in transition.events
        if transition.target is not None
    }


INITIAL: Final = "received"
FINAL: Final = "dispositioned"
TRANSITIONS: Final[dict[tuple[str, str], str]] = _compile()
CHANGES: Final[frozenset[str]] = frozenset(event for _, event in TRANSITIONS)
"""The names of the events that can change the state."""
LATE: Final[frozenset[str]] = frozenset({"Replied", "RepliedElsewhere"})
"""Events that may still come after the end, and change nothing then."""


class NoTransition(Exception):
    """The lifecycle has no such transition."""

    def __init__(self, state: str, event: str) -> None:
        super().__init__(f"the lifecycle has no transition {event} from {state}")


def after(state: str, event: str) -> str:
    """The state after an event of this name.

    Raises:
        NoTransition: the event changes states, but not from this one.
    """
    if event not in CHANGES:
        return state
    following = TRANSITIONS.get((state, event))
    if following is not None:
        return following
    if state == FINAL and event in LATE:
        return state
    raise NoTransition(state, event)


def diagram() -> str:
    """The lifecycle as a Mermaid state diagram, from the declaration."""
    return f"{Lifecycle:mermaid}"
