"""Writes down who is shown people's words or names, before they are shown: without a record there is no answer."""

import asyncio
from typing import Final

from confluent_kafka import Message

from engine.errors import RejoinderError
from engine.reads import Noted, PersonalRead
from rejoinder.cluster import Cluster
from rejoinder.secrets import audit_secret
from rejoinder.sections import SettingsError
from rejoinder.settings import Settings
from rejoinder.signing import WriterKey
from schemas.codec import UnwritableRecord
from topics.catalogue import AUDIT_READS
from topics.publisher import Outgoing, Publisher
from topics.reading import high_watermarks

READS: Final = "reads"
"""The writer whose key signs what is read (rejoinder.signing)."""


class NotNoted(RejoinderError):
    """It can't be written down that somebody reads, so nothing is shown."""

    def __init__(self, reason: object) -> None:
        super().__init__(
            "nothing is shown, because it could not be recorded in audit.reads who is shown people's words or names: "
            f"{reason}"
        )


def key_of(settings: Settings) -> WriterKey | None:
    """The key that signs records of reads; None on a machine that works on an outside Kafka without its secret."""
    try:
        return WriterKey(audit_secret(settings), READS)
    except SettingsError:
        return None


class Notes:
    """Writes records of reads. Safe to share between threads.

    Each says how many records stood before it, as far as this process knows: at the start it looks, then it goes by
    what it writes itself.
    """

    def __init__(self, cluster: Cluster, publisher: Publisher, key: WriterKey | None) -> None:
        """Raises NotNoted: Kafka can't be reached, or has no such topic."""
        self._codec = cluster.codec
        self._topic = cluster.catalogue.name(AUDIT_READS)
        self._publisher = publisher
        self._key = key
        try:
            self._after = high_watermarks(cluster.broker, self._topic, [0])[0]
        except RejoinderError as error:
            raise NotNoted(error) from error

    def write(self, read: PersonalRead) -> None:
        """Writes a record, and waits until Kafka has it. Raises NotNoted."""
        try:
            self._learn(self._publisher.send(self._outgoing(read)).result())
        except (RejoinderError, UnwritableRecord) as error:
            raise NotNoted(error) from error

    async def write_async(self, read: PersonalRead) -> None:
        """`write` for asyncio."""
        try:
            self._learn(await asyncio.wrap_future(self._publisher.send(self._outgoing(read))))
        except (RejoinderError, UnwritableRecord) as error:
            raise NotNoted(error) from error

    def _outgoing(self, read: PersonalRead) -> Outgoing:
        read.after = self._after
        statement = self._codec.encode(read)
        signature = b"" if self._key is None else self._key.sign(statement)
        return Outgoing(self._topic, read.actor_id, Noted(statement=statement, signature=signature))

    def _learn(self, message: Message) -> None:
        self._after = max(self._after, (message.offset() or 0) + 1)
