"""`contacts show`: one person over all channels and handles, and what was written."""

from collections.abc import Sequence
from typing import Annotated, Final

import typer
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from projections.queries.desk import MessageLine
from projections.queries.history import History, LinkLine, NoSuchMessage, history
from rejoinder.cli.erasing import contacts
from rejoinder.cli.errors import NotFound
from rejoinder.cli.instances import reading, running_instance
from rejoinder.cli.noting import note
from rejoinder.cli.options import Config, Data, Json, Limit, instant
from rejoinder.cli.terminal import clean, console, moment, print_json, print_table, show, tell
from rejoinder.cli.tracing import LONGEST_QUOTE, PIPED_WIDTH

_WHYS: Final = {
    "private_reply": "the platform said who got a private answer",
    "ref": "an invitation was followed",
    "agent": "a person said so",
    "asked": "a person said so",
    "circle": "the two would have been linked to each other",
}


@contacts.command("show")
def show_contact(
    contact: Annotated[str, typer.Argument(metavar="CONTACT", help="The id of a contact, or of one of its handles.")],
    as_of: Annotated[
        str | None,
        typer.Option(
            help="What belonged together, and how it stood, at this day's begin or time, UTC: 2026-01-31T10:15. Words "
            "and names are those of today."
        ),
    ] = None,
    limit: Limit = 50,
    after: Annotated[str | None, typer.Option(help="Go on after this message: the last of the page before.")] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Show a person over all channels: handles, merges, interactions, and messages of both directions as sent.

    Example: rejoinder contacts show 6bd1bc1ca1bcf7cba6b4fb7ab84e45a3
    Example: rejoinder contacts show 6bd1bc1ca1bcf7cba6b4fb7ab84e45a3 --as-of 2026-01-31T10:15 --limit 10000 --json
    """
    at = instant("--as-of", as_of)
    settings, instance = running_instance(data, config)
    with reading(instance) as connection:
        try:
            found = history(connection, contact, at, after, limit)
        except NoSuchMessage as error:
            raise NotFound(f"--after: {error}") from error
    if found is None:
        when = "" if as_of is None else f"by {as_of} "
        raise NotFound(
            f"{when}no contact or handle was known as {contact!r}: `rejoinder contacts --search` finds people"
        )
    note(
        settings,
        instance,
        "contacts show",
        contacts=[found.contact_id],
        interactions=(each.interaction_id for each in found.interactions),
        lines=len(found.messages),
    )
    if json:
        return print_json([found])
    _show(found)
    if found.next is not None:
        tell(f"There are more: go on with --after {found.next}")


def _show(found: History) -> None:
    out = console(PIPED_WIDTH)
    stood = "" if found.as_of is None else f" as of {moment(found.as_of)}"
    show(Group(Text(f"Contact {clean(found.contact_id)}{stood}", style="bold"), Text(_standing(found))), out)
    print()
    print_table(
        ("handle", "channel", "called", "since (UTC)", "how"),
        [(each.handle_id, each.channel, each.called, each.linked_at, each.how) for each in found.handles],
        spare=("how", "channel"),
    )
    if found.links:
        print()
        show(Group(Text("Merged and parted", style="bold"), *map(_link, found.links)), out)
    if found.interactions:
        print()
        print_table(
            ("interaction", "opened (UTC)", "account", "state", "with", "in", "out"),
            [
                (
                    each.interaction_id,
                    each.opened_at,
                    f"{each.channel}:{each.account}",
                    f"{each.state} ({each.disposition})" if each.disposition else each.state,
                    each.agent_id or (f"queue {each.queue}" if each.queue else None),
                    each.messages_in,
                    each.messages_out,
                )
                for each in found.interactions
            ],
            spare=("account", "out", "in", "opened (UTC)"),
        )
    if found.messages:
        print()
        show(_messages(found.messages), out)


def _standing(found: History) -> str:
    said = {
        "blocked": found.blocked,
        "no automatic answers": found.opted_out,
        "forgotten": found.erased_at is not None,
        f"in {found.language}": found.language is not None,
    }
    told = [f"known since {moment(found.created_at)}", *(words for words, holds in said.items() if holds)]
    return clean(f"{found.known_as}; {', '.join(told)}. Times are UTC.")


def _link(link: LinkLine) -> Text:
    did = "became part of" if link.linked else "was parted from"
    by = link.actor_kind if link.actor_id is None else link.actor_id
    why = _WHYS.get(link.why, link.why)
    return Text(clean(f"{moment(link.at)}  {link.handle_id} {did} {link.contact_id}, by {by}: {why}"))


def _messages(messages: Sequence[MessageLine]) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(width=16, overflow="fold")
    table.add_column(overflow="fold")
    for each in messages:
        author = clean(each.author or each.kind)
        status = "" if each.status in ("received", "posted") else f" ({clean(each.status)})"
        text = each.text if len(each.text) <= LONGEST_QUOTE else f"{each.text[:LONGEST_QUOTE]} … (--json shows all)"
        quoted = [Padding(Text(clean(line), style="cyan"), 0) for line in text.splitlines() or [""]]
        where = Text(clean(f"{each.channel or ''} {each.interaction_id}{status}"), style="dim")
        table.add_row(Text(moment(each.sent_at)), Text(author), Group(where, *quoted))
    return table
