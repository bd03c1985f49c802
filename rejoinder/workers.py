"""The processes of an instance that share its work: how many of each program, and what each is called.

A worker's name is its place in its consumer group, stands in its transactions' ids and in its state's folder, and is
the same after a restart: so it is back at once, fences off what is left of its predecessor, and has its state.
"""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from engine.errors import RejoinderError
from engine.interaction.decider import InteractionDecider
from engine.routing.decider import RoutingDecider
from rejoinder.sections import MAXIMUM_WORKERS
from rejoinder.settings import Settings
from rejoinder.supervisor import Program

PROGRAMS: Final = ("engine", "projector", "delivery", "web")
"""Those of which there may be several."""
LIVE: Final = "live"
"""The one that has all partitions by itself."""
OF_PARTITIONS: Final = ("engine", "projector", "delivery")
"""Those that share partitions: more workers than there are partitions have nothing to do."""
DECIDERS: Final = (InteractionDecider.name, RoutingDecider.name)


class BadWorkers(RejoinderError):
    """The number of workers is wrong."""

    exit_code = 2


def counts_of(text: str) -> dict[str, int]:
    """What --workers says, by setting: `3` is three of each program, `engine=3,web=2` what is named.

    Raises:
        BadWorkers: it says something else.
    """
    found: dict[str, int] = {}
    for part in text.split(","):
        name, equals, number = part.strip().rpartition("=")
        if not (number.isascii() and number.isdigit()) or not int(number) <= MAXIMUM_WORKERS:
            raise BadWorkers(f"--workers {text}: write a number up to {MAXIMUM_WORKERS}, or engine=3,delivery=2")
        if equals and name not in PROGRAMS:
            raise BadWorkers(f"--workers {text}: there is no program {name!r}, only {', '.join(PROGRAMS)}")
        found |= {f"workers.{each}": int(number) for each in ([name] if equals else PROGRAMS)}
    return found


def programs_of(settings: Settings, listens: socket.socket | None) -> list[Program]:
    """The programs of an instance. `listens`: the socket that its web programs share, if there are any.

    Raises:
        BadWorkers: some of them would have nothing to do.
    """
    for name in OF_PARTITIONS:
        if _count(settings, name) > settings.topics.partitions:
            raise BadWorkers(
                f"workers.{name} is {_count(settings, name)}, and there are {settings.topics.partitions} partitions "
                "to share (topics.partitions): the others would have nothing to do"
            )
    return [
        Program(
            _program(kind, number),
            kind=kind,
            arguments=[_worker(settings, number)],
            listens=listens if kind == "web" else None,
        )
        for kind in (*PROGRAMS, LIVE)
        for number in range(1, _count(settings, kind) + 1)
    ]


def forget_state(settings: Settings) -> Iterator[str]:
    """Removes the state of engine workers that the instance has no more; says of each that it did.

    Their partitions are taken over by the others, which build the state themselves. What they leave holds people's
    words and names, and nobody would remove from it what is erased later.
    """
    kept = {_worker(settings, number) for number in range(1, settings.workers.engine + 1)}
    for folder in sorted((settings.data / "state").glob("*")):
        name = _worker_of(folder)
        if name is not None and name not in kept:
            shutil.rmtree(folder)
            yield (
                f"there is no engine worker {name} any more (workers.engine is {settings.workers.engine}): its state, "
                f"{folder}, was removed, and the others take its partitions over"
            )


def _count(settings: Settings, kind: str) -> int:
    found: int = getattr(settings.workers, kind)
    return found


def _program(kind: str, number: int) -> str:
    """What the process is called in the instance; the first one has the name of its kind."""
    return kind if number == 1 else f"{kind}-{number}"


def _worker(settings: Settings, number: int) -> str:
    machine = settings.workers.machine
    return f"{machine}-{number}" if machine else str(number)


def _worker_of(folder: Path) -> str | None:
    """Whose state a folder is."""
    decider, _, worker = folder.name.partition("-")
    return worker if decider in DECIDERS and worker else None
