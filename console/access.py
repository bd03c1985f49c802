"""Who may what: the one table of the API's operations and the roles that may call them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

AGENT: Final = "agent"
SUPERVISOR: Final = "supervisor"
ANALYST: Final = "analyst"
AUDITOR: Final = "auditor"
ENGINEER: Final = "engineer"
ROLES: Final = (AGENT, SUPERVISOR, ANALYST, AUDITOR, ENGINEER)

_WORK: Final = frozenset({AGENT, SUPERVISOR})
_LEAD: Final = frozenset({SUPERVISOR})
_LOOK: Final = frozenset({AGENT, SUPERVISOR, AUDITOR})
_ANYBODY: Final = frozenset(ROLES)

MAY: Final[dict[str, frozenset[str]]] = {
    "describe": _ANYBODY,
    "who_am_i": _ANYBODY,
    "register_agent": _LEAD,
    "set_agent_state": _WORK,
    "list_offers": _WORK,
    "list_work": _WORK,
    "follow_agent": _WORK,
    "list_interactions": _LOOK,
    "read_interaction": _LOOK,
    "follow_interaction": _LOOK,
    "accept": _WORK,
    "decline": _WORK,
    "take": _WORK,
    "take_over": _LEAD,
    "reply": _WORK,
    "move_to_private": _WORK,
    "engage": _WORK,
    "moderate": _WORK,
    "transfer": _WORK,
    "close": _WORK,
    "read_emergency": frozenset({AGENT, SUPERVISOR, ENGINEER}),
    "begin_emergency": _LEAD,
    "end_emergency": _LEAD,
    "search_contacts": _LOOK,
    "search_words": _LOOK,
    "read_contact": _LOOK,
    "import_contacts": _LEAD,
    "link_handle": _WORK,
    "unlink_handle": _WORK,
    "merge_contacts": _WORK,
    "set_language": _WORK,
    "block_contact": _LEAD,
    "unblock_contact": _LEAD,
    "erase_contact": _LEAD,
    "erase_message": _LEAD,
    "list_policies": frozenset({SUPERVISOR, ANALYST, AUDITOR, ENGINEER}),
    "read_policy": frozenset({SUPERVISOR, ANALYST, AUDITOR, ENGINEER}),
    "publish_policy": frozenset({SUPERVISOR, ENGINEER}),
    "validate_policy": frozenset({SUPERVISOR, ENGINEER}),
    "read_board": frozenset({AGENT, SUPERVISOR, ANALYST, ENGINEER}),
    "follow_board": frozenset({AGENT, SUPERVISOR, ANALYST, ENGINEER}),
    "trace": frozenset({SUPERVISOR, AUDITOR}),
    "report": frozenset({SUPERVISOR, ANALYST}),
}
"""By the operation's name. An operation that is not here can't be served at all. An agent acts and looks at offers as
itself only; a supervisor as whoever the request names."""


SHOW_PEOPLE: Final = frozenset(
    (
        "list_offers",
        "list_work",
        "follow_agent",
        "list_interactions",
        "read_interaction",
        "follow_interaction",
        "search_contacts",
        "search_words",
        "read_contact",
        "trace",
    )
)
"""The operations whose answers hold people's words or names: none is given before it was written down who gets it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, by the token."""

    subject: str
    role: str
    holds: Callable[[], bool]
    """Whether the token may still be used: a long answer ends when it may not."""

    @property
    def actor_kind(self) -> str:
        """The caller as an event names it."""
        return "agent" if self.role == AGENT else "supervisor"
