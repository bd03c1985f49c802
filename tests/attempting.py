"""Attempts of many deliveries at once, as the delivery worker makes them."""

import asyncio
from collections.abc import Mapping, Sequence

from channels.lanes import Lanes
from engine.delivery import AttemptBegun, Deliver
from engine.interaction.commands import RecordDelivery


async def attempt_all(
    lanes: Lanes, delivers: Sequence[Deliver], unfinished: Mapping[str, AttemptBegun] | None = None
) -> list[RecordDelivery]:
    """What came of each, in the order given. The first failure ends them all."""
    begun = unfinished or {}
    async with asyncio.TaskGroup() as group:
        made = [group.create_task(lanes.attempt(each, begun.get(each.delivery_id))) for each in delivers]
    return [each.result() for each in made]
