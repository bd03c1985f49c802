"""`verify`: whether the code of today still explains the past."""

import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from engine.errors import RejoinderError
from rejoinder.cli.errors import BadInput
from rejoinder.cli.instances import running_instance
from rejoinder.cli.kafka import counted
from rejoinder.cli.options import Config, Data, Json
from rejoinder.cli.terminal import moment, print_json, print_table, tell
from rejoinder.progress import step
from rejoinder.verifying import DECIDERS
from rejoinder.verifying import verify as decide_again
from topics.again import Again


class Differs(RejoinderError):
    """Decided again, something else comes of the commands than what the log says."""


def verify(
    decider: Annotated[
        str | None, typer.Option(help=f"Only this one: {' or '.join(DECIDERS)}. Without it: both.")
    ] = None,
    partition: Annotated[int | None, typer.Option(min=0, help="Only this partition.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="How many processes share the partitions.")] = os.cpu_count() or 1,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Decide the commands that are still kept again, and hold what comes of it against the log, event for event.

    Nothing is written. Ends with 1 if an event differs, and names the first one.

    Example: rejoinder verify
    Example: rejoinder verify --decider routing --json
    """
    if decider is not None and decider not in DECIDERS:
        raise BadInput(f"there is no decider {decider!r}; there are {', '.join(DECIDERS)}")
    settings, instance = running_instance(data, config)
    settings = counted(settings, instance)
    partitions = settings.topics.partitions
    if partition is not None and partition >= partitions:
        raise BadInput(f"there is no partition {partition}: there are {partitions}, from 0 on")
    chosen = range(partitions) if partition is None else [partition]
    places = [(name, each) for name in ([decider] if decider else DECIDERS) for each in chosen]
    with step("Deciding the past again") as progress:

        def told(commands: int, done: int) -> None:
            progress.update(f"{commands} commands, {done} of {len(places)} partitions")

        found = list(decide_again(settings, instance.bootstrap, places, jobs, told))
    found.sort(key=lambda each: (each.decider, each.partition))
    if json:
        print_json(asdict(each) for each in found)
    else:
        _show(found)
    differences = [each.difference for each in found if each.difference is not None]
    if differences:
        first = min(differences, key=lambda each: each.at)
        more = f"; {len(differences) - 1} other partitions differ too" if len(differences) > 1 else ""
        raise Differs(
            f"{first.topic}[{first.partition}]@{first.offset}, key {first.key}, decided "
            f"{moment(datetime.fromtimestamp(first.at / 1000, UTC))}: {first.reason}{more}"
        )


def _show(found: list[Again]) -> None:
    rows: list[tuple[Any, ...]] = []
    for name in dict.fromkeys(each.decider for each in found):
        of = [each for each in found if each.decider == name]
        sums = (sum(each.commands for each in of), sum(each.events for each in of), sum(each.before for each in of))
        rows.append((name, len(of), *sums, sum(each.difference is not None for each in of)))
    print_table(("decider", "partitions", "commands", "same events", "taken as they are", "differ"), rows)
    if any(each.before for each in found):
        tell("The events that were taken as they are came of commands that are not kept any more.")
