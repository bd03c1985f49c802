"""What agents respond to, and what they do: read in the same way from the recorded events and from those of a world.

An agent responds to an offer (accepts or declines it), to being asked (an interaction is theirs, or its customer wrote
again: they answer, share, give on, move to private or end), and to having answered (they end it, or wait).
"""

from typing import Final

from engine.interaction import events as e
from engine.record import Event
from rejoinder.whatif.samples import Action

OFFERED: Final = "offered"
ASKED: Final = "asked"
"""An interaction is theirs, and waits for an answer."""
ASKED_AGAIN: Final = "asked again"
"""The customer wrote again."""
ANSWERED: Final = "answered"
AWAY: Final = "away"
"""Of an agent who did not accept in time: until ready again."""
POSTED: Final = "posted"
"""Of a platform: until it has what was sent."""


def prompt_of(event: Event) -> str | None:
    """What an event asks of the agent whom it names."""
    match event:
        case e.Assigned(reservation_id=str()):
            return OFFERED
        case e.Assigned(why="written_again"):
            return ASKED_AGAIN
        case e.Assigned() | e.Accepted():
            return ASKED
        case e.Replied() | e.Engaged(agent_id=str()):
            return ANSWERED
        case _:
            return None


def action_of(event: Event) -> tuple[str, Action] | None:
    """What an agent did, and who; None: it is no agent's act, or none that is modelled."""
    match event:
        case e.Accepted():
            return event.agent_id, Action("accept")
        case e.QueuedAgain(why="declined"):
            return event.agent_id, Action("decline")
        case e.ReplyRequested():
            return event.agent_id, Action("private", "message") if event.moves else Action("reply")
        case e.MovedToPrivate(how="link"):
            return event.agent_id, Action("private", "link")
        case e.EngagementRequested(agent_id=str(agent)):
            return agent, Action("engage", event.engagement)
        case e.Transferred():
            kept = (("agent", event.agent), ("group", event.group), ("queue", event.queue))
            return event.from_agent, Action("transfer", next(f"{kind}:{name}" for kind, name in kept if name))
        case e.Dispositioned(agent_id=str(agent)):
            return agent, Action("end", event.code)
        case _:
            return None


def ends_turn(event: Event) -> bool:
    """Whether after an event nothing is asked of the agent any more who had the interaction, or the offer of it."""
    return isinstance(event, e.Queued | e.QueuedAgain | e.OutOfHours | e.Dispositioned)


def ends_offer(event: Event) -> bool:
    """Whether it takes an offer back that nobody has accepted."""
    return isinstance(event, e.RepliedElsewhere)
