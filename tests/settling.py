"""Redriving dead letters as the command line does. Run as a program it kills itself on the way:
`python -m tests.settling BOOTSTRAP PREFIX PARTITIONS POINT`.
"""

import os
import signal
import sys
import uuid
from collections.abc import Callable

from channels.mapping import Mapped
from engine.interaction.letters import REDRIVEN, SettleDeadLetter
from rejoinder.cluster import Cluster, connect, wall_clock
from rejoinder.redriving import Looking, Wanted, to_redrive
from tests.processing import settings_of
from topics.letters import Act, settle


def redrive(
    cluster: Cluster, wanted: Wanted | None = None, point: Callable[[str], None] = lambda name: None
) -> list[SettleDeadLetter]:
    """Puts letters back, all that are open unless told which; `point` is called on the way."""
    act = Act(uuid.uuid4().hex, REDRIVEN, "ann", wall_clock())
    today = Looking(cluster.catalogue, cluster.codec, lambda body: Mapped(), act.at)
    which = wanted or Wanted()
    return settle(
        cluster.broker,
        cluster.catalogue,
        cluster.codec,
        act,
        lambda letters: to_redrive(letters, which, act.id, today).settlements,
        point,
    )


def main() -> None:
    bootstrap, prefix, partitions, stop = sys.argv[1:]

    def point(name: str) -> None:
        if name == stop:
            os.kill(os.getpid(), signal.SIGKILL)

    redrive(connect(settings_of(bootstrap, prefix, int(partitions)), bootstrap), point=point)


if __name__ == "__main__":
    main()
