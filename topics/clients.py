"""The configurations of all Kafka clients, each setting with its reason.

A time-out in the client always ends before the one in the broker that depends on it: a producer gives a record up
(message.timeout.ms) before its transaction is (transaction.timeout.ms).
"""

from typing import Final

from topics.catalogue import MAX_RECORD

Config = dict[str, str | int | float | bool]

ASK_TIMEOUT: Final = 7.0
"""How long a request may take before the cluster counts as out of reach, seconds."""

MAKE_TIMEOUT: Final = 30.0
"""How long a cluster that answers may take to make topics, seconds: one that has just started, on a busy machine, takes
longer for the first ones than for anything later."""

MESSAGE_TIMEOUT: Final = 8_000
"""How long a record may wait for its acknowledgement, milliseconds."""

TRANSACTION_TIMEOUT: Final = 10_000
"""How long the broker lets a transaction stand open, milliseconds. While one does, every read_committed reader
waits, so that this is also how long a killed process can hold the others up."""

SESSION_TIMEOUT: Final = 10_000
"""How long a consumer may be silent before its partitions are given to others, milliseconds."""

MAX_POLL: Final = 600_000
"""How long a consumer may work on one batch, or on reading its state back, milliseconds."""


def common(bootstrap: str, client_id: str) -> Config:
    """What every client has. client_id shows in the broker's logs and metrics."""
    return {
        "bootstrap.servers": bootstrap,
        "client.id": client_id,
        # A broker that starts on the same machine is there in seconds: don't let pauses grow to the default 10 s.
        "reconnect.backoff.max.ms": 1_000,
        "socket.keepalive.enable": True,
        # "Bootstrapping again" forgets all brokers once none answers, and with them who coordinates the group:
        # a call that waits for that coordinator then stands for ever (librdkafka's issues 5456 and 5511).
        "metadata.recovery.strategy": "none",
        # Errors reach the caller through the call that failed; librdkafka's own lines on stderr say them twice.
        "log_level": 2,
    }


def admin(bootstrap: str, client_id: str = "rejoinder-admin", patience: float = ASK_TIMEOUT) -> Config:
    """For creating and describing topics. patience: how long any of its requests may take, seconds."""
    return common(bootstrap, client_id) | {"socket.timeout.ms": int(patience * 1000)}


def consumer(bootstrap: str, group: str, instance: str | None = None, client_id: str | None = None) -> Config:
    """For a reader in a group. Offsets are never committed behind its back.

    instance: a name that is the same after a restart; with it a killed process is back in its group in a tenth of
    a second, without it after the session's time-out and a rebalance.
    """
    config = (
        common(bootstrap, client_id or instance or group)
        | _reading()
        | {
            "group.id": group,
            "session.timeout.ms": SESSION_TIMEOUT,
            "heartbeat.interval.ms": SESSION_TIMEOUT // 4,
            "max.poll.interval.ms": MAX_POLL,
            # Partitions that stay are not taken away for a moment when others move.
            "partition.assignment.strategy": "cooperative-sticky",
        }
    )
    return config | {"group.instance.id": instance} if instance else config


def reader(bootstrap: str, client_id: str, isolation: str = "read_committed") -> Config:
    """For a reader that assigns itself its partitions and keeps its own offsets; group.id is only demanded."""
    return common(bootstrap, client_id) | _reading() | {"group.id": f"{client_id}-reads", "isolation.level": isolation}


def producer(bootstrap: str, client_id: str, linger: float = 2) -> Config:
    """For a writer outside a transaction: durable, in order, without repeats by its own retries.

    linger: how long a record waits for others to share its batch, milliseconds.
    """
    return common(bootstrap, client_id) | _writing() | {"linger.ms": linger}


def transactional(bootstrap: str, transactional_id: str, linger: float = 5) -> Config:
    """For a writer of transactions. A second one with the same id fences the first off.

    linger: a transaction's records come in one go and its commit flushes them, so that waiting costs nothing.
    """
    return (
        common(bootstrap, transactional_id)
        | _writing()
        | {
            "transactional.id": transactional_id,
            "transaction.timeout.ms": TRANSACTION_TIMEOUT,
            "linger.ms": linger,
        }
    )


def _reading() -> Config:
    return {
        # Records of aborted transactions never happened.
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        # Without a position: from the beginning. Nothing may be skipped.
        "auto.offset.reset": "earliest",
        # Answer as soon as there is a record, and look again soon when there is none: latency counts more here
        # than the broker's rest.
        "fetch.min.bytes": 1,
        "fetch.wait.max.ms": 100,
        "fetch.error.backoff.ms": 100,
        "fetch.message.max.bytes": MAX_RECORD,
        # How much is kept ready in memory, for all partitions together, KiB.
        "queued.max.messages.kbytes": 32 * 1024,
    }


def _writing() -> Config:
    return {
        # acks=all, at most 5 requests in flight and retries without a change of order follow from it.
        "enable.idempotence": True,
        "acks": "all",
        "message.timeout.ms": MESSAGE_TIMEOUT,
        "message.max.bytes": MAX_RECORD,
        "compression.type": "lz4",
        "queue.buffering.max.messages": 500_000,
        "queue.buffering.max.kbytes": 256 * 1024,
    }
