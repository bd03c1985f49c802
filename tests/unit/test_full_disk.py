"""A disk that takes no more of the state: one clear error, whichever call meets it."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.bookkeeping import Done
from topics.rocks import RocksFolder, StateUnusable
from topics.shelves import Change

BYTES = 4096


@contextmanager
def full() -> Iterator[None]:
    """No file grows any more: what a full disk looks like to whoever writes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_writing_and_closing_say_what_to_do(tmp_path: Path) -> None:
    folder = RocksFolder(str(tmp_path / "state"), [Done])
    shelf = folder.shelf(0)
    row = Done(command_id="c" * BYTES, sequence=1, interaction_id=None)
    with full():
        with pytest.raises(StateUnusable, match="see to the disk"):
            for number in range(10):
                shelf.write([Change("key", Done, str(number), None, row)], None)
        with pytest.raises(StateUnusable, match="see to the disk"):
            folder.close()
