"""How far each version of each projection has read, in the same database and transaction as its rows."""

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg

from projections.errors import OffsetConflict
from projections.records import Place

DDL = """
CREATE TABLE IF NOT EXISTS projector.offsets (
    projection text NOT NULL,
    version integer NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (projection, version, topic, partition)
);
COMMENT ON TABLE projector.offsets IS
    'One row for each partition that a version of a projection reads: how far its rows reflect it.';
COMMENT ON COLUMN projector.offsets.projection IS 'the projection';
COMMENT ON COLUMN projector.offsets.version IS 'the version, whose tables lie in the schema PROJECTION_vVERSION';
COMMENT ON COLUMN projector.offsets.topic IS 'the topic';
COMMENT ON COLUMN projector.offsets.partition IS 'its partition';
COMMENT ON COLUMN projector.offsets.next_offset IS 'the offset of the next record to read';
"""

_CLAIM = """
INSERT INTO projector.offsets (projection, version, topic, partition, next_offset)
SELECT %s, %s, topic, partition, 0 FROM unnest(%s::text[], %s::integer[]) AS p (topic, partition)
ORDER BY topic, partition
ON CONFLICT DO NOTHING
"""
_READ = "SELECT topic, partition, next_offset FROM projector.offsets WHERE projection = %s AND version = %s"
_LOCK = f"{_READ} ORDER BY topic, partition FOR UPDATE"
# Locked in the order of `lock`, so that the two never wait for each other in a circle.
_ADVANCE = """
WITH held AS MATERIALIZED (
    SELECT o.topic, o.partition, moved.since, moved.upto
    FROM projector.offsets o
    JOIN unnest(%(topics)s::text[], %(partitions)s::integer[], %(since)s::bigint[], %(upto)s::bigint[])
        AS moved (topic, partition, since, upto) USING (topic, partition)
    WHERE o.projection = %(projection)s AND o.version = %(version)s
    ORDER BY o.topic, o.partition
    FOR UPDATE OF o
)
UPDATE projector.offsets AS o SET next_offset = held.upto
FROM held
WHERE o.projection = %(projection)s AND o.version = %(version)s
  AND o.topic = held.topic AND o.partition = held.partition AND o.next_offset = held.since
"""


def claim(connection: psycopg.Connection[Any], projection: str, version: int, places: Iterable[Place]) -> None:
    """Makes the rows of partitions that were never read, at offset 0."""
    topics, partitions = _columns(places)
    connection.execute(_CLAIM, (projection, version, topics, partitions))


def positions(connection: psycopg.Connection[Any], projection: str, version: int) -> dict[Place, int]:
    """The next offset of every partition."""
    rows = connection.execute(_READ, (projection, version)).fetchall()
    return {(topic, partition): offset for topic, partition, offset in rows}


def lock(connection: psycopg.Connection[Any], projection: str, version: int) -> dict[Place, int]:
    """As `positions`; nobody moves them until the end of the transaction. Who reads rows does not wait."""
    rows = connection.execute(_LOCK, (projection, version)).fetchall()
    return {(topic, partition): offset for topic, partition, offset in rows}


def advance(cursor: psycopg.Cursor[Any], projection: str, version: int, moves: Mapping[Place, tuple[int, int]]) -> None:
    """Moves offsets from where they are known to be to where the batch ends; locks them until the commit.

    Raises:
        OffsetConflict: one of them is elsewhere, so another projector owns the partition by now.
    """
    if not moves:
        return
    topics, partitions = _columns(moves)
    since, upto = zip(*moves.values(), strict=True)
    moved = {"topics": topics, "partitions": partitions, "since": list(since), "upto": list(upto)}
    cursor.execute(_ADVANCE, {"projection": projection, "version": version, **moved})
    if cursor.rowcount != len(moves):
        raise OffsetConflict(
            f"The offsets of {projection} version {version} were moved on by another projector: this one's batch of "
            f"{', '.join(f'{topic}[{partition}]' for topic, partition in moves)} was rolled back and it stops."
        )


def _columns(places: Iterable[Place]) -> tuple[list[str], list[int]]:
    pairs = list(places)
    return [topic for topic, _ in pairs], [partition for _, partition in pairs]
