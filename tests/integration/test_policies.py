"""Policies on a real Kafka: who publishes at the same moment, or dies half-way, harms nobody."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import Producer

from engine.delivery import PolicyVersion
from engine.envelope import partition_of
from engine.interaction.commands import PublishPolicy
from engine.policy.document import Policy
from engine.policy.rules import encode
from rejoinder.cluster import Cluster
from rejoinder.policies import publish_policy
from tests.processing import POLICY, deployed
from topics import clients, policies
from topics.catalogue import INTERACTION_COMMANDS, POLICIES
from topics.reading import read_all

PUBLISHERS = 4


@pytest.fixture
def cluster(kafka: str, topic_prefix: str) -> Cluster:
    """With version 1 of a policy."""
    return deployed(kafka, topic_prefix)


def named(name: str) -> Policy:
    return Policy(name=name, accounts=POLICY.accounts, queues=POLICY.queues)


def versions(cluster: Cluster) -> list[PolicyVersion]:
    return policies.versions(cluster.broker, cluster.catalogue, cluster.codec)


def told(cluster: Cluster) -> dict[int, list[tuple[int, bytes]]]:
    """The versions that each partition of commands was told, in their order."""
    topic = cluster.catalogue.topic(INTERACTION_COMMANDS)
    found: dict[int, list[tuple[int, bytes]]] = {each: [] for each in range(topic.partitions)}
    for record in read_all(cluster.broker, topic.name, range(topic.partitions), "told"):
        command = cluster.codec.decode(record.value or b"")
        assert isinstance(command, PublishPolicy)
        found[record.partition].append((command.version, command.document))
    return found


def test_those_who_publish_at_the_same_moment_get_versions_of_their_own(cluster: Cluster) -> None:
    wanted = [named(f"policy {number}") for number in range(PUBLISHERS)]
    with ThreadPoolExecutor(PUBLISHERS) as threads:
        given = list(threads.map(lambda policy: publish_policy(cluster, policy, "somebody"), wanted))
    assert all(is_new for _, is_new in given)
    assert sorted(version.version for version, _ in given) == list(range(2, PUBLISHERS + 2))
    kept = versions(cluster)
    assert [each.version for each in kept] == list(range(1, PUBLISHERS + 2))
    assert {each.document for each in kept[1:]} == set(map(encode, wanted))
    everywhere = [(each.version, each.document) for each in kept]
    assert all(each == everywhere for each in told(cluster).values())


def test_the_same_policy_again_is_no_new_version_and_is_told_again(cluster: Cluster) -> None:
    version, is_new = publish_policy(cluster, POLICY, "somebody")
    assert (version.version, is_new, len(versions(cluster))) == (1, False, 1)
    assert all([number for number, _ in each] == [1, 1] for each in told(cluster).values())


def test_what_a_publisher_left_open_when_it_died_is_in_force_nowhere(cluster: Cluster) -> None:
    name = cluster.catalogue.name(POLICIES)
    topic = cluster.catalogue.topic(POLICIES)
    dead = Producer(clients.transactional(cluster.bootstrap, f"rejoinder-publisher-{name}"))
    dead.init_transactions(10)
    dead.begin_transaction()
    half = PolicyVersion(version=2, document=encode(named("half")), published_at=0, published_by="nobody")
    dead.produce(name, cluster.codec.encode(half), b"2", partition_of("2", topic.partitions))
    assert dead.flush(10) == 0
    version, is_new = publish_policy(cluster, named("whole"), "somebody")
    assert (version.version, is_new) == (2, True)
    assert [each.document for each in versions(cluster)] == [encode(POLICY), encode(named("whole"))]
