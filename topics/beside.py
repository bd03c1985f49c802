"""An event loop beside the thread that reads Kafka: slow calls are made there, many at a time."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

Opened = TypeVar("Opened")
Result = TypeVar("Result")


class Beside(Generic[Opened]):
    """A loop in a thread of its own, and what was opened in it. Use as a context manager.

    What still runs at the end is cancelled, and what was opened is closed.
    """

    def __init__(self, opens: AbstractAsyncContextManager[Opened], name: str) -> None:
        self._opens = opens
        self._ready: Future[Opened] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name=name, daemon=True)

    @property
    def opened(self) -> Opened:
        """What was opened."""
        return self._ready.result()

    def start(self, work: Coroutine[Any, Any, Result]) -> "Future[Result]":
        """Begins something in the loop. Cancelling the future cancels it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with self._opens as opened:
                self._ready.set_result(opened)
                await self._closing.wait()
                others = asyncio.all_tasks() - {asyncio.current_task()}
                for task in others:
                    task.cancel()
                await asyncio.gather(*others, return_exceptions=True)
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)
