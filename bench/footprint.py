"""What a message and a contact take up: `python -m bench.footprint [MESSAGES]`, as JSON lines.

Sizes, not speeds: decided in memory, the same on every machine. For the arithmetic of docs/scale.md. Records are
counted with key, value and headers before compression, which Kafka's batches have; the state as RocksDB holds it, with
RocksDB's own log.
"""

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from bench.workload import AUTHORS, BEGIN, PARTITIONS, POLICY, messages
from engine.envelope import control_key, derive, partition_of
from engine.interaction.commands import PublishPolicy
from engine.interaction.decider import InteractionDecider
from engine.policy.rules import encode, load
from rejoinder.programs.engine import state_folder
from rejoinder.schema_files import record_types
from schemas import files
from schemas.codec import Codec
from topics.catalogue import INTERACTION_COMMANDS
from topics.deciding import Deciding, Input, Output
from topics.headers import CloudEvents, Headers
from topics.rocks import RocksFolder

MESSAGES: Final = 30_000
COMMIT_EVERY: Final = 2_000


def main(count: int) -> None:
    """Decides, and says what came of it."""
    codec, contacts = Codec.local(record_types(), files.current()), round(count * AUTHORS)
    sizes: Counter[str] = Counter()
    records: Counter[str] = Counter()
    make = CloudEvents("/rejoinder/interaction", codec.name_of)
    with tempfile.TemporaryDirectory(prefix="rejoinder-footprint-") as above:
        with closing(state_folder(Path(above), InteractionDecider(), "1")) as folder:
            for output in _decided(codec, folder, count, sizes):
                headers = None if output.event is None else make.headers(output.event, output.key)
                sizes[output.topic] += _size(output.key, output.value, headers)
                records[output.topic] += 1
        state = sum(each.stat().st_size for each in Path(above).rglob("*") if each.is_file())
    for topic, size in sorted(sizes.items()):
        detail = {"records_per_message": round(records[topic] / count, 3)} if records[topic] else {}
        _say(topic, size / count, "bytes/message", **detail)
    _say("state", state / contacts, "bytes/contact", messages=count, contacts=contacts)


def _decided(codec: Codec, folder: RocksFolder, count: int, sizes: "Counter[str]") -> Iterator[Output]:
    rules, decider = {1: load(1, encode(POLICY))}, InteractionDecider()
    partitions = [
        Deciding(decider, codec, number, rules, lambda: BEGIN, shelf=folder.shelf(number))
        for number in range(PARTITIONS)
    ]
    for number, deciding in enumerate(partitions):
        publish = PublishPolicy(command_id=derive("bench", number), at=BEGIN, version=1, document=encode(POLICY))
        deciding.command(control_key(number), publish, Input(INTERACTION_COMMANDS, number, 0))
    for offset, command in enumerate(messages(count)):
        sizes[INTERACTION_COMMANDS] += _size(command.handle_id, codec.encode(command), None)
        partition = partition_of(command.handle_id, PARTITIONS)
        yield from partitions[partition].command(
            command.handle_id, command, Input(INTERACTION_COMMANDS, partition, offset)
        )
        if offset % COMMIT_EVERY == 0:
            for each in partitions:
                each.state.commit()
    for each in partitions:
        each.state.commit()


def _size(key: str, value: bytes | None, headers: Headers | None) -> int:
    return len(key) + len(value or b"") + sum(len(name) + len(each or b"") for name, each in headers or [])


def _say(name: str, value: float, unit: str, **detail: float) -> None:
    print(json.dumps({"name": name, "value": round(value, 1), "unit": unit, "detail": detail}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES)
