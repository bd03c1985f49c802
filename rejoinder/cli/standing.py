"""`trace --state`: how an interaction stood, by the engine's own rows."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args, get_type_hints

import msgspec

from engine.record import Timestamp
from engine.rows import Row
from projections.tables import plain
from rejoinder.cli.errors import BadInput
from rejoinder.cli.terminal import clean, moment, print_json, print_pairs
from rejoinder.cluster import Cluster
from rejoinder.standing import Held, Standing, stood


def check_wanted(who: str, state: bool, sequence: int | None, until: datetime | None) -> None:
    """Raises BadInput for what does not go together."""
    if sequence is not None and not state:
        raise BadInput("--at-sequence says after which event the state is told: give --state too")
    if sequence is not None and until is not None:
        raise BadInput("--at-sequence and --as-of exclude each other: each says by itself when")
    if state and ("." not in who or who.startswith("@")):
        raise BadInput(f"--state is of one interaction and {who!r} is none: `rejoinder interactions` lists their ids")


def show_state(cluster: Cluster, who: str, sequence: int | None, until: datetime | None, json: bool) -> None:
    """Prints how an interaction stood after an event of its key, by a time, or now."""
    found = stood(cluster, who, sequence, None if until is None else round(until.timestamp() * 1000))
    if json:
        return print_json([_told(found)])
    event = found.event
    print(
        f"Interaction {clean(found.interaction_id)} after event {event.sequence} of its key "
        f"({type(event).__name__}, {_instant(event.occurred_at)}). Times are UTC."
    )
    print_pairs([("position", found.position), ("digest", found.digest.hex())])
    for held in found.rows:
        print(f"\n{type(held.row).__name__} {clean(held.row_id)}")
        print_pairs(_facts(held.row))


def _told(found: Standing) -> dict[str, Any]:
    return {
        "interaction_id": found.interaction_id,
        "sequence": found.event.sequence,
        "event": type(found.event).__name__,
        "occurred_at": found.event.occurred_at,
        "position": found.position,
        "digest": found.digest.hex(),
        "rows": [_row(held) for held in found.rows],
    }


def _row(held: Held) -> dict[str, Any]:
    fields: dict[str, Any] = plain(msgspec.structs.asdict(held.row))
    return {"row": type(held.row).__name__, "id": held.row_id, **fields}


def _facts(row: Row) -> Iterator[tuple[str, object]]:
    """What a row says; what it leaves open is left out."""
    hints = get_type_hints(type(row), include_extras=True)
    for name, value in msgspec.structs.asdict(row).items():
        if value is not None and value != []:
            yield name, _instant(value) if _is_instant(hints[name]) else value


def _is_instant(hint: Any) -> bool:
    """Whether a field, or what it may be, is declared as one."""
    if any(isinstance(note, Timestamp) for note in getattr(hint, "__metadata__", ())):
        return True
    return any(_is_instant(part) for part in get_args(hint))


def _instant(millis: Any) -> str:
    """As a person reads it; one that is far beyond all times is a deadline that only something else brings forward."""
    try:
        return moment(datetime.fromtimestamp(millis / 1000, UTC))
    except (ValueError, OverflowError, OSError):
        return "never by itself"
