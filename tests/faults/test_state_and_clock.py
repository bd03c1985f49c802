"""A disk that is full, a clock that jumps, records that nobody can read, and a state that is not that of the log."""

import shutil
import subprocess
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer

from engine.decider import Decider
from engine.interaction import events as e
from engine.interaction.commands import LoseAgent
from engine.interaction.decider import InteractionDecider
from engine.record import Event
from engine.routing.decider import RoutingDecider
from engine.rows import Row
from rejoinder.cluster import wall_clock
from rejoinder.programs.engine import state_folder
from tests.faults.conftest import Fault
from tests.faults.running import PARTITIONS, Running, Worker, eventually, running
from tests.faults.worker import Orders
from tests.processing import message, setup
from topics import clients
from topics.deciding import Deciding
from topics.restoring import Log, restore
from topics.shelves import MemoryShelf

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

DECIDERS: tuple[Decider, ...] = (InteractionDecider(), RoutingDecider())
DISK = "8m"
FILE_BYTES = 150_000
HOUR = 3_600_000
JUMPS = (HOUR, 0, -HOUR, 0)
STEADY_SECONDS = 5.0


def mounted(folder: Path) -> bool:
    """Whether a small file system of its own could be put there, which takes root."""
    folder.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def unmount(folder: Path) -> None:
    """Takes it away, even if something there is still open."""
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.fault("disk full under the state")
def test_the_disk_of_the_state_is_full(
    kafka: str, database: str, topic_prefix: str, tmp_path: Path, fault: Fault
) -> None:
    """It ends, and says so; once there is room again it goes on from what lies there and the log."""
    with ExitStack() as stack:
        state = tmp_path / "state"
        is_own = mounted(state)
        if is_own:
            stack.callback(unmount, state)
        fault.how = f"tmpfs of {DISK}" if is_own else f"RLIMIT_FSIZE of {FILE_BYTES} bytes"
        run = stack.enter_context(running(kafka, topic_prefix, tmp_path, fault.seed, dsn=database))
        fault.injected += 1
        if is_own:
            worker = run.worker()
            run.goes_on()
            ballast = state / "ballast"
            fill(ballast)
            eventually("it ends, and does so again", lambda: len(worker.codes) >= 2)
            ballast.unlink()
        else:
            worker = run.worker("1", lambda start: limited(run.orders, start))
            eventually("it ends", lambda: len(worker.codes) >= 1)
        fault.reached = worker.said("the state can't be written") + worker.said("can't be opened")
        assert worker.said("\nException: ") == 0, "a library's error is no answer to what to do"
        run.goes_on()
        run.rest()
        fault.over(run.check())


def fill(ballast: Path) -> None:
    """Takes all the room that there is."""
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"0" * 4096)


def limited(orders: Orders, start: int) -> Orders:
    """The first start may write only small files."""
    return msgspec.structs.replace(orders, file_bytes=FILE_BYTES) if start == 0 else orders


@pytest.mark.fault("the clock jumps by an hour, there and back")
def test_the_clock_jumps(kafka: str, database: str, topic_prefix: str, tmp_path: Path, fault: Fault) -> None:
    clock = tmp_path / "clock"
    clock.write_text("0")
    with running(kafka, topic_prefix, tmp_path, fault.seed, dsn=database) as run:
        run.worker(clock=str(clock))
        run.goes_on()
        for jump in JUMPS:
            fault.injected += jump != 0
            (tmp_path / "next").write_text(str(jump))
            (tmp_path / "next").replace(clock)
            run.goes_on()
            time.sleep(STEADY_SECONDS)
        run.rest()
        violations = run.check()
        now = wall_clock()
        ahead = [_decided(entry.record) - now for entry in run.run.events]
        fault.reached = any(each > HOUR / 2 for each in ahead) + any(each < -HOUR / 2 for each in ahead)
        fault.over(violations)


def _decided(event: object) -> int:
    assert isinstance(event, Event)
    return event.decided_at


