"""`replay`: any part of the log again, to the screen, a file or another topic."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from engine.interaction.events import EVENTS as INTERACTION
from engine.record import Event
from engine.routing.events import EVENTS as ROUTING
from rejoinder.cli.errors import BadInput
from rejoinder.cli.instances import running_instance
from rejoinder.cli.kafka import cluster_of
from rejoinder.cli.options import Config, Data, Json, Since, Until, instant
from rejoinder.cli.terminal import clean, moment, print_json, tell
from rejoinder.cluster import Cluster
from rejoinder.progress import Pace, step
from rejoinder.replay_sinks import Sink, into_file, into_topic, told
from rejoinder.replaying import STREAMS, Count, Replayed, Wanted
from rejoinder.replaying import replay as replay_log
from topics.catalogue import INTERACTION_EVENTS

TYPES: Final = frozenset(each.__name__ for each in (*INTERACTION, *ROUTING))
ENVELOPE: Final = frozenset(("topic", "partition", "offset", "key", "type", *Event.__struct_fields__))
"""What a line on the screen does not repeat."""
BOTH: Final = "all"
TELL_EVERY: Final = 1_000
LONGEST_FACT: Final = 60


def replay(
    stream: Annotated[str, typer.Option(help=f"Whose events: {', '.join(STREAMS)} or {BOTH}.")] = "interaction",
    since: Since = None,
    until: Until = None,
    interaction: Annotated[str | None, typer.Option(help="Only this interaction's.")] = None,
    contact: Annotated[str | None, typer.Option(help="Only this contact's, by its id.")] = None,
    account: Annotated[str | None, typer.Option(help="Only those with this account: x:42.")] = None,
    key: Annotated[str | None, typer.Option(help="Only those on this key.")] = None,
    kind: Annotated[list[str] | None, typer.Option("--type", help="Only events of this type; may be repeated.")] = None,
    partition: Annotated[int | None, typer.Option(min=0, help="Only this partition.")] = None,
    from_offset: Annotated[int | None, typer.Option(min=0, help="From this offset of the partition on.")] = None,
    to_offset: Annotated[
        int | None, typer.Option(min=0, help="Up to and without this offset of the partition.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="So many events at most.")] = None,
    to: Annotated[
        Path | None, typer.Option(help="Into this file: an Avro container where it ends in .avro, else JSON lines.")
    ] = None,
    to_topic: Annotated[str | None, typer.Option(help="Into this topic of Kafka, which is made if need be.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file, if there is one.")] = False,
    speed: Annotated[
        float | None,
        typer.Option(min=0.001, help="So many times as fast as it happened; without it, as fast as it reads."),
    ] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Read any part of the log again: each key's events in their order, over all keys in the order of time.

    Nothing is decided, posted or changed. Events hold no words.

    Example: rejoinder replay --since 2026-01-31T10:00 --until 2026-01-31T11:00
    Example: rejoinder replay --account x:42 --type Replied --json
    Example: rejoinder replay --stream all --to log.avro
    Example: rejoinder replay --contact 6bd1bc1ca1bcf7cba6b4fb7ab84e45a3 --to-topic what-happened --speed 60
    """
    wanted = Wanted(
        streams=_streams(stream),
        partition=partition,
        from_offset=from_offset,
        to_offset=to_offset,
        since=_millis("--since", since),
        until=_millis("--until", until),
        key=key,
        contact=contact,
        interaction=interaction,
        account=_account(account),
        types=_types(kind or []),
    )
    _check(wanted, to, to_topic, force, json)
    settings, instance = running_instance(data, config)
    cluster = cluster_of(settings, instance)
    partitions = cluster.catalogue.topic(INTERACTION_EVENTS).partitions
    if partition is not None and partition >= partitions:
        raise BadInput(f"there is no partition {partition}: there are {partitions}, from 0 on")
    count = Count()
    on_screen = to is None and to_topic is None
    with _sink(to, to_topic, cluster, partitions, json) as sink, _progress(count, on_screen) as say:
        _pass(replay_log(cluster, wanted, count, say), sink, limit, speed)
    tell(f"{count.chosen} events of {count.of} offsets" if count.chosen else "There are no such events.")


