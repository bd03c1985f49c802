"""What the embedded Kafka and PostgreSQL share: how they are started, waited for and stopped."""

import time
from collections.abc import Callable
from typing import Final, Protocol

from engine.errors import RejoinderError
from rejoinder.children import Child, tail

READY_SECONDS: Final = 120.0
"""Only one that never comes is waited for so long: one that ends is noticed. A busy machine takes its time."""
POLL_SECONDS: Final = 0.05


class ServiceError(RejoinderError):
    """An embedded service did not start."""


class Service(Protocol):
    """A service of the data folder. `spawn` belongs to a thread that stays, see rejoinder.children.start."""

    @property
    def name(self) -> str:
        """What it is called, in logs and in the registry of processes."""

    @property
    def stop_grace_seconds(self) -> float:
        """How long it may take to end before it is killed; what it wrote is safe either way."""

    def prepare(self) -> None:
        """Makes its folder ready, on the first start."""

    def spawn(self) -> Child:
        """Starts its process."""

    def wait_ready(self, child: Child) -> None:
        """Returns once it serves; raises ServiceError if it ends before or takes too long."""


def wait_until(ready: Callable[[], bool], child: Child) -> None:
    """Waits until `ready`, for at most two minutes, or raises ServiceError with the end of the child's log."""
    deadline = time.monotonic() + READY_SECONDS
    while not ready():
        if child.exit_code is not None:
            raise ServiceError(f"{child.name} ended while starting, with status {child.exit_code}.{_log(child)}")
        if time.monotonic() > deadline:
            raise ServiceError(f"{child.name} was not ready after {READY_SECONDS:.0f} s.{_log(child)}")
        time.sleep(POLL_SECONDS)


def _log(child: Child) -> str:
    return f" Its log, {child.log}, ends with:\n{tail(child.log)}"
