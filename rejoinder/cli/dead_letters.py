"""`dead-letters`: what could not be read or decided."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer

from engine.delivery import DeadLetter
from rejoinder.cli.errors import BadInput, NotFound
from rejoinder.cli.instances import running_instance
from rejoinder.cli.kafka import cluster_of
from rejoinder.cli.options import Config, Data, Json, Limit, group
from rejoinder.cli.terminal import clean, print_json, print_pairs, print_table, tell
from rejoinder.cluster import Cluster
from schemas.codec import UnreadableRecord
from topics.catalogue import DEAD_LETTERS
from topics.reading import read_all

app = group("See what could not be read or decided, and why. Each is kept for 30 days.")


@app.command("list")
def list_letters(limit: Limit = 50, json: Json = False, data: Data = None, config: Config = None) -> None:
    """List dead letters, the last first. Nobody's words are shown.

    Example: rejoinder dead-letters list --json
    """
    settings, instance = running_instance(data, config)
    found = [_line(position, letter) for position, letter in letters(cluster_of(settings, instance))]
    found.sort(key=lambda line: line["at"], reverse=True)
    if json:
        return print_json(found[:limit])
    print_table(
        ("letter", "put here (UTC)", "came from", "code", "why", "bytes"),
        [
            (each["letter"], each["at"], each["source"], each["code"], each["reason"], each["bytes"])
            for each in found[:limit]
        ],
    )
    tell(f"{min(limit, len(found))} of {len(found)} dead letters" if found else "There are no dead letters.")


@app.command()
def show(
    letter: Annotated[
        str, typer.Argument(metavar="LETTER", help="Which, as `list` names it: partition and offset, 3@17.")
    ],
    words: Annotated[bool, typer.Option("--words", help="Show its content too, somebody's words among it.")] = False,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Show one dead letter: where it came from and why it is here.

    Example: rejoinder dead-letters show 3@17 --words
    """
    partition, at, offset = letter.partition("@")
    if not (at and partition.isdecimal() and offset.isdecimal()):
        raise BadInput(f"{letter!r} names no dead letter: write partition and offset, as `list` does: 3@17")
    settings, instance = running_instance(data, config)
    cluster = cluster_of(settings, instance)
    found = next((each for position, each in letters(cluster) if position == letter), None)
    if found is None:
        raise NotFound(f"there is no dead letter {letter}: `rejoinder dead-letters list` names those that there are")
    line = _line(letter, found)
    line["record"] = _type(cluster, found)
    if words:
        line["content"] = _content(cluster, found)
    if json:
        return print_json([line])
    content = line.pop("content", None)
    print_pairs((name, value) for name, value in line.items())
    if content is not None:
        text = content if isinstance(content, str) else msgspec.json.format(msgspec.json.encode(content)).decode()
        print(f"\n{clean(text, newlines=True)}")
    else:
        tell("Its content is not shown, because it may hold somebody's words: see --words.")


def letters(cluster: Cluster) -> Iterator[tuple[str, DeadLetter]]:
    """Every dead letter, with its position."""
    topic = cluster.catalogue.topic(DEAD_LETTERS)
    for partition in range(topic.partitions):
        for record in read_all(cluster.broker, topic.name, [partition], "dead-letters"):
            if record.value is not None:
                letter = cluster.codec.decode(record.value)
                if isinstance(letter, DeadLetter):
                    yield f"{partition}@{record.offset}", letter


def _line(position: str, letter: DeadLetter) -> dict[str, Any]:
    """What can be said of it without anybody's words."""
    source = letter.source_topic
    if letter.source_partition >= 0:
        source += f"[{letter.source_partition}]@{letter.source_offset}"
    return {
        "letter": position,
        "at": datetime.fromtimestamp(letter.at / 1000, UTC),
        "source": source,
        "key": None if letter.key is None else letter.key.decode("utf-8", "backslashreplace"),
        "code": letter.code,
        "reason": letter.reason,
        "bytes": len(letter.value or b""),
    }


def _type(cluster: Cluster, letter: DeadLetter) -> str | None:
    """The kind of record that it holds; None for bytes that are none of ours."""
    try:
        return type(cluster.codec.decode(letter.value or b"")).__name__
    except UnreadableRecord:
        return None


def _content(cluster: Cluster, letter: DeadLetter) -> Any:
    """The content: a record of ours as fields, else as text."""
    try:
        return msgspec.to_builtins(cluster.codec.decode(letter.value or b""))
    except UnreadableRecord:
        return (letter.value or b"").decode("utf-8", "backslashreplace")
