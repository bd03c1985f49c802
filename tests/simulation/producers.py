"""A transactional producer of the simulated Kafka, with the methods of confluent_kafka's that Rejoinder calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from tests.simulation.consumers import Metadata, Read
from tests.simulation.kafka import Fenced, Kafka, Place, WrongState
from tests.simulation.scheduling import Killed, Process

LATE: Final = 15_000.0
"""How late what was sent may arrive, milliseconds: longer than a transaction may stand open."""

OnDelivery = Callable[[KafkaError | None, Any], None]


class Queued(NamedTuple):
    """A record that the client has and the broker has not."""

    place: Place
    key: bytes
    value: bytes | None
    on_delivery: OnDelivery | None


@dataclass
class Ending:
    """A commit or abort that was asked for. The outcome may never be known."""

    is_known: bool = False
    error: KafkaError | None = None


class SimulatedProducer:
    """One client."""

    def __init__(self, kafka: Kafka, process: Process, config: Mapping[str, Any]) -> None:
        self._kafka = kafka
        self._process = process
        self._name = str(config["transactional.id"])
        self._epoch = -1
        self._is_begun = False
        self._queue: list[Queued] = []
        self._acknowledged: list[Callable[[], None]] = []
        self._fatal: KafkaError | None = None
        self._abortable: KafkaError | None = None
        self._ending: Ending | None = None
        self._is_uncertain = False
        """Whether records may be on their way of which the client does not know what became."""

    def init_transactions(self, timeout: float = -1) -> None:
        self._call("init")
        self._epoch = self._kafka.init(self._name)
        self._until_marked(timeout)

    def begin_transaction(self) -> None:
        self._check()
        if self._is_begun:
            raise KafkaException(KafkaError(KafkaError._STATE, "a transaction is begun already"))
        self._is_begun, self._ending = True, None

    def produce(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes = b"",
        partition: int = -1,
        on_delivery: OnDelivery | None = None,
        headers: object = None,
    ) -> None:
        self._check()
        if not self._is_begun:
            raise KafkaException(KafkaError(KafkaError._STATE, "no transaction is begun"))
        self._queue.append(Queued((topic, partition), key, value, on_delivery))
        latest = self._kafka.writers[self._name].latest
        is_free = latest is None or not latest.decision or not latest.unmarked
        if is_free and self._kafka.scheduler.chance.random() < 0.05:
            self._send(len(self._queue))  # the client's own thread does not wait for a flush

    def poll(self, timeout: float = 0) -> int:
        return self._acknowledge()

    def flush(self, timeout: float = -1) -> int:
        """Sends what is queued. Gives how much was not acknowledged."""
        self._pass("flush")
        if self._queue and self._kafka.faults.happens("records late"):
            late, self._queue = self._queue, []
            when = self._kafka.scheduler.now + self._kafka.scheduler.chance.uniform(0, LATE)
            epoch = self._epoch
            self._kafka.scheduler.at(when, lambda: self._arrive(late, epoch))
            return len(late)
        self._until_marked(timeout)
        while self._queue and self._fatal is None:
            self._send(self._kafka.scheduler.chance.randint(1, len(self._queue)))
            self._acknowledge()
            if self._queue:
                self._pass("flush")
        self._acknowledge()
        return 0

    def send_offsets_to_transaction(
        self, positions: list[TopicPartition], metadata: Metadata, timeout: float = -1
    ) -> None:
        self._call("offsets sent")
        self._until_marked(timeout)
        group = self._kafka.group(metadata.group)
        refusal = group.refusal(metadata.generation, metadata.member_id, metadata.instance)
        if refusal is not None:
            stale = refusal == "ILLEGAL_GENERATION"
            self._kafka.faults.saw("stale generation refused" if stale else "zombie's offsets refused")
            latest = self._kafka.writers[self._name].latest
            if latest is not None and not latest.decision and any("snapshots" in topic for topic, _ in latest.places):
                self._kafka.faults.saw("checkpoint refused")
            raise self._to_abort(getattr(KafkaError, refusal), "the group refuses the offsets")
        offsets = {(each.topic, each.partition): (each.offset, each.metadata or "") for each in positions}
        self._at_broker(lambda: self._kafka.add_offsets(self._name, self._epoch, metadata.group, offsets))
        self._check()
        self._pass("offsets were sent")

    def commit_transaction(self, timeout: float = -1) -> None:
        """Asks for the commit. Asked again after a time-out, it goes on waiting for the same answer."""
        if self._ending is None:
            if self._queue and self.flush(timeout) > 0:
                # The client commits nothing before every record is acknowledged, and asks for another epoch, so that
                # those that come late after all are refused.
                self._is_uncertain = True
                raise self._to_abort(KafkaError._MSG_TIMED_OUT, "records were not acknowledged")
            self._call("commit")
            self._until_marked(timeout)
            self._ending = self._asked()
        else:
            self._pass("commit")
            self._check()
        ending = self._ending
        if not ending.is_known:
            self._wait(timeout, lambda: ending.is_known, "commit")
        if not ending.is_known:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "no answer to the commit", False, True))
        if ending.error is not None:
            self._fatal = ending.error
            raise KafkaException(ending.error)
        self._is_begun, self._ending = False, None

    def abort_transaction(self, timeout: float = -1) -> None:
        self._pass("abort")
        self._check(aborting=True)
        self._queue.clear()
        self._acknowledged.clear()
        self._until_marked(timeout)
        error = self._ended("aborted")
        if error is not None:
            self._fatal = error
            raise KafkaException(error)
        self._is_begun, self._abortable, self._ending = False, None, None
        if self._is_uncertain:
            self._epoch, self._is_uncertain = self._kafka.init(self._name), False
            self._until_marked(timeout)

    # --- inside ---

    def _asked(self) -> Ending:
        """Sends the commit. It may arrive at once, late or never, and so may its answer."""
        ending, faults, scheduler = Ending(), self._kafka.faults, self._kafka.scheduler
        epoch = self._epoch

        def arrive() -> None:
            ending.error = self._ended("committed", epoch)
            ending.is_known = True

        if faults.happens("commit lost"):
            return ending
        if faults.happens("commit late"):
            scheduler.at(scheduler.now + scheduler.chance.uniform(0, LATE), arrive)
        elif faults.happens("commit unknown"):
            self._ended("committed")
        else:
            arrive()
        return ending

    def _ended(self, decision: str, epoch: int | None = None) -> KafkaError | None:
        try:
            self._kafka.end(self._name, self._epoch if epoch is None else epoch, decision)
        except Fenced:
            return KafkaError(KafkaError._FENCED, "another producer has this transactional.id", True)
        except WrongState:
            if decision == "aborted":
                return None  # nothing was sent yet: there is nothing to abort
            return KafkaError(KafkaError.INVALID_TXN_STATE, "there is nothing to commit", True)
        return None

    def _send(self, count: int) -> None:
        """The first so many of the queue reach the broker, each partition's in their order."""
        sent, self._queue = self._queue[:count], self._queue[count:]
        for each in sent:
            self._at_broker(lambda each=each: self._store(each))  # type: ignore[misc]

    def _store(self, each: Queued) -> None:
        offset = self._kafka.write(self._name, self._epoch, each.place, each.key, each.value)
        told = each.on_delivery
        if told is not None:
            message = Read((*each.place, offset), (each.key, each.value), None)
            self._acknowledged.append(lambda: told(None, message))

    def _arrive(self, late: list[Queued], epoch: int) -> None:
        """What was given up arrives after all, if it still may."""
        writer = self._kafka.writers[self._name]
        latest = writer.latest
        if writer.epoch == epoch and latest is not None and not latest.decision and latest.epoch == epoch:
            for each in late:
                self._kafka.write(self._name, epoch, each.place, each.key, each.value)

    def _acknowledge(self) -> int:
        told, self._acknowledged = self._acknowledged, []
        for each in told:
            each()
        return len(told)

    def _at_broker(self, do: Callable[[], Any]) -> None:
        if self._fatal is not None:
            return
        try:
            do()
        except Fenced:
            self._fatal = KafkaError(KafkaError._FENCED, "another producer has this transactional.id", True)

    def _call(self, what: str) -> None:
        """A call that may fail in any of the three ways."""
        self._pass(what)
        self._check()
        faults = self._kafka.faults
        if faults.happens("retriable"):
            raise KafkaException(KafkaError(KafkaError.COORDINATOR_LOAD_IN_PROGRESS, "later", False, True))
        if what != "init" and faults.happens("aborted"):
            raise self._to_abort(KafkaError.OPERATION_NOT_ATTEMPTED, "the transaction has to be aborted")
        if faults.happens("fatal"):
            self._fatal = KafkaError(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, "the producer is of no use", True)
            raise KafkaException(self._fatal)

    def _to_abort(self, code: int, why: str) -> KafkaException:
        self._abortable = KafkaError(code, why, False, False, True)
        return KafkaException(self._abortable)

    def _check(self, aborting: bool = False) -> None:
        if self._process.is_dead:
            raise Killed
        if self._fatal is not None:
            raise KafkaException(self._fatal)
        if self._abortable is not None and not aborting:
            raise KafkaException(self._abortable)

    def _until_marked(self, timeout: float) -> None:
        """A new transaction begins when the one before has its marks; an open one is no obstacle."""
        latest = self._kafka.writers[self._name].latest
        if latest is None or not latest.decision or not latest.unmarked:
            return
        self._wait(timeout, lambda: not latest.unmarked, "marks")
        if latest.unmarked:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "the transaction before is not over", False, True))

    def _pass(self, what: str) -> None:
        self._wait(0, None, what)

    def _wait(self, seconds: float, until: Callable[[], bool] | None, at: str) -> None:
        if self._process.is_dead:
            raise Killed
        self._kafka.scheduler.wait(seconds, until, at)
