"""A batch of records, read while partitions move."""

from typing import Any

from topics.messages import Arrived, gather


class Record:
    def __init__(self, partition: int, offset: int) -> None:
        self._place = partition, offset

    def partition(self) -> int:
        return self._place[0]

    def offset(self) -> int:
        return self._place[1]

    def key(self) -> bytes:
        return b""

    def value(self) -> bytes:
        return b""

    def error(self) -> None:
        return None


class Moving:
    """Gives one record, and then others; partition 0 is lost and comes back between the two."""

    def __init__(self, taken: set[int], first: Record, *others: Record) -> None:
        self._taken = taken
        self._reads = [[first], list(others)]

    def consume(self, num_messages: int, timeout: float) -> list[Record]:
        read = self._reads.pop(0)
        if not self._reads:
            self._taken.add(0)
        return read


def gathered(first: Record, *others: Record) -> list[Arrived]:
    taken = {0, 1}  # what came before the batch is no matter
    consumer: Any = Moving(taken, first, *others)
    return gather(consumer, 0.1, 0.1, 10, taken=taken)


def test_what_was_read_before_its_partition_came_anew_is_read_again_in_its_order() -> None:
    records = gathered(Record(0, 2), Record(0, 0), Record(0, 2))
    assert [(record.partition, record.offset) for record in records] == [(0, 0), (0, 2)]


def test_nothing_is_left_of_it_where_it_has_not_come_again_yet() -> None:
    assert gathered(Record(0, 2)) == []


def test_what_was_read_of_a_partition_that_stayed_is_kept() -> None:
    records = gathered(Record(1, 5), Record(0, 0))
    assert [(record.partition, record.offset) for record in records] == [(1, 5), (0, 0)]
