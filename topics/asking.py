"""Asks the deciders and waits for what they say: commands out, their results back, matched by the command's id.

One reader for a process, on one partition of the results that it chose: whoever asks names it in the command.
"""

import asyncio
import random
import threading
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from confluent_kafka import TopicPartition

from engine.delivery import CommandResult
from engine.errors import RejoinderError
from engine.record import Command
from schemas.codec import Codec
from topics import clients
from topics.broker import Broker
from topics.catalogue import COMMAND_RESULTS, Catalogue
from topics.errors import passes
from topics.publisher import Outgoing, Publisher
from topics.reading import high_watermarks

POLL: Final = 0.1
BATCH: Final = 500

Waiter = tuple[asyncio.AbstractEventLoop, "asyncio.Future[CommandResult]"]


class Undecided(RejoinderError):
    """Nobody said in time what became of a command; it may still be carried out."""


class Asker:
    """Sends commands and gives their results. Made outside of any event loop, asked from any."""

    def __init__(
        self,
        broker: Broker,
        catalogue: Catalogue,
        codec: Codec,
        publisher: Publisher,
        on_failure: Callable[[str], None],
    ) -> None:
        self._broker = broker
        self._catalogue = catalogue
        self._codec = codec
        self._publisher = publisher
        self._on_failure = on_failure
        self._results = catalogue.topic(COMMAND_RESULTS)
        self._partition = random.randrange(self._results.partitions)
        # From the end as it is now: the results of what is asked from here on can only come after it.
        self._end = high_watermarks(broker, self._results.name, [self._partition])[self._partition]
        self._waiting: dict[str, list[Waiter]] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="results", daemon=True)
        self._thread.start()

    async def ask(self, asked: Sequence[tuple[str, str, Command]], patience: float) -> list[CommandResult]:
        """Sends commands, each with its topic (a name of topics.catalogue) and key; gives the results in that order.

        Raises:
            Undecided: not all results came within `patience` seconds.
            NotPublished, KafkaUnreachable, TopicMissing: nothing, or not all, was sent.
        """
        loop = asyncio.get_running_loop()
        waiters = [(loop, loop.create_future()) for _ in asked]
        ids = [command.command_id for _, _, command in asked]
        with self._lock:
            for command_id, waiter in zip(ids, waiters, strict=True):
                self._waiting.setdefault(command_id, []).append(waiter)
        try:
            await self._publisher.publish_async(
                Outgoing(
                    self._catalogue.name(topic), key, msgspec.structs.replace(command, reply_partition=self._partition)
                )
                for topic, key, command in asked
            )
            return await asyncio.wait_for(asyncio.gather(*(future for _, future in waiters)), patience)
        except TimeoutError as error:
            raise Undecided() from error
        finally:
            self._forget(ids, waiters)

    def close(self) -> None:
        """Ends the reader."""
        self._stop.set()
        self._thread.join()

    def _forget(self, ids: Sequence[str], waiters: Sequence[Waiter]) -> None:
        with self._lock:
            for command_id, waiter in zip(ids, waiters, strict=True):
                left = [each for each in self._waiting.pop(command_id, ()) if each is not waiter]
                if left:
                    self._waiting[command_id] = left

    def _listen(self) -> None:
        consumer = self._broker.consumer(clients.reader(self._broker.bootstrap, "results"))
        try:
            consumer.assign([TopicPartition(self._results.name, self._partition, self._end)])
            while not self._stop.is_set():
                for message in consumer.consume(BATCH, POLL):
                    error, value = message.error(), message.value()
                    if error is not None:
                        if not passes(error):
                            self._on_failure(f"reading {self._results.name} failed: {error.str()}")
                    elif value is not None:
                        self._tell(self._codec.decode(value))
        finally:
            consumer.close()

    def _tell(self, result: object) -> None:
        """Hands a result to whoever asked first among those who wait for it: a repeat gets a result of its own."""
        if not isinstance(result, CommandResult):
            return
        with self._lock:
            waiters = self._waiting.get(result.command_id)
            if not waiters:
                return
            loop, future = waiters.pop(0)
        loop.call_soon_threadsafe(_settle, future, result)


def _settle(future: "asyncio.Future[CommandResult]", result: CommandResult) -> None:
    if not future.done():
        future.set_result(result)
