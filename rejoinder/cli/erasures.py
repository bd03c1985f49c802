"""`erasures`: what was erased, and when it is gone from all files."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import chain

from projections.queries.erasures import Erasure
from projections.queries.erasures import erasures as found_erasures
from projections.sweeping import Sweep, sweeps
from rejoinder.cli.instances import reading, running_instance
from rejoinder.cli.options import Config, Data, Json, Limit
from rejoinder.cli.terminal import print_json, print_table, tell
from rejoinder.sweeping import POSTGRES, Remnant, remnants


def erasures(limit: Limit = 50, json: Json = False, data: Data = None, config: Config = None) -> None:
    """List what was erased, and when it is gone from all files.

    The last comes first, with who did it and why.

    Example: rejoinder erasures --json
    """
    settings, instance = running_instance(data, config)
    with reading(instance, owner=True) as connection:
        found, swept = found_erasures(connection, limit), sweeps(connection)
    every, now = timedelta(hours=settings.erasure.hours), datetime.now(UTC)
    left = {erasure.event_id: _left(erasure, every, swept, now) for erasure in found}
    if json:
        return print_json(
            [
                asdict(erasure) | {"remains": {each.place: each.gone_by for each in left[erasure.event_id]}}
                for erasure in found
            ]
        )
    print_table(
        ("erased (UTC)", "what", "why", "by", "texts and names", "on disk until (UTC) at the latest"),
        [
            (
                erasure.erased_at,
                erasure.what,
                erasure.why,
                erasure.actor_id or erasure.actor_kind,
                erasure.contents,
                max((each.gone_by for each in left[erasure.event_id]), default="gone"),
            )
            for erasure in found
        ],
        spare=("why", "texts and names"),
    )
    places = sorted({each.place for each in chain.from_iterable(left.values())})
    for place in places:
        tell(f"Not yet gone everywhere: {place}")
    if not found:
        tell("Nothing was erased.")


def _left(erasure: Erasure, every: timedelta, swept: list[Sweep], now: datetime) -> list[Remnant]:
    """Where its words still may lie."""
    is_swept = bool(swept) and all(each.swept_at > erasure.erased_at and each.log_removed for each in swept)
    return [
        each
        for each in remnants(erasure.erased_at, every)
        if each.gone_by > now and not (is_swept and each.place == POSTGRES)
    ]
