"""Records that were done, or are somebody else's by now, are passed over."""

from topics.messages import Arrived, is_stale


def record(partition: int, offset: int) -> Arrived:
    return Arrived(partition, offset, b"key", b"value")


def test_what_lies_before_where_we_stand_was_done() -> None:
    assert is_stale(record(3, 6), {3: 7})
    assert not is_stale(record(3, 7), {3: 7})
    assert not is_stale(record(3, 8), {3: 7})


def test_what_is_on_a_partition_that_is_not_ours_is_not_for_us() -> None:
    assert is_stale(record(4, 100), {3: 7})
