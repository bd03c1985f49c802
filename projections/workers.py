"""A rebuild in several processes: each folds partitions of its own, so that they share nothing but the tables.

One process has one Python thread's speed; and while it waits for PostgreSQL another one folds.
"""

import gc
import multiprocessing
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Final

from engine.record import COLLECT_AFTER
from projections.builds import Build
from projections.errors import ProjectionError
from projections.filling import Stop, Tell, explained, replay, unread
from projections.log import Settings
from projections.projector import connect
from projections.records import Codec, Place
from projections.writer import Ends

SMALL: Final = 10_000
"""Records that are folded sooner than processes have started."""


@dataclass(frozen=True)
class Workers:
    """A Fill in several processes. A context of its own for each of them: nothing is forked."""

    codec_of: Callable[[], Codec]
    """Makes the codec in each process; a function that can be pickled."""
    count: int
    small: int = SMALL
    """Up to so many records are folded in this process."""

    def __call__(self, builds: Sequence[Build], settings: Settings, until: Ends, tell: Tell) -> None:
        """Folds all partitions up to `until`.

        Raises:
            ProjectionError: as in `replay`, or a process died. All of them have ended then.
        """
        with connect(settings.dsn) as connection:
            if unread(connection, builds, until) <= self.small:
                replay(builds, connection, self._codec, settings, until, tell)
                return
        context = multiprocessing.get_context("spawn")  # librdkafka's threads don't survive a fork
        stop = context.Event()
        running: list[tuple[Connection, BaseProcess]] = []
        try:
            for part in _parts(until, self.count):
                receiver, sender = context.Pipe(duplex=False)
                process = context.Process(
                    target=_work, args=(sender, stop, self.codec_of, list(builds), settings, part), daemon=True
                )
                process.start()
                sender.close()  # the process has it: when that dies, the pipe ends
                running.append((receiver, process))
            left = list(running)
            while left:
                wait([receiver for receiver, _ in left])
                for one in [one for one in left if one[0].poll()]:
                    if _has_ended(*one, tell):
                        left.remove(one)
        finally:
            stop.set()
            for receiver, ended in running:
                ended.join()
                receiver.close()

    @cached_property
    def _codec(self) -> Codec:
        return self.codec_of()


@dataclass(frozen=True)
class _Abandoned:
    """Set when the others are to end too, or when the process that began it is gone: nobody would switch the views."""

    stop: Stop

    def is_set(self) -> bool:
        parent = multiprocessing.parent_process()
        return self.stop.is_set() or parent is None or not parent.is_alive()


def _parts(until: Ends, count: int) -> list[dict[str, dict[Place, int]]]:
    """The partitions of each process. One that has a key's events has its words too: they share the number."""
    return [
        {name: {place: end for place, end in ends.items() if place[1] % count == own} for name, ends in until.items()}
        for own in range(min(count, len({partition for ends in until.values() for _, partition in ends})))
    ]


def _work(
    sender: Connection,
    stop: Stop,
    codec_of: Callable[[], Codec],
    builds: Sequence[Build],
    settings: Settings,
    until: Ends,
) -> None:
    """What each process does. It sends how many records it has folded more, then None or the error that ended it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the process that began it tells the others
    gc.set_threshold(COLLECT_AFTER)
    try:
        with explained(settings), connect(settings.dsn) as connection:
            replay(builds, connection, codec_of(), settings, until, sender.send, _Abandoned(stop))
    except ProjectionError as error:
        sender.send(error)
    else:
        sender.send(None)


def _has_ended(receiver: Connection, process: BaseProcess, tell: Tell) -> bool:
    """Takes what a process sent: how far it is, or that it has ended. Raises what ended it, if it failed."""
    try:
        said = receiver.recv()
    except EOFError:
        process.join()
        raise ProjectionError(
            f"A process of the rebuild ended with status {process.exitcode} and did not say why; what it wrote on "
            f"standard error may. The views show what they showed: start the rebuild again, it goes on."
        ) from None
    if isinstance(said, int):
        tell(said)
        return False
    if said is not None:
        raise said
    return True
