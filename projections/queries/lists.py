"""Lists of interactions and contacts, page by page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from projections.queries.files import fetch


@dataclass(frozen=True)
class InteractionLine:
    """One interaction in a list."""

    interaction_id: str
    contact_id: str | None
    customer: str
    channel: str
    account: str
    visibility: str
    private_channel: str | None
    """Where its private conversation is; None where it has none."""
    in_session: bool
    state: str
    state_since: datetime
    queue: str | None
    agent_id: str | None
    accepted: bool
    opened_at: datetime
    last_activity_at: datetime
    messages_in: int
    messages_out: int
    automatic_answers: int
    engagements: int
    suggested: str | None
    """The engagement that a filter proposes to the agent."""
    disposition: str | None


@dataclass(frozen=True)
class ContactLine:
    """One contact in a list."""

    contact_id: str
    known_as: str
    handles: int
    channels: list[str]
    language: str | None
    blocked: bool
    opted_out: bool
    erased_at: datetime | None
    created_at: datetime
    last_activity_at: datetime
    interactions: int
    open_interactions: int
    messages_in: int
    messages_out: int


@dataclass(frozen=True)
class After:
    """Where the page before ended: the time and id of its last line."""

    at: datetime
    id: str


def interactions(
    connection: psycopg.Connection[Any],
    *,
    state: str | None = None,
    account: str | None = None,
    channel: str | None = None,
    queue: str | None = None,
    agent: str | None = None,
    contact: str | None = None,
    after: After | None = None,
    limit: int = 50,
) -> list[InteractionLine]:
    """Interactions, the last opened first.

    Args:
        account: the platform's id of the account.
        contact: a contact's id, or that of one that was merged into it, or of one of its handles.
        after: goes on after the last line of the page before: After(line.opened_at, line.interaction_id).
    """
    parameters = {
        "state": state,
        "account": account,
        "channel": channel,
        "queue": queue,
        "agent": agent,
        "contact": contact,
        "after_at": after.at if after else None,
        "after_id": after.id if after else None,
        "limit": limit,
    }
    name = "interactions" if contact is None else "interactions_of"
    return fetch(connection, name, InteractionLine, parameters)


def contacts(
    connection: psycopg.Connection[Any], *, search: str | None = None, after: After | None = None, limit: int = 50
) -> list[ContactLine]:
    """Contacts, the last made first.

    Args:
        search: a part of a screen name or name, in any case, or the beginning of a platform's id.
        after: goes on after the last line of the page before: After(line.created_at, line.contact_id).
    """
    parameters = {
        "search": search.removeprefix("@") if search else None,
        "after_at": after.at if after else None,
        "after_id": after.id if after else None,
        "limit": limit,
    }
    return fetch(connection, "contacts", ContactLine, parameters)
