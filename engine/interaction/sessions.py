"""Private conversations of an agent and a customer: opened when both are there, closed at the end or in silence."""

from collections.abc import Generator

from engine.bookkeeping import Timer
from engine.decider import Context, Decision
from engine.interaction import events as e
from engine.interaction.state import Interaction
from engine.record import Event
from engine.rows import Rows

Events = Generator[Event, None, None]


def open_if_talking(rows: Rows, where: str, context: Context) -> Events:
    """Opens a session when the customer has written in private and an agent works on it."""
    interaction = rows.get(Interaction, where)
    if interaction is None or interaction.in_session or interaction.latest_private is None:
        return
    if not interaction.accepted or interaction.agent_id is None or interaction.state not in ("assigned", "replied"):
        return
    yield e.SessionOpened(
        interaction_id=where,
        contact_id=interaction.contact_id,
        agent_id=interaction.agent_id,
        session=interaction.session + 1,
        idle_after=None if context.rules is None else context.rules.session_idle,
    )


def close(rows: Rows, where: str, why: str) -> Events:
    """Closes the session that is open, if one is."""
    interaction = rows.get(Interaction, where)
    if interaction is not None and interaction.in_session:
        yield e.SessionClosed(
            interaction_id=where, contact_id=interaction.contact_id, session=interaction.session, why=why
        )


def idle(rows: Rows, timer: Timer, context: Context) -> Decision:
    """Nobody wrote for the policy's time."""
    interaction = rows.get(Interaction, timer.ref)
    if interaction is None or not interaction.in_session:
        return None  # a deadline that is decided late: the session was closed since
    yield from close(rows, timer.ref, "inactive")
    code = None if context.rules is None else context.rules.session_idle_disposition
    if code is not None and interaction.state in ("assigned", "replied"):
        yield e.Dispositioned(
            interaction_id=timer.ref, actor_kind="policy", contact_id=interaction.contact_id, code=code
        )
    return None
