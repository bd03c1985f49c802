"""Deciding without Kafka: what of the engine's time is the engine's own."""

import cProfile
import pstats
import sys
import time
from collections.abc import Iterator
from typing import Final

from bench.measure import Measure, Timing, rounded, typical
from bench.progress import say
from bench.run import Run
from bench.stage import COMMIT_EVERY, still_clock, undisturbed
from bench.workload import BEGIN, PARTITIONS, POLICY, messages
from engine.envelope import control_key, derive, partition_of
from engine.interaction.commands import PublishPolicy, ReceiveMessage
from engine.interaction.decider import InteractionDecider
from engine.policy.rules import encode, load
from rejoinder.schema_files import record_types
from schemas import files
from schemas.codec import Codec
from topics.deciding import Deciding, Input

TOPIC: Final = "interaction.commands"
PROFILE_LINES: Final = 25


MOST: Final = 50_000
"""Messages; the time of each does not depend on how many there are."""


def measure(run: Run) -> Iterator[Measure]:
    """Deciding and encoding, and decoding the commands beside it; against `engine_events` if that was measured."""
    yield compared(min(MOST, run.sizes.messages), run.sizes.rounds, run.found.get("engine_events"))


def compared(count: int, rounds: int, engine: float | None = None) -> Measure:
    """So many messages, against the engine's events in a second."""
    codec = Codec.local(record_types(), files.current())
    asked = messages(count)
    values = [codec.encode(message) for message in asked]
    timings = [_timed(_deciding(codec), asked) for _ in range(rounds)]
    decoding = [_decoded(codec, values) for _ in range(rounds)]
    value = typical(timings)
    ratio = None if engine is None else round(value / engine, 3)
    detail = {
        "commands": count,
        "events": timings[0].events,
        "commands_per_second": round(value * count / timings[0].events),
        "rounds": rounded([each.events_per_second for each in timings]),
        "events_per_cpu_second": rounded([each.events_per_cpu_second for each in timings]),
        "decoding_commands_per_second": rounded([count / seconds for seconds in decoding]),
    }
    return Measure("decide_only", round(value), "events/s", ratio, None if ratio is None else "engine_events", detail)


def profile(count: int) -> None:
    """Where the time goes, on standard error."""
    codec = Codec.local(record_types(), files.current())
    asked, partitions = messages(count), _deciding(codec)
    profiler = cProfile.Profile()
    profiler.enable()
    _decide(partitions, asked)
    profiler.disable()
    for order in ("tottime", "cumtime"):
        say(f"profile of decide_only, {count} messages, by {order}")
        pstats.Stats(profiler, stream=sys.stderr).strip_dirs().sort_stats(order).print_stats(PROFILE_LINES)


def _deciding(codec: Codec) -> list[Deciding]:
    """Each partition, with the policy in force."""
    rules = {1: load(1, encode(POLICY))}
    decider = InteractionDecider()
    partitions = [Deciding(decider, codec, number, rules, still_clock) for number in range(PARTITIONS)]
    for number, deciding in enumerate(partitions):
        publish = PublishPolicy(command_id=derive("bench", number), at=BEGIN, version=1, document=encode(POLICY))
        deciding.command(control_key(number), publish, Input(TOPIC, number, 0))
        deciding.state.commit()
    return partitions


def _timed(partitions: list[Deciding], asked: list[ReceiveMessage]) -> Timing:
    before = sum(each.counts.events for each in partitions)
    with undisturbed():
        began, cpu_began = time.perf_counter(), time.process_time()
        _decide(partitions, asked)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    return Timing(seconds, cpu, len(asked), sum(each.counts.events for each in partitions) - before)


def _decide(partitions: list[Deciding], asked: list[ReceiveMessage]) -> None:
    for start in range(0, len(asked), COMMIT_EVERY):
        batch = asked[start : start + COMMIT_EVERY]
        outputs = []
        for offset, command in enumerate(batch, start=start):
            partition = partition_of(command.handle_id, PARTITIONS)
            outputs += partitions[partition].command(command.handle_id, command, Input(TOPIC, partition, offset))
        for each in partitions:
            each.state.commit()


def _decoded(codec: Codec, values: list[bytes]) -> float:
    with undisturbed():
        began = time.perf_counter()
        for value in values:
            codec.decode(value)
        return time.perf_counter() - began
