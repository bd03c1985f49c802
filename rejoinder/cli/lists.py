"""`interactions` and `contacts`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer

from engine.lifecycle import TRANSITIONS
from projections.queries import lists
from projections.queries.lists import After
from rejoinder.cli.errors import BadInput, NotFound
from rejoinder.cli.instances import reading, running_instance
from rejoinder.cli.noting import note
from rejoinder.cli.options import Config, Data, Json, Limit
from rejoinder.cli.terminal import print_json, print_table, tell

STATES = sorted({state for transition in TRANSITIONS.items() for state in (transition[0][0], transition[1])})
CHANNELS = ("x", "facebook", "messenger")


def interactions(
    state: Annotated[str | None, typer.Option(help=f"Only in this state: {', '.join(STATES)}.")] = None,
    account: Annotated[
        str | None, typer.Option(help="Only of this account: its id, or channel and id as x:42.")
    ] = None,
    channel: Annotated[str | None, typer.Option(help=f"Only on this channel: {', '.join(CHANNELS)}.")] = None,
    queue: Annotated[str | None, typer.Option(help="Only of this queue.")] = None,
    agent: Annotated[str | None, typer.Option(help="Only with this agent.")] = None,
    contact: Annotated[
        str | None, typer.Option(help="Only of this contact, by id of it or of one of its handles.")
    ] = None,
    limit: Limit = 50,
    after: Annotated[
        str | None, typer.Option(help="Go on after this interaction: the last of the page before.")
    ] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """List interactions, the last opened first.

    Example: rejoinder interactions --state queued --queue care
    """
    _one_of("--state", state, STATES)
    channel, account = account_of(channel, account)
    settings, instance = running_instance(data, config)
    with reading(instance) as connection:
        begin = begin_after(connection, "interaction", "opened_at", "interaction_id", after)
        found = lists.interactions(
            connection,
            state=state,
            account=account,
            channel=channel,
            queue=queue,
            agent=agent,
            contact=contact,
            after=begin,
            limit=limit,
        )
    note(
        settings,
        instance,
        "interactions",
        contacts=(line.contact_id for line in found),
        interactions=(line.interaction_id for line in found),
        lines=len(found),
    )
    if json:
        return print_json(found)
    print_table(
        ("interaction", "opened (UTC)", "customer", "account", "private", "state", "with", "in", "out", "autom."),
        [
            (
                line.interaction_id,
                line.opened_at,
                line.customer,
                f"{line.channel}:{line.account}",
                f"{line.private_channel}{', in session' * line.in_session}" if line.private_channel else None,
                f"{line.state} ({line.disposition})" if line.disposition else line.state,
                line.agent_id or (f"queue {line.queue}" if line.queue else None),
                line.messages_in,
                line.messages_out,
                line.automatic_answers + line.engagements,
            )
            for line in found
        ],
        spare=("autom.", "account", "out", "in", "private", "opened (UTC)"),
    )
    _say_more(found, limit, found[-1].interaction_id if found else "", "interaction")


def contacts(
    search: str | None, limit: int, after: str | None, json: bool, data: Path | None, config: Path | None
) -> None:
    """Lists contacts, the last made first."""
    settings, instance = running_instance(data, config)
    with reading(instance) as connection:
        begin = begin_after(connection, "contact", "created_at", "contact_id", after)
        found = lists.contacts(connection, search=search, after=begin, limit=limit)
    note(settings, instance, "contacts", contacts=(line.contact_id for line in found), lines=len(found))
    if json:
        return print_json(found)
    print_table(
        ("contact", "known since (UTC)", "known as", "channels", "standing", "interactions", "open", "in", "out"),
        [
            (
                line.contact_id,
                line.created_at,
                line.known_as,
                line.channels,
                _standing(line),
                line.interactions,
                line.open_interactions,
                line.messages_in,
                line.messages_out,
            )
            for line in found
        ],
        spare=("channels", "out", "in", "open", "standing"),
    )
    _say_more(found, limit, found[-1].contact_id if found else "", "contact")


def _standing(contact: lists.ContactLine) -> str | None:
    """What is to be known before one writes to somebody."""
    said = {
        "blocked": contact.blocked,
        "no automatic answers": contact.opted_out,
        "forgotten": contact.erased_at,
        f"in {contact.language}": contact.language is not None,
    }
    return ", ".join(words for words, holds in said.items() if holds) or None


def account_of(channel: str | None, account: str | None) -> tuple[str | None, str | None]:
    """The channel and the account that two options name, of which the second may hold both: x:42. Raises BadInput."""
    if account is not None and ":" in account:
        channel, _, account = account.partition(":")
    _one_of("--channel", channel, CHANNELS)
    return channel, account


def _one_of(option: str, value: str | None, known: Sequence[str]) -> None:
    if value is not None and value not in known:
        raise BadInput(f"{option} is {value!r}: choose one of {', '.join(known)}")


def begin_after(
    connection: "psycopg.Connection[Any]", view: str, time: str, column: str, last: str | None
) -> After | None:
    """Where a page begins; the names are ours, never the user's."""
    if last is None:
        return None
    query = psycopg.sql.SQL("SELECT {} FROM contact_history.{} WHERE {} = %s").format(
        *map(psycopg.sql.Identifier, (time, view, column))
    )
    row = connection.execute(query, [last]).fetchone()
    if row is None:
        raise NotFound(f"--after names {last!r}, and there is no such {view}")
    return After(row[0], last)


def _say_more(found: Sequence[object], limit: int, last: str, what: str) -> None:
    if not found:
        tell(f"No {what} found.")
    elif len(found) == limit:
        tell(f"There may be more: go on with --after {last}")
