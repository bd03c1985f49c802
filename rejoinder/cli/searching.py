"""`search`: people's and agents' words."""

from typing import Annotated

import typer
from rich.text import Text

from projections.queries.search import LONGEST, Hit, NothingAsked, Wanted
from projections.queries.search import search as find
from rejoinder.cli.errors import BadInput
from rejoinder.cli.instances import reading, running_instance
from rejoinder.cli.lists import account_of, begin_after
from rejoinder.cli.noting import note
from rejoinder.cli.options import Config, Data, From, Json, Limit, To, instant
from rejoinder.cli.terminal import clean, console, moment, print_json, show, tell

PIPED_WIDTH = 100


def search(
    text: Annotated[
        str,
        typer.Argument(
            metavar="WORDS",
            help='All of these words; "so" one after the other, a or b, -not, beginning*.',
        ),
    ],
    since: From = None,
    until: To = None,
    account: Annotated[
        str | None, typer.Option(help="Only with this account: its id, or channel and id as x:42.")
    ] = None,
    channel: Annotated[str | None, typer.Option(help="Only on this channel: x, facebook, messenger.")] = None,
    ranked: Annotated[
        bool, typer.Option("--ranked", help="The best first, in place of the latest; there is one page of them.")
    ] = False,
    limit: Limit = 50,
    after: Annotated[str | None, typer.Option(help="Go on after this message: the last of the page before.")] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Search what people and agents wrote, the latest first.

    Words are found as they stand, in any case. What was searched for is recorded nowhere; whose words were shown is.

    Example: rejoinder search "late parcel"
    Example: rejoinder search '"late parcel" -refund' --from 2026-01-31 --account x:42
    Example: rejoinder search 'parc* or lett*' --ranked --limit 20
    """
    begin, end = instant("--from", since), instant("--to", until)
    channel, account = account_of(channel, account)
    if len(text) > LONGEST:
        raise BadInput(f"at most {LONGEST} characters can be searched for")
    if ranked and after is not None:
        raise BadInput("--after goes on in the order of time: leave --ranked out, or ask for more with --limit")
    settings, instance = running_instance(data, config)
    wanted = Wanted(text, account, channel, begin, end, ranked)
    with reading(instance) as connection:
        place = begin_after(connection, "message", "sent_at", "message_id", after)
        try:
            found = find(connection, wanted, place, limit)
        except NothingAsked as error:
            raise BadInput(str(error)) from error
    note(
        settings,
        instance,
        "search",
        contacts=(hit.contact_id for hit in found),
        interactions=(hit.interaction_id for hit in found),
        lines=len(found),
    )
    if json:
        return print_json(found)
    out = console(PIPED_WIDTH)
    for hit in found:
        show(_told(hit), out)
    if not found:
        tell("Nothing found.")
    elif len(found) == limit and not ranked:
        tell(f"There may be more: go on with --after {found[-1].message_id}")


def _told(hit: Hit) -> Text:
    """A line of what it is, and one of the words with those that were asked for set off."""
    heading = f"{moment(hit.sent_at)}  {hit.interaction_id}  {hit.author or hit.kind}  ({hit.channel}:{hit.account})"
    told = Text(clean(heading), style="dim", overflow="fold")
    told.append("\n  ")
    place = 0
    for begin, end in hit.marks:
        told.append(clean(hit.snippet[place:begin]), style="not dim")
        told.append(clean(hit.snippet[begin:end]), style="bold not dim")
        place = end
    told.append(clean(hit.snippet[place:]), style="not dim")
    return told
