"""What comes of a golden log with the code of today: the state, the projections' rows, and the log itself once more.

It is kept beside the log, a JSON line for each row, and compared with what was kept: what was there has to be there
and to say the same. Fields, types of rows and tables that are new are no difference. Where one is meant, `make golden`
writes what comes of the logs now, and the change shows where changes are read.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from psycopg import sql

from engine.envelope import digest
from engine.policy.rules import Rules, load
from engine.rows import Rows
from projections import builds
from projections.catalogue import PROJECTIONS
from projections.projector import connect
from projections.records import read
from projections.tables import plain
from projections.writer import Writer
from rejoinder.golden import GoldenLog
from rejoinder.verifying import DECIDERS
from schemas.codec import Codec
from topics.again import Recorded, Walk
from topics.deciding import Deciding
from topics.messages import Arrived

Outcome = dict[str, dict[str, Any]]
"""By what each part is of: its kind, a blank, and which of the kind."""

STATE: Final = "state.jsonl"
ROWS: Final = "rows.jsonl"
AGAIN: Final = "again.jsonl"
_OF: Final = "of"
_NOTHING: Final = object()


def state(log: GoldenLog) -> Outcome:
    """The rows of both deciders after all events, the chain of digests held to on the way."""
    codec = log.codec()
    found: Outcome = {}
    for name, decider in DECIDERS.items():
        deciding = Deciding(decider(), codec, 0, {}, lambda: 0)
        for event in _recorded(log, codec, name):
            deciding.replay(event.key, event.event, event.digest)
        deciding.state.commit()
        for rows in deciding.state.all():
            found |= _rows(name, rows)
    return found


def _rows(decider: str, rows: Rows) -> Outcome:
    return {
        f"{decider}.{type(row).__name__} {rows.key} {row_id}": plain(
            msgspec.to_builtins(msgspec.structs.asdict(row), builtin_types=(bytes,))
        )
        for row_id, row in rows.all()
    }


def again(log: GoldenLog) -> Outcome:
    """What comes of the commands, decided once more, held against the events."""
    codec = log.codec()
    known = [codec.decode(entry.value or b"") for entry in log.of("policies")]
    policies: dict[int, Rules] = {each.version: load(each.version, each.document) for each in known}
    found: Outcome = {}
    for name, decider in DECIDERS.items():
        topics = f"{name}.commands", f"{name}.events"
        commands = [Arrived(0, entry.offset, entry.key.encode(), entry.value) for entry in log.of(topics[0])]
        walk = Walk(decider(), codec, policies, 0, _recorded(log, codec, name), topics)
        came = walk.run(commands, 0, lambda now: None)
        reason = None if came.difference is None else came.difference.reason
        found[f"again {name}"] = {"commands": came.commands, "events": came.events, "difference": reason}
    return found


def rows(log: GoldenLog, dsn: str) -> Outcome:
    """The rows of all projections, in an empty database."""
    codec = log.codec()
    found: Outcome = {}
    with connect(dsn) as connection:
        made = [builds.ensure(connection, projection) for projection in PROJECTIONS]
        writer = Writer(connection, made)
        writer.claim((topic, 0) for topic in writer.topics)
        read_by_them = [entry for entry in log.records if entry.topic in writer.topics]
        batch = [read(each.topic, 0, each.offset, each.key.encode(), each.value, codec) for each in read_by_them]
        writer.write(batch, {(each.topic, 0): each.offset + 1 for each in batch})
        for build in made:
            for table in build.projection.tables:
                place = sql.Identifier(build.schema, table.name)
                cursor = connection.execute(sql.SQL("SELECT * FROM {}").format(place))
                names = [column.name for column in cursor.description or ()]
                for values in cursor.fetchall():
                    row = {name: _told(value) for name, value in zip(names, values, strict=True)}
                    key = json.dumps([row[name] for name in table.key])
                    found[f"{build.projection.name}.{table.name} {key}"] = row
    return found


def _told(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else plain(value)


def _recorded(log: GoldenLog, codec: Codec, name: str) -> Iterator[Recorded]:
    for entry in log.of(f"{name}.events"):
        value = entry.value or b""
        yield Recorded(entry.offset, entry.key, digest(*codec.split(value)), codec.decode(value))


def save(file: Path, outcome: Outcome) -> bool:
    """Keeps an outcome; says whether it is another than the one that was kept."""
    lines = [json.dumps({_OF: of, **outcome[of]}, ensure_ascii=False) for of in sorted(outcome)]
    text = "".join(f"{line}\n" for line in lines)
    is_new = not file.is_file() or file.read_text("utf-8") != text
    file.write_text(text, "utf-8")
    return is_new


def kept(file: Path) -> Outcome:
    """An outcome that was kept."""
    lines = (json.loads(line) for line in file.read_text("utf-8").splitlines())
    return {line.pop(_OF): line for line in lines}


def differences(before: Outcome, now: Outcome) -> list[str]:
    """What was there and is not, or is another; and what is new of a kind that was there."""
    kinds = {_kind(of) for of in before}
    return [
        *(f"{of} is gone" for of in before.keys() - now.keys()),
        *(f"{of} is new" for of in now.keys() - before.keys() if _kind(of) in kinds),
        *(text for of in before.keys() & now.keys() for text in _changed(of, before[of], now[of])),
    ]


def _changed(of: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name, value in before.items():
        if now.get(name, _NOTHING) != value:
            yield f"{of}: {name} was {value!r} and is {now.get(name, 'gone')!r}"


def _kind(of: str) -> str:
    return of.partition(" ")[0]