@pytest.mark.fault("records that can't be read or decided")
def test_poison(kafka: str, database: str, topic_prefix: str, tmp_path: Path, fault: Fault) -> None:
    with running(kafka, topic_prefix, tmp_path, fault.seed, dsn=database) as run:
        run.worker()
        run.goes_on()
        encode = run.cluster.codec.encode
        good = message(10**6, 1)
        assert good.record is not None
        unknown = LoseAgent(command_id="nobody", at=0, interaction_id="0.1", reservation_id="r", agent_id="a")
        poison: list[tuple[bytes | None, bytes | None]] = [
            (b"key", b"not avro at all"),
            (b"key", b"\x00\x00\x00\xff\xff rest"),
            (b"key", encode(good.record)[:40]),
            (b"key", b""),
            (b"key", None),
            (b"key", encode(e.Words(text="no command", salt=b"0"))),
            (b"\xff\xfe", encode(good.record)),
            (b"0", encode(unknown)),
        ]
        producer = Producer(clients.producer(kafka, "poison"))
        for decider in ("interaction", "routing"):
            for number, (key, value) in enumerate(poison):
                producer.produce(run.cluster.catalogue.name(f"{decider}.commands"), value, key, number % PARTITIONS)
                fault.injected += 1
        assert producer.flush(30) == 0
        run.goes_on()
        run.rest()
        violations = run.check()
        fault.reached = len(run.run.dead_letters)
        fault.over(violations)


@pytest.mark.fault("a state that is behind, ahead of, or foreign to the log")
def test_a_state_that_is_not_that_of_the_log(
    kafka: str, database: str, topic_prefix: str, tmp_path: Path, fault: Fault
) -> None:
    state, old = tmp_path / "state", tmp_path / "old"
    with running(kafka, topic_prefix, tmp_path, fault.seed, dsn=database) as run:
        worker = steady(run, run.worker())
        run.take_away(worker)
        shutil.copytree(state, old)
        worker = steady(run, run.worker())
        for wrong in ("behind", "ahead", "another digest", "another cluster"):
            run.take_away(worker)
            fault.injected += 1
            if wrong == "behind":
                shutil.rmtree(state)
                shutil.move(old, state)
            else:
                move(state, wrong)
            worker = steady(run, run.worker())
        fault.reached = 2 + min(2, worker.said("the state is of another log"))  # of the others the rows tell
        run.rest()
        violations = run.check()
        run.take_away(worker)
        for decider in DECIDERS:
            assert in_folder(state, decider) == from_the_log(run, decider)
        fault.over(violations)


def steady(run: Running, worker: Worker) -> Worker:
    """A worker that has worked for a while."""
    run.goes_on()
    time.sleep(STEADY_SECONDS)
    return worker


def move(state: Path, wrong: str) -> None:
    """The state says that it reflects something else than it does."""
    for decider in DECIDERS:
        with closing(state_folder(state, decider, "1")) as folder:
            for partition in range(PARTITIONS):
                shelf = folder.shelf(partition)
                position = shelf.position()
                if position is None or position.event_offset < 0:
                    continue
                changed = {
                    "ahead": msgspec.structs.replace(position, event_offset=position.event_offset + 10_000),
                    "another digest": msgspec.structs.replace(position, digest=b"0" * 32),
                    "another cluster": msgspec.structs.replace(position, cluster="elsewhere"),
                }
                shelf.write([], changed[wrong])


AllRows = dict[str, list[tuple[str, Row]]]


def in_folder(state: Path, decider: Decider) -> AllRows:
    """Every row as it lies there."""
    found: AllRows = {}
    with closing(state_folder(state, decider, "1")) as folder:
        for partition in range(PARTITIONS):
            shelf = folder.shelf(partition)
            found |= {key: _sorted(list(shelf.all(key))) for key in shelf.all_keys()}
    return found


def from_the_log(run: Running, decider: Decider) -> AllRows:
    """Every row as the log gives it."""
    found: AllRows = {}
    given, catalogue = setup(run.cluster, decider, "x"), run.cluster.catalogue
    content, profiles = (catalogue.name(f"{decider.name}.{kept}") for kept in ("content", "profiles"))
    log = Log(
        run.cluster.broker,
        "any",
        catalogue.name(f"{decider.name}.events"),
        content if content in catalogue.topics else None,
        catalogue.name(f"{decider.name}.commands"),
        profiles=profiles if profiles in catalogue.topics else None,
    )
    for partition in range(PARTITIONS):
        deciding = Deciding(decider, given.codec, partition, given.policies, given.clock, shelf=MemoryShelf())
        restore({partition: deciding}, run.cluster.codec, log)
        found |= {rows.key: _sorted(every) for rows in deciding.state.all() if (every := list(rows.all()))}
    return found


def _sorted(rows: list[tuple[str, Row]]) -> list[tuple[str, Row]]:
    return sorted(rows, key=lambda entry: (type(entry[1]).__name__, entry[0]))
