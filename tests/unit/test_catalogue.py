"""The catalogue of topics."""

from topics import catalogue as names
from topics.catalogue import catalogue


def test_all_keyed_topics_have_the_same_number_of_partitions_and_those_that_are_one_order_have_one() -> None:
    counts = {topic.name: topic.partitions for topic in catalogue(partitions=8).topics.values()}
    ordered = (names.SCHEMAS, names.AUDIT_SEALS, names.AUDIT_WRITERS, names.AUDIT_READS)
    assert [counts.pop(each) for each in ordered] == [1, 1, 1, 1]
    assert set(counts.values()) == {8}


def test_events_are_kept_for_ever() -> None:
    for name in (names.INTERACTION_EVENTS, names.ROUTING_EVENTS):
        config = catalogue().topic(name).config
        assert (config["retention.ms"], config["retention.bytes"], config["cleanup.policy"]) == ("-1", "-1", "delete")


def test_what_holds_words_ends_within_a_month_or_can_be_erased_within_a_day() -> None:
    for name in (names.INTERACTION_COMMANDS, names.DELIVERY_COMMANDS, names.DEAD_LETTERS):
        assert 0 < int(catalogue().topic(name).config["retention.ms"]) <= 30 * names.DAY
    for name in (names.INTERACTION_CONTENT, names.INTERACTION_PROFILES):
        config = catalogue().topic(name).config
        assert config["cleanup.policy"] == "compact"
        assert int(config["max.compaction.lag.ms"]) <= 12 * names.HOUR


def test_time_stamps_are_never_those_of_the_broker() -> None:
    assert {topic.config["message.timestamp.type"] for topic in catalogue().topics.values()} == {"CreateTime"}


def test_a_prefix_stands_before_every_name() -> None:
    prefixed = catalogue(prefix="test-1.")
    assert all(name.startswith("test-1.") and topic.name == name for name, topic in prefixed.topics.items())
    assert prefixed.topic(names.POLICIES).name == prefixed.name(names.POLICIES) == "test-1.policies"


def test_with_three_replicas_two_have_to_have_a_record() -> None:
    wanted = {topic.config["min.insync.replicas"] for topic in catalogue(replication=3).topics.values()}
    assert wanted == {"2"}
    assert {topic.config["min.insync.replicas"] for topic in catalogue().topics.values()} == {"1"}
    wanted = {topic.config["min.insync.replicas"] for topic in catalogue(replication=5, min_insync=3).topics.values()}
    assert wanted == {"3"}
