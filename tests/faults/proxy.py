"""A proxy between workers and a broker that loses what they say to each other about the end of a transaction.

It knows as much of Kafka's protocol as it needs: a length of four bytes before each message, in a request then the key
and version of the call and its number, in an answer its number.
"""

import asyncio
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Final

from rejoinder.embedded.ports import LOOPBACK

END_TXN: Final = 26
TXN_OFFSET_COMMIT: Final = 28
_LENGTH: Final = struct.Struct(">i")
_HEAD: Final = struct.Struct(">hhi")
_NUMBER: Final = struct.Struct(">i")


class Loss(Enum):
    """What is lost of a call."""

    ANSWER = "the broker did it, and its answer is lost with the connection"
    SILENCE = "the broker did it, and its answer never comes"
    REQUEST = "the broker never hears of it, and the connection is lost"


class Proxy:
    """Listens on a port and passes everything on, but for what it was told to lose. Lives in a thread of its own."""

    def __init__(self, port: int, target: int) -> None:
        self._port = port
        self._target = target
        self._lock = threading.Lock()
        self._orders: list[tuple[int, Loss]] = []
        self.lost: Counter[tuple[int, Loss]] = Counter()
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)

    def lose(self, call: int, loss: Loss) -> None:
        """The next such call is lost."""
        with self._lock:
            self._orders.append((call, loss))

    @property
    def waiting(self) -> int:
        """How many losses have not happened yet."""
        with self._lock:
            return len(self._orders)

    def start(self) -> None:
        self._thread.start()
        self._up.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, LOOPBACK, self._port)
        self._up.set()
        await self._over.wait()
        server.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(LOOPBACK, self._target)
        except OSError:
            writer.close()
            return
        lost: dict[int, tuple[int, Loss]] = {}
        ways = [
            asyncio.ensure_future(self._requests(reader, back, lost)),
            asyncio.ensure_future(self._answers(there, writer, lost)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            writer.close()
            back.close()

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: dict[int, tuple[int, Loss]]
    ) -> None:
        while (message := await _message(reader)) is not None:
            call, _, number = _HEAD.unpack_from(message, _LENGTH.size)
            order = self._order_for(call)
            if order is not None:
                lost[number] = order
                if order[1] is Loss.REQUEST:
                    self.lost[order] += 1
                    return
            writer.write(message)
            await writer.drain()

    async def _answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: dict[int, tuple[int, Loss]]
    ) -> None:
        while (message := await _message(reader)) is not None:
            order = lost.pop(_NUMBER.unpack_from(message, _LENGTH.size)[0], None)
            if order is None:
                writer.write(message)
                await writer.drain()
                continue
            self.lost[order] += 1
            if order[1] is Loss.ANSWER:
                return

    def _order_for(self, call: int) -> tuple[int, Loss] | None:
        with self._lock:
            order = next((each for each in self._orders if each[0] == call), None)
            if order is not None:
                self._orders.remove(order)
            return order


async def _message(reader: asyncio.StreamReader) -> bytes | None:
    """One message with its length; None at the end of the connection."""
    try:
        head = await reader.readexactly(_LENGTH.size)
        return head + await reader.readexactly(_LENGTH.unpack(head)[0])
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


@contextmanager
def proxy(port: int, target: int) -> Iterator[Proxy]:
    """A proxy at work."""
    made = Proxy(port, target)
    made.start()
    try:
        yield made
    finally:
        made.stop()
