"""CloudEvents' attributes."""

from engine.delivery import AttemptBegun, DeadLetter
from engine.interaction.commands import AdvanceTime
from engine.interaction.events import Dispositioned, Words
from engine.record import Record
from topics.headers import CloudEvents, identifier, rfc3339

AT = 1_507_023_134_007


def headers(record: Record, key: str = "key") -> dict[str, object]:
    return dict(CloudEvents("/rejoinder/test", lambda kind: f"test.{kind.__name__}").headers(record, key))


def test_an_event_carries_the_required_attributes() -> None:
    assert headers(Dispositioned(code="resolved", event_id="e1", occurred_at=AT)) == {
        "content-type": b"avro/binary",
        "ce_specversion": b"1.0",
        "ce_type": b"test.Dispositioned",
        "ce_source": b"/rejoinder/test",
        "ce_id": b"e1",
        "ce_time": b"2017-10-03T09:32:14.007Z",
    }


def test_words_have_the_content_id_and_no_time() -> None:
    found = headers(Words(text="hello", salt=b""), "home:m:1")
    assert found["ce_id"] == b"home:m:1"
    assert "ce_time" not in found


def test_each_kind_of_record_has_an_id_of_its_own() -> None:
    assert identifier(AdvanceTime(command_id="c1", at=AT), "~1") == "c1"
    assert identifier(AttemptBegun(delivery_id="d", attempt=2, account="x:1", begun_at=AT), "d") == "d.2"
    letter = DeadLetter(source_topic="t", source_partition=3, source_offset=9, code="malformed", reason="", at=AT)
    assert identifier(letter, "k") == "t-3@9"


def test_the_time_is_written_with_milliseconds_also_before_1970() -> None:
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"
    assert rfc3339(-1) == "1969-12-31T23:59:59.999Z"
