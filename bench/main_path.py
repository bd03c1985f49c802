"""The main path: customers' messages to committed events, the engine against a bare loop that writes the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from confluent_kafka.admin import AdminClient

from bench.engine_run import run_engine
from bench.floor_run import clone, run_floor
from bench.measure import Measure, Timing, rounded, typical
from bench.progress import say
from bench.stage import Expected, expect, prepare
from bench.workload import messages
from rejoinder.cluster import Cluster
from topics import clients
from topics.catalogue import Catalogue
from topics.processor import GATHER, MAX_BATCH


@dataclass(frozen=True)
class Made:
    """What the last round left on the cluster, for the measures that go on from there."""

    cluster: Cluster
    expected: Expected


def measure(bootstrap: str, count: int, rounds: int) -> tuple[list[Measure], Made]:
    """Both sides, `rounds` times on topics of their own; who is first alternates. The last round's topics stay."""
    engine: list[Timing] = []
    floor: list[Timing] = []
    for number in range(rounds):
        made = make(bootstrap, f"m{number}.", count)
        with _cloned(made, f"f{number}.") as target:
            if number % 2 == 0:
                engine.append(run_engine(made.cluster, made.expected))
                floor.append(run_floor(made.cluster, target, made.expected))
            else:
                floor.append(run_floor(made.cluster, target, made.expected))
                engine.append(run_engine(made.cluster, made.expected))
        say(
            f"round {number + 1}: engine {engine[-1].events_per_second:.0f}, "
            f"floor {floor[-1].events_per_second:.0f} events/s"
        )
        if number < rounds - 1:
            delete(bootstrap, made.cluster.catalogue)
    return _measures(engine, floor, made.expected), made


def make(bootstrap: str, prefix: str, count: int) -> Made:
    """Topics with the messages, and the records that are to come of them."""
    say(f"putting {count} messages on {prefix}interaction.commands")
    cluster = prepare(bootstrap, prefix, messages(count))
    return Made(cluster, expect(cluster))


def decided(bootstrap: str, count: int) -> Made:
    """What the main path leaves, for a measure that goes on from there, when it was not measured itself."""
    made = make(bootstrap, "p.", count)
    run_engine(made.cluster, made.expected)
    return made


def delete(bootstrap: str, catalogue: Catalogue) -> None:
    """Removes topics, so that one round's files don't burden the next."""
    admin = AdminClient(clients.admin(bootstrap))
    for future in admin.delete_topics(list(catalogue.topics)).values():
        future.result()


@contextmanager
def _cloned(made: Made, prefix: str) -> Iterator[Catalogue]:
    target = clone(made.cluster, prefix, made.expected)
    try:
        yield target
    finally:
        delete(made.cluster.bootstrap, target)


def _measures(engine: list[Timing], floor: list[Timing], expected: Expected) -> list[Measure]:
    written = sum(len(each) for each in expected.records.values())
    shared = {"commands": len(expected.records), "events": expected.events, "records_written": written}
    pairs = list(zip(engine, floor, strict=True))
    main = Measure(
        "main_path",
        round(typical(engine)),
        "events/s",
        round(typical(engine) / typical(floor), 3),
        "floor",
        shared
        | {
            "commands_per_second": round(median(each.commands_per_second for each in engine)),
            "rounds": rounded([each.events_per_second for each in engine]),
            "ratios": [round(one.events_per_second / other.events_per_second, 3) for one, other in pairs],
            "cpu_ratios": [round(one.events_per_cpu_second / other.events_per_cpu_second, 3) for one, other in pairs],
            "events_per_cpu_second": rounded([each.events_per_cpu_second for each in engine]),
        },
    )
    bare = Measure(
        "floor",
        round(typical(floor)),
        "events/s",
        detail=shared
        | {
            "commands_per_second": round(median(each.commands_per_second for each in floor)),
            "rounds": rounded([each.events_per_second for each in floor]),
            "events_per_cpu_second": rounded([each.events_per_cpu_second for each in floor]),
            "batch": {"records": MAX_BATCH, "gather_seconds": GATHER},
        },
    )
    return [main, bare]
