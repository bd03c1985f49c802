"""`audit reads`: who was shown people's words or names."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from engine.errors import RejoinderError
from projections.queries.keys import kin
from rejoinder.cli.instances import reading, running_instance
from rejoinder.cli.kafka import cluster_of
from rejoinder.cli.keys import Keys, read_keys
from rejoinder.cli.options import Config, Data, From, Json, To, instant
from rejoinder.cli.terminal import print_json, print_table, tell
from rejoinder.instance import Instance
from rejoinder.noting import READS, key_of
from rejoinder.reads import Found, Wanted
from rejoinder.reads import reads as find
from rejoinder.settings import Settings

NAMED: Final = 3
"""Ids of one kind that a line of the table names."""


class Tampered(RejoinderError):
    """The log is not what was written."""


def reads(
    actor: Annotated[str | None, typer.Option(help="Only what was shown to this one.")] = None,
    contact: Annotated[
        str | None,
        typer.Option(
            help="Only what was shown of this person, by the id of a contact or handle: on all handles that are or "
            "were linked with it. What `sql` showed is always among it, since nobody knows whose it was."
        ),
    ] = None,
    since: From = None,
    until: To = None,
    file: Keys = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Tell who was shown people's words or names, when, whose, and through which door.

    Each record is held against its signature and its place; ends with 1 if one is not as it was written.

    Example: rejoinder audit reads --contact 6bd1bc1ca1bcf7cba6b4fb7ab84e45a3
    Example: rejoinder audit reads --actor kim --from 2026-01-31 --json
    """
    begin, end = instant("--from", since), instant("--to", until)
    settings, instance = running_instance(data, config)
    wanted = Wanted(actor, None if contact is None else _keys(instance, contact), _millis(begin), _millis(end))
    key = _key(settings) if file is None else read_keys(file).get(READS)
    found = list(find(cluster_of(settings, instance), key, wanted))
    if json:
        print_json(map(_told, found))
    else:
        _show(found)
    if key is None:
        tell("Signatures were not checked: the key of `reads` is known neither from --keys nor by audit.secret.")
    faults = [each for each in found if each.fault is not None]
    if faults:
        raise Tampered(
            f"{len(faults)} records of reads are not as they were written: audit.reads[0]@{faults[0].offset}: "
            f"{faults[0].fault}"
        )


def _keys(instance: Instance, contact: str) -> frozenset[str]:
    with reading(instance) as connection:
        return frozenset(kin(connection, [contact]))


def _key(settings: Settings) -> bytes | None:
    key = key_of(settings)
    return None if key is None else key.public_key


def _millis(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)


def _told(found: Found) -> dict[str, Any]:
    read = found.read
    told: dict[str, Any] = {"offset": found.offset, "signed": found.signed, "fault": found.fault}
    if read is None:
        return told
    return {
        "at": _moment(read.at),
        "actor": read.actor_id,
        "role": read.role,
        "door": read.door,
        "what": read.what,
        "contacts": read.contacts,
        "interactions": read.interactions,
        "others": read.others,
        "lines": read.lines,
        **told,
    }


def _show(found: Sequence[Found]) -> None:
    print_table(
        ("at (UTC)", "who", "role", "door", "what", "lines", "contacts", "interactions", "signed"),
        [
            (
                _moment(read.at),
                read.actor_id,
                read.role,
                read.door,
                read.what,
                read.lines,
                _some(read.contacts),
                _some([*read.interactions, *read.others]),
                each.signed,
            )
            for each in found
            if (read := each.read) is not None
        ],
        spare=("signed", "lines", "role", "door"),
    )
    tell(f"{len(found)} reads" if found else "No read is recorded of that.")


def _some(ids: Sequence[str]) -> str | None:
    if not ids:
        return None
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return f"{', '.join(ids[:NAMED])}{more}"


def _moment(millis: int) -> datetime:
    return datetime.fromtimestamp(millis / 1000, UTC)
