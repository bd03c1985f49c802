"""A delivery worker as a process of its own, for tests: `python -m tests.delivering POINT [NAME]`, or - for no point.

Its settings are in the environment, as the supervisor would put them. It kills itself with SIGKILL at POINT.
"""

import os
import signal
import sys
import threading

from rejoinder.cluster import connect
from rejoinder.programs.delivery import setup_of
from rejoinder.settings import load
from topics.delivering import DeliveryWorker


def main() -> None:
    """Works until SIGTERM."""
    crash, name_of_worker = sys.argv[1], (sys.argv[2:] or ["1"])[0]

    def point(name: str) -> None:
        if name == crash:
            os.kill(os.getpid(), signal.SIGKILL)

    settings = load()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    assert settings.kafka.bootstrap is not None
    DeliveryWorker(setup_of(settings, connect(settings, settings.kafka.bootstrap), name_of_worker, point)).run(stop)


if __name__ == "__main__":
    main()
