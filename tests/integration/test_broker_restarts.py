"""What a worker's clients do when Kafka's only broker dies and comes back."""

from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.brokers import brokers
from tests.processing import eventually
from topics import clients
from topics.broker import WatchedProducer
from topics.transactions import CALL_TIMEOUT, retrying

TOPIC = "restarts"


@pytest.mark.timeout(300)
def test_the_offsets_of_a_transaction_are_sent_after_the_only_broker_died(tmp_path: Path) -> None:
    """The client must still know where the group is coordinated, or ask again: else the call stands for ever."""
    with brokers(tmp_path / "kafka", 1) as kafka:
        admin = AdminClient(clients.admin(kafka.bootstrap))
        admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(30)
        gone: list[str] = []
        configuration = clients.transactional(kafka.bootstrap, TOPIC)
        producer = WatchedProducer({**configuration, "error_cb": lambda error: gone.append(error.name())})
        retrying(producer.init_transactions, CALL_TIMEOUT)
        consumer = Consumer(clients.reader(kafka.bootstrap, TOPIC))

        def transact(offset: int) -> None:
            producer.begin_transaction()
            producer.produce(TOPIC, b"", partition=0)
            assert producer.flush(30) == 0
            places = [TopicPartition(TOPIC, 0, offset)]
            retrying(producer.send_offsets_to_transaction, places, consumer.consumer_group_metadata(), CALL_TIMEOUT)
            retrying(producer.commit_transaction, CALL_TIMEOUT)

        transact(1)
        kafka.kill()
        eventually("the client sees that it is gone", lambda: producer.poll(0.1) >= 0 and "_ALL_BROKERS_DOWN" in gone)
        kafka.start()
        transact(2)
        assert [each.offset for each in consumer.committed([TopicPartition(TOPIC, 0)], 30)] == [2]
        consumer.close()