def _pass(events: Iterable[Replayed], sink: Sink, limit: int | None, speed: float | None) -> None:
    """Hands the events on, at the speed that is wanted."""
    begun, first = time.monotonic(), None
    for number, replayed in enumerate(events, 1):
        if speed is not None:
            first = replayed.event.occurred_at if first is None else first
            due = begun + (replayed.event.occurred_at - first) / 1000 / speed
            time.sleep(max(0.0, due - time.monotonic()))
        sink.take(replayed)
        if number == limit:
            return


class _Screen:
    """A line an event: when, where, what, and the facts."""

    def take(self, replayed: Replayed) -> None:
        fields = told(replayed)
        at = moment(datetime.fromtimestamp(replayed.event.occurred_at / 1000, UTC))
        facts = " ".join(f"{name}={_fact(value)}" for name, value in fields.items() if _is_told(name, value))
        place = f"{fields['topic']}[{fields['partition']}]@{fields['offset']}"
        about = fields["interaction_id"] or fields["key"]
        actor = fields["actor_kind"] + (f" {fields['actor_id']}" if fields["actor_id"] else "")
        state = f" → {fields['state']}" if fields["state"] else ""
        print(clean(f"{at}  {place}  {about}  {fields['type']}{state}  ({actor})  {facts}".rstrip()), flush=True)


def _is_told(name: str, value: object) -> bool:
    return name not in ENVELOPE and value not in (None, "", [], {})


def _fact(value: object) -> str:
    text = str(value)
    return text if len(text) <= LONGEST_FACT else f"{text[:LONGEST_FACT]}…"


class _JsonLines:
    def take(self, replayed: Replayed) -> None:
        print_json([told(replayed)])


def _sink(to: Path | None, to_topic: str | None, cluster: Cluster, partitions: int, json: bool) -> Any:
    if to is not None:
        return into_file(to, cluster)
    if to_topic is not None:
        return into_topic(to_topic, cluster, partitions)
    return nullcontext(_JsonLines() if json else _Screen())


@contextmanager
def _progress(count: Count, on_screen: bool) -> Iterator[Any]:
    """What is told on the way; on the screen the events themselves say it."""
    if on_screen:
        yield lambda: None
        return
    pace, turns = Pace(), 0
    with step("Replaying") as progress:

        def say() -> None:
            nonlocal turns
            turns += 1
            if turns % TELL_EVERY == 0:
                progress.update(f"{pace.of(count.read, count.of)}, {count.chosen} events")

        yield say


def _check(wanted: Wanted, to: Path | None, to_topic: str | None, force: bool, json: bool) -> None:
    """Raises BadInput for what does not go together."""
    if to is not None and to_topic is not None:
        raise BadInput("--to and --to-topic exclude each other: replay twice")
    if json and (to is not None or to_topic is not None):
        raise BadInput("--json is for the screen; a file has JSON lines unless its name ends in .avro")
    if to is not None and to.exists() and not force:
        raise BadInput(f"{to} is there already: name another file, or give --force")
    if (wanted.from_offset is not None or wanted.to_offset is not None) and wanted.partition is None:
        raise BadInput("offsets are those of one partition: name it with --partition")
    if wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
        raise BadInput("--until is not after --since: nothing lies between them")


def _streams(stream: str) -> tuple[str, ...]:
    if stream == BOTH:
        return tuple(STREAMS)
    if stream not in STREAMS:
        raise BadInput(f"there is no stream {stream!r}; there are {', '.join(STREAMS)}, and {BOTH}")
    return (stream,)


def _account(text: str | None) -> str | None:
    if text is not None and not all(text.partition(":")):
        raise BadInput(f"--account is {text!r}: write channel and id, as x:42; `rejoinder accounts list` shows them")
    return text


def _types(names: list[str]) -> frozenset[str]:
    unknown = sorted(set(names) - TYPES)
    if unknown:
        near = get_close_matches(unknown[0], TYPES, n=1)
        told = f"did you mean {near[0]}?" if near else "docs/reference/events.md has all of them"
        raise BadInput(f"no event is called {unknown[0]!r}: {told}")
    return frozenset(names)


def _millis(option: str, text: str | None) -> int | None:
    at = instant(option, text)
    return None if at is None else round(at.timestamp() * 1000)
