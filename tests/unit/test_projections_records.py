"""Records of the log that can't be projected stop the projector, with position and reason."""

import pytest

from engine.interaction.events import Words
from engine.routing.events import AgentStateChanged
from projections.errors import UnknownEvent, UnreadableRecord
from projections.records import INTERACTION_CONTENT, INTERACTION_EVENTS, INTERACTION_PROFILES, read
from rejoinder.schema_files import record_types, schema_of
from schemas.codec import Codec
from tests.projection_log import Log, Person, codec


def test_a_truncated_record_is_named_with_its_position() -> None:
    log = Log()
    Person(log).writes("Hello")
    value = log.records[1].value
    assert value is not None
    with pytest.raises(UnreadableRecord, match=r"interaction\.events\[3\]@17 .*MessageReceived"):
        read(INTERACTION_EVENTS, 3, 17, b"key", value[:-1], log.codec)


def test_an_event_of_a_type_newer_than_the_code_is_named_as_such() -> None:
    types = record_types()
    schemas = {name: schema_of(record) for name, record in types.items()}
    value = codec().encode(Words(text="a", salt=b"s"))
    older = dict(types)
    del older["rejoinder.interaction.events.Words"]
    registered = dict(enumerate((schemas[name] for name in sorted(types)), start=1))
    with pytest.raises(UnknownEvent, match=r"interaction\.content\[0\]@5 .*newer than the code"):
        read(INTERACTION_CONTENT, 0, 5, b"key", value, Codec(older, schemas, registered))


def test_an_event_of_another_topic_has_no_place_here() -> None:
    known = codec()
    value = known.encode(AgentStateChanged(agent_id="a", agent_state="ready", why="asked"))
    with pytest.raises(UnknownEvent, match="AgentStateChanged"):
        read(INTERACTION_EVENTS, 0, 0, b"key", value, known)


@pytest.mark.parametrize("key", [None, b"", b"\xff"])
def test_a_record_without_a_readable_key_is_refused(key: bytes | None) -> None:
    with pytest.raises(UnreadableRecord, match="key"):
        read(INTERACTION_EVENTS, 0, 0, key, b"", codec())


def test_only_words_and_names_have_tombstones() -> None:
    assert read(INTERACTION_CONTENT, 0, 0, b"home:m:1", None, codec()).record is None
    assert read(INTERACTION_PROFILES, 0, 0, b"home:p", None, codec()).record is None
    with pytest.raises(UnreadableRecord, match="tombstone"):
        read(INTERACTION_EVENTS, 0, 0, b"home", None, codec())
