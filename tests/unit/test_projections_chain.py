"""The chain of digests, checked from the log alone."""

from projections.audit.chain import verify_chain
from tests.projection_log import Log, Person


def two_people() -> Log:
    log = Log()
    for number in (1, 2):
        person = Person(log, number)
        person.writes("Hello")
        person.resolved()
        person.queued()
    return log


def test_a_whole_log_has_no_fault() -> None:
    assert list(verify_chain(two_people().logged())) == []


def test_a_removed_event_is_a_gap() -> None:
    logged = two_people().logged()
    removed = next(i for i, record in enumerate(logged) if type(record.record).__name__ == "ContactCreated")
    faults = list(verify_chain(logged[:removed] + logged[removed + 1 :]))
    assert [fault.reason for fault in faults] == ["sequence 3 follows 1"]
    assert faults[0].offset == logged[removed].offset + 1


def test_a_changed_event_breaks_the_link_of_the_next() -> None:
    log = two_people()
    raw = next(raw for raw in log.records if raw.value and b"found" not in raw.value and b"created" in raw.value)
    assert raw.value is not None
    raw.value = raw.value.replace(b"created", b"creatid")
    (fault,) = verify_chain(log.logged())
    assert fault.reason == "event 4 names another event before it than the one that is there"


def test_an_event_written_twice_is_a_fault() -> None:
    logged = two_people().logged()
    assert [fault.reason for fault in verify_chain([*logged, logged[-1]])] == ["sequence 4 follows 4"]
