"""`dead-letters`: what could not be read or decided, and what was done about it."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
import typer

from engine.delivery import DeadLetter
from rejoinder.cli.errors import NotFound
from rejoinder.cli.instances import running_instance
from rejoinder.cli.kafka import cluster_of
from rejoinder.cli.noting import note
from rejoinder.cli.options import Config, Data, Json, Limit, group
from rejoinder.cli.settling import discard, key_of, named, redrive
from rejoinder.cli.terminal import clean, print_json, print_pairs, print_table, tell
from rejoinder.cluster import Cluster
from schemas.codec import UnreadableRecord
from topics.letters import Letter, read

app = group("See what could not be read or decided; put it back or discard it. Each is kept for 30 days.")
OPEN: Final = "open"
COLUMNS: Final = {
    "letter": "letter", "at": "put here (UTC)", "source": "came from", "code": "code", "reason": "why", "bytes": "bytes"
}  # fmt: skip


@app.command("list")
def list_letters(
    limit: Limit = 50,
    settled: Annotated[bool, typer.Option("--settled", help="Also those that were redriven or discarded.")] = False,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """List the dead letters that wait for somebody, the last first. Nobody's words are shown.

    Example: rejoinder dead-letters list --json
    """
    settings, instance = running_instance(data, config)
    found = [_line(each) for each in letters(cluster_of(settings, instance)) if settled or each.is_open]
    found.sort(key=lambda line: line["at"], reverse=True)
    if json:
        return print_json(found[:limit])
    columns = COLUMNS | ({"state": "state", "settled_by": "by"} if settled else {})
    print_table(tuple(columns.values()), [[line[name] for name in columns] for line in found[:limit]])
    none = "There are no dead letters." if settled else "No dead letter waits for anybody."
    tell(f"{min(limit, len(found))} of {len(found)} dead letters" if found else none)


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
    name = named(letter)
    settings, instance = running_instance(data, config)
    cluster = cluster_of(settings, instance)
    found = next((each for each in letters(cluster) if each.name == name), None)
    if found is None:
        raise NotFound(f"there is no dead letter {letter}: `rejoinder dead-letters list` names those that there are")
    line = _line(found)
    line["record"] = _type(cluster, found.letter)
    if words:
        note(settings, instance, "dead-letters show", others=[letter], lines=1, cluster=cluster)
        line["content"] = _content(cluster, found.letter)
    if json:
        return print_json([line])
    content = line.pop("content", None)
    print_pairs((name, value) for name, value in line.items())
    if content is not None:
        text = content if isinstance(content, str) else msgspec.json.format(msgspec.json.encode(content)).decode()
        print(f"\n{clean(text, newlines=True)}")
    else:
        tell("Its content is not shown, because it may hold somebody's words: see --words.")


app.command()(redrive)
app.command()(discard)


def letters(cluster: Cluster) -> list[Letter]:
    """Every dead letter, with what was done about it: the topic itself tells that, so that it is never late."""
    return read(cluster.broker, cluster.catalogue, cluster.codec)


def _line(each: Letter) -> dict[str, Any]:
    """What can be said of it without anybody's words."""
    held, last = each.letter, each.settled[-1] if each.settled else None
    source = held.source_topic
    if held.source_partition >= 0:
        source += f"[{held.source_partition}]@{held.source_offset}"
    return {
        "letter": each.name,
        "at": datetime.fromtimestamp(held.at / 1000, UTC),
        "source": source,
        "key": key_of(each),
        "code": held.code,
        "reason": held.reason,
        "bytes": len(held.value or b""),
        "state": OPEN if last is None else last.outcome,
        "settled_at": None if last is None else datetime.fromtimestamp(last.at / 1000, UTC),
        "settled_by": None if last is None else last.actor_id,
        "why": None if last is None else last.why,
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
