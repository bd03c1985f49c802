"""`trace`: an interaction's life on one screen."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Annotated, Final

import typer
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from projections.queries.explain import duration, platform
from projections.queries.trace import InteractionTrace, Step
from projections.queries.trace import trace as find
from rejoinder.cli.errors import NotFound
from rejoinder.cli.instances import reading, running_instance
from rejoinder.cli.kafka import cluster_of
from rejoinder.cli.noting import note
from rejoinder.cli.options import Config, Data, Json, instant
from rejoinder.cli.publishing import accounts_in_force
from rejoinder.cli.standing import check_wanted, show_state
from rejoinder.cli.terminal import clean, console, print_json, show
from rejoinder.cluster import Cluster

PIPED_WIDTH: Final = 100
LONGEST_QUOTE: Final = 2_000
"""So much of a message is shown, letters; --json has all."""


def trace(
    who: Annotated[
        str,
        typer.Argument(metavar="INTERACTION|HANDLE", help="An interaction's id, @name, x:name, or an id of a contact."),
    ],
    as_of: Annotated[
        str | None,
        typer.Option(help="As it stood at this day's begin or time, UTC: 2026-01-31T10:15. Words are those of today."),
    ] = None,
    state: Annotated[
        bool, typer.Option("--state", help="Of one interaction: its state in the engine, made anew from the log.")
    ] = False,
    at_sequence: Annotated[
        int | None, typer.Option(min=1, help="With --state: as it stood after this event of its key.")
    ] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Tell the life of an interaction, or of all of a person's, step by step.

    When, what changed, by whom and why, and the words. With --state how it stood, without words.

    Example: rejoinder trace @ann
    Example: rejoinder trace 6bd1bc1ca1bcf7cba6b4fb7ab84e45a3.1
    Example: rejoinder trace @ann --as-of 2026-01-31T10:15
    Example: rejoinder trace 6bd1bc1ca1bcf7cba6b4fb7ab84e45a3.1 --state --at-sequence 5
    """
    moment = instant("--as-of", as_of)
    check_wanted(who, state, at_sequence, moment)
    settings, instance = running_instance(data, config)
    if state:
        return show_state(cluster_of(settings, instance), who, at_sequence, moment, json)
    names = {} if json else _account_names(cluster_of(settings, instance))
    with reading(instance) as connection:
        found = find(connection, who, names, moment)
    if not found and moment is not None:
        raise NotFound(f"by {as_of} nothing had happened to an interaction, contact or handle that is known as {who!r}")
    if not found:
        raise NotFound(
            f"no interaction, contact or handle is known as {who!r}: `rejoinder contacts --search` finds people"
        )
    note(
        settings,
        instance,
        "trace",
        contacts=(told.contact_id for told in found),
        interactions=(told.interaction_id for told in found),
        lines=len(found),
    )
    if json:
        return print_json(found)
    out = console(PIPED_WIDTH)
    for number, told in enumerate(found):
        show(Group(*[Text("")] * min(number, 1), _heading(told)), out)
        for day, steps in groupby(told.steps, key=lambda step: step.at.date()):
            heading = Text(f"\n{day:%A, %d %B %Y}", style="bold")
            show(Group(heading, _steps(list(steps), narrow=out.width < PIPED_WIDTH)), out)


def _account_names(cluster: Cluster) -> dict[str, str]:
    """What the policy calls the accounts."""
    return {f"{account.channel}:{account.id}": f"@{account.handle}" for account in accounts_in_force(cluster)}


def _heading(told: InteractionTrace) -> RenderableType:
    title = Text(f"Interaction {clean(told.interaction_id)}", style="bold")
    first = (
        "not answered yet" if told.first_response_seconds is None
        else f"first answered after {duration(told.first_response_seconds)}"
    )  # fmt: skip
    if told.state == "dispositioned":
        stands = f"ended as {clean(told.disposition or 'unknown')}"
    else:
        at = f", in queue {clean(told.queue)}" if told.queue else ""
        at += f", with {clean(told.agent_id)}" if told.agent_id else ""
        stands = f"now {words(told.state)}{at}"
    who = f"{clean(told.customer)} with account {clean(told.account_name)}"
    if told.private_channel:
        who += f", in private on {platform(told.private_channel)}{' (both are there)' * told.in_session}"
    return Group(title, Text(f"{who}; {stands}; {first}. Times are UTC."))


def _steps(steps: Sequence[Step], narrow: bool) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True, width=8)
    table.add_column(width=18 if narrow else 26)
    table.add_column(width=10 if narrow else 16, overflow="fold")
    table.add_column(overflow="fold")
    for step in steps:
        table.add_row(Text(step.at.strftime("%H:%M:%S")), _change(step), Text(clean(step.actor)), Group(*_why(step)))
    return table


def _change(step: Step) -> Text:
    """The transition, or, where the state stays, what happened."""
    if step.state == step.state_before or step.state is None:
        return Text(_event(step.event), style="dim")
    if step.state_before is None:
        return Text(f"→ {words(step.state)}", style="bold")
    return Text(f"{words(step.state_before)} → {words(step.state)}", style="bold")


def _why(step: Step) -> Iterator[RenderableType]:
    yield Text(clean(step.why))
    if step.text is not None:
        text = step.text
        if len(text) > LONGEST_QUOTE:
            text = f"{text[:LONGEST_QUOTE]} … ({len(step.text)} letters; --json shows all)"
        for line in text.splitlines() or [""]:
            yield Padding(Text(clean(line), style="italic cyan", overflow="fold"), (0, 0, 0, 2))


def words(name: str) -> str:
    """A state's name as words."""
    return clean(name.replace("_", " "))


def _event(name: str) -> str:
    """MessageReceived as `message received`."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in clean(name)).strip()
