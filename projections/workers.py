"""A rebuild in several processes: each folds partitions of its own, so that they share nothing but the tables.

One process has one Python thread's speed; and while it waits for PostgreSQL another one folds.
"""

import gc
import multiprocessing
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from engine.record import COLLECT_AFTER
from projections.builds import Build
from projections.errors import ProjectionError
from projections.log import Settings
from projections.projector import connect
from projections.rebuild import Stop, replay
from projections.records import Codec, Place


@dataclass(frozen=True)
class Workers:
    """Fills builds from the log, for `rebuild_all`. A context of its own for each process: nothing is forked."""

    codec_of: Callable[[], Codec]
    """Makes the codec in each process; a function that can be pickled."""
    count: int

    def __call__(self, builds: Sequence[Build], settings: Settings, until: Mapping[Place, int]) -> None:
        """Folds all partitions up to `until`.

        Raises:
            ProjectionError: as in `replay`, or a process died. All of them have ended then.
        """
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
                    _judge(*one)
                    left.remove(one)
        finally:
            stop.set()
            for receiver, ended in running:
                ended.join()
                receiver.close()


@dataclass(frozen=True)
class _Abandoned:
    """Set when the others are to end too, or when the process that began it is gone: nobody would switch the views."""

    stop: Stop

    def is_set(self) -> bool:
        parent = multiprocessing.parent_process()
        return self.stop.is_set() or parent is None or not parent.is_alive()


def _parts(until: Mapping[Place, int], count: int) -> list[dict[Place, int]]:
    """The partitions of each process. One that has a key's events has its words too: they share the number."""
    parts: list[dict[Place, int]] = [{} for _ in range(count)]
    for (topic, partition), end in until.items():
        parts[partition % count][(topic, partition)] = end
    return [part for part in parts if part]


def _work(
    sender: Connection,
    stop: Stop,
    codec_of: Callable[[], Codec],
    builds: Sequence[Build],
    settings: Settings,
    until: Mapping[Place, int],
) -> None:
    """What each process does; it sends None, or the error that ended it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the process that began it tells the others
    gc.set_threshold(COLLECT_AFTER)
    try:
        with connect(settings.dsn) as connection:
            replay(builds, connection, codec_of(), settings, until, _Abandoned(stop))
    except ProjectionError as error:
        sender.send(error)
    else:
        sender.send(None)


def _judge(receiver: Connection, process: BaseProcess) -> None:
    """Raises what a process sent, if it failed."""
    try:
        error = receiver.recv()
    except EOFError:
        process.join()
        raise ProjectionError(
            f"A process of the rebuild ended with status {process.exitcode} and did not say why; what it wrote on "
            f"standard error may. The views show what they showed: start the rebuild again."
        ) from None
    if error is not None:
        raise error
