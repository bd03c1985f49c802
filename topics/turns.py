"""Writing that only one may do at a time, on any number of machines: schemas' ids, policies' versions.

Each takes the same transactional id: that fences off the one before it and ends what it left open. So whoever writes
has read all that was written before; whoever was fenced off tries again.
"""

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from confluent_kafka import KafkaError, KafkaException

from topics.errors import FENCED, KafkaUnreachable, passes

_TRIES: Final = 8
_PAUSE: Final = 0.1
"""Seconds, doubled each time: a broker that has just started takes some to lead its topics."""

T = TypeVar("T")


def take_turns(bootstrap: str, lost: Callable[[int], Exception], attempt: Callable[[], T]) -> T:
    """What `attempt` gives, once its turn comes. It may be called several times.

    Raises:
        KafkaUnreachable: an error did not pass, or it is none that passes.
        Exception: `lost` of the number of tries, when others took the turn each time.
    """
    reason = None
    for number in range(_TRIES):
        try:
            return attempt()
        except KafkaException as error:
            reason = error.args[0]
            if not (_is_fenced(reason) or passes(reason)):
                raise KafkaUnreachable(bootstrap, reason.str()) from error
        time.sleep(random.uniform(_PAUSE / 2, _PAUSE) * 2**number)  # whoever waits longer finds the turn free
    if reason is not None and not _is_fenced(reason):
        raise KafkaUnreachable(bootstrap, reason.str())
    raise lost(_TRIES)


def _is_fenced(reason: KafkaError) -> bool:
    return reason.code() in FENCED
