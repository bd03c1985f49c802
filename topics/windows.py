"""How far a partition was worked on when its records are done out of order.

The committed offset is that of the first record that is not done. Those done beyond it are named in the offset's
metadata, one bit for each, so that a successor passes over them. (Kafka's documentation, OffsetCommit: metadata is
the client's own, up to offset.metadata.max.bytes, 4,096 by default.)
"""

from typing import Final

WIDTH: Final = 4_096
"""How many offsets a window spans at most: 1 KiB of metadata. Beyond it a partition waits for its oldest record."""

_MARK: Final = "done:"


class Window:
    """The records of one partition that were taken up, and which of them are done.

    Args:
        offset: the offset that comes next.
        metadata: what stood beside the committed offset; another client's is passed over.
    """

    def __init__(self, offset: int, metadata: str | None = None) -> None:
        self._next = offset
        self._open: dict[int, None] = {}  # in the order of the log
        self._done = _decoded(offset, metadata)

    @property
    def position(self) -> int:
        """The offset of the first record that is not done."""
        return next(iter(self._open), self._next)

    @property
    def metadata(self) -> str:
        """What is to stand beside the committed offset."""
        first = self.position
        bits = 0
        for offset in self._done:
            bits |= 1 << (offset - first)
        return f"{_MARK}{bits:x}" if bits else ""

    @property
    def is_full(self) -> bool:
        """Whether no more records may be taken up until the first one is done."""
        return self._next - self.position >= WIDTH

    @property
    def is_clear(self) -> bool:
        """Whether there is room for many."""
        return self._next - self.position < WIDTH // 2

    def take(self, offset: int) -> bool:
        """Takes a record up; False if it was taken up or done before."""
        if offset < self._next:
            return False
        self._next = offset + 1
        if offset in self._done:
            self._forget()
            return False
        self._open[offset] = None
        return True

    def end(self, offset: int) -> None:
        """A record is done."""
        is_first = offset == self.position
        del self._open[offset]
        self._done.add(offset)
        if is_first:  # else the position stays, and with it all that is beyond it
            self._forget()

    def _forget(self) -> None:
        """Those before the first one that is not done need no name any more."""
        first = self.position
        self._done = {offset for offset in self._done if offset > first}


def _decoded(offset: int, metadata: str | None) -> set[int]:
    if metadata is None or not metadata.startswith(_MARK):
        return set()
    bits = int(metadata.removeprefix(_MARK), 16)
    return {offset + place for place in range(bits.bit_length()) if bits >> place & 1}
