"""`contacts` and `messages`: who is known, and forgetting what a person wrote."""

import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
import typer

from engine.envelope import home_of
from engine.interaction.contact_commands import EraseContact, EraseWords
from engine.record import Command
from projections.queries.desk import content_of
from rejoinder.cli.errors import BadInput, NotFound
from rejoinder.cli.instances import reading, running_instance
from rejoinder.cli.kafka import accepted, ask, cluster_of, new_id, now, person
from rejoinder.cli.lists import contacts as list_contacts
from rejoinder.cli.options import Config, Data, Json, Limit, group
from rejoinder.cli.terminal import print_json, tell
from rejoinder.sweeping import remnants
from topics.catalogue import INTERACTION_COMMANDS

WHYS = ("request", "platform", "retention")
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask. It can't be undone.")]

contacts = typer.Typer(rich_markup_mode=None, add_completion=False, invoke_without_command=True)
messages = group("Erase single texts.")


@contacts.callback()
def _list(
    context: typer.Context,
    search: Annotated[
        str | None, typer.Option(help="A part of a screen name or name, in any case, or how a platform's id begins.")
    ] = None,
    limit: Limit = 50,
    after: Annotated[str | None, typer.Option(help="Go on after this contact: the last of the page before.")] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """List contacts, the last made first, or do something with one.

    Example: rejoinder contacts --search ann
    """
    if context.invoked_subcommand is None:
        list_contacts(search, limit, after, json, data, config)


@contacts.command("erase")
def erase_contact(
    contact: Annotated[str, typer.Argument(metavar="CONTACT", help="Its id, as `rejoinder contacts` names it.")],
    why: Annotated[str, typer.Option(help=f"{', '.join(WHYS)}: it stands in the log.")] = "request",
    yes: Yes = False,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Forget a person: all words and names go, on all its handles; what is open ends as `erased`.

    What happened stays, without them: the log's chain holds, the reports still add up.

    Example: rejoinder contacts erase 6bd1bc1ca1bcf7cba6b4fb7ab84e45a3
    """
    if why not in WHYS:
        raise BadInput(f"--why is {why!r}: choose one of {', '.join(WHYS)}")
    _confirm(f"Forget contact {contact} for ever?", yes)
    command = EraseContact(command_id=new_id(), at=now(), actor_kind="supervisor", actor_id=person(), why=why)
    _ask(contact, command, f"contact {contact} is forgotten", json, data, config)


@messages.command("erase")
def erase_message(
    message: Annotated[
        str, typer.Argument(metavar="MESSAGE", help="Its id, as `rejoinder trace --json` names it, or its content id.")
    ],
    yes: Yes = False,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Forget one text, whoever wrote it. That there was one stays.

    Example: rejoinder messages erase 6bd1bc1ca1bcf7cba6b4fb7ab84e45a3:m:119237
    """
    _, instance = running_instance(data, config)
    with reading(instance) as connection:
        content_id = content_of(connection, message)
    if content_id is None:
        raise NotFound(f"no message is known as {message!r}: `rejoinder trace INTERACTION --json` names them")
    _confirm(f"Erase the words of message {message} for ever?", yes)
    command = EraseWords(
        command_id=new_id(), at=now(), actor_kind="supervisor", actor_id=person(), content_id=content_id
    )
    _ask(home_of(content_id), command, f"the words of message {message} are erased", json, data, config)


def _confirm(question: str, yes: bool) -> None:
    """Raises BadInput where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadInput("it can't be undone, and nobody can be asked here: give --yes")
    typer.confirm(question, abort=True, err=True)


def _ask(key: str, command: Command, done: str, json: bool, data: Data, config: Config) -> None:
    settings, instance = running_instance(data, config)
    (result,) = ask(cluster_of(settings, instance), [(INTERACTION_COMMANDS, key, command)])
    accepted(result)
    left = remnants(datetime.now(UTC), timedelta(hours=settings.erasure.hours))
    if json:
        return print_json([{**msgspec.structs.asdict(result), "gone_by": {each.place: each.gone_by for each in left}}])
    print(f"{done[0].upper()}{done[1:]}.")
    for each in left:
        tell(f"Gone from the files by {each.gone_by:%Y-%m-%d %H:%M} UTC: {each.place}")
