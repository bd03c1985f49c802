"""Two engine processes against one, on the same messages."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final

from bench.measure import Measure, Timing, beside, of_runs
from bench.processes import Group, cpu_seconds, program, wait_for
from bench.progress import say
from bench.run import Run
from bench.stage import pour
from bench.workload import AUDIT_SECRET, PARTITIONS
from rejoinder.cluster import Cluster
from rejoinder.settings import load
from topics.catalogue import INTERACTION_COMMANDS, INTERACTION_EVENTS
from topics.reading import high_watermarks, read_all

PATIENCE: Final = 900.0
ASK_EVERY: Final = 0.1
SHARE: Final = 2
"""One worker and two are measured on a part of all messages: the whole takes long, and says the same."""


def measure(run: Run) -> Iterator[Measure]:
    """From the first message that is written to the last that is committed, by one worker and by two in turns.

    Workers join an empty topic first, so that each has its share when the messages come.
    """
    found: dict[int, list[Timing]] = {1: [], 2: []}
    shares: dict[int, list[dict[str, Any]]] = {1: [], 2: []}
    for number in range(run.sizes.rounds):
        for workers in (1, 2) if number % 2 == 0 else (2, 1):
            timing, told = _round(run, workers, f"w{workers}r{number}.")
            found[workers].append(timing)
            shares[workers].append(told)
            say(f"round {number + 1}: {workers} workers {timing.events_per_second:.0f} events/s, {told}")
    yield beside("scale", found[2], "one_worker", found[1], {"workers": 2, "shares": shares[2]})
    yield of_runs("one_worker", found[1], {"workers": 1, "shares": shares[1]})


def _round(run: Run, workers: int, prefix: str) -> tuple[Timing, dict[str, Any]]:
    """One run of so many workers, and what each process took of a core meanwhile."""
    staged, services = run.staged, run.services
    messages = staged.messages[: max(1, len(staged.messages) // SHARE)]
    with staged.again(prefix, ()) as cluster, ExitStack() as stack:
        commands = cluster.catalogue.topic(INTERACTION_COMMANDS)
        group = Group(
            cluster.broker, cluster.catalogue.name("interaction.processor"), commands.name, commands.partitions
        )
        children = []
        for worker in range(1, workers + 1):
            folder = services.folder.root / f"scale-{prefix}{worker}"
            folder.mkdir()
            settings = load(
                {
                    "kafka.bootstrap": cluster.bootstrap,
                    "topics.prefix": prefix,
                    "topics.partitions": PARTITIONS,
                    "data": folder,
                    "audit.secret": AUDIT_SECRET,
                }
            )
            children.append(stack.enter_context(program(f"engine {worker}", settings, folder, PATIENCE)))
        wanted = [PARTITIONS // workers] * workers
        wait_for("each worker has its share", lambda: group.members() == wanted, PATIENCE, every=ASK_EVERY)
        wait_for("the policy is in force", group.is_at_end, PATIENCE, every=ASK_EVERY)
        pids = {"broker": services.kafka_pid, **{f"worker_{each.name[-1]}": each.pid for each in children}}
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        began = time.perf_counter()
        pour(cluster.bootstrap, commands.name, messages)
        # Asked for once: asking again and again would be work for the broker.
        ends = high_watermarks(cluster.broker, commands.name, range(commands.partitions))
        wait_for("all is decided", lambda: group.is_at_end(ends), PATIENCE, children[0], ASK_EVERY)
        seconds = time.perf_counter() - began
        spent = {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()}
        events = _events(cluster)
    told = {f"{name}_cores": round(each / seconds, 2) for name, each in spent.items()}
    cpu = sum(each for name, each in spent.items() if name != "broker")
    return Timing(seconds, cpu, len(messages), events), told


def _events(cluster: Cluster) -> int:
    """How many there are by now."""
    topic = cluster.catalogue.topic(INTERACTION_EVENTS)
    return sum(1 for _ in read_all(cluster.broker, topic.name, range(topic.partitions), "bench-scale"))
