"""What must hold once nothing goes wrong any more and all is done: states, tables and posts are as the log says."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from engine.decider import Decider
from engine.interaction import events as e
from engine.interaction.decider import InteractionDecider
from engine.interaction.state import Interaction
from engine.routing.decider import RoutingDecider
from engine.routing.state import Agent, Offer, Place, Request, Reservation, Slot
from projections.builds import Build
from projections.catalogue import PROJECTIONS
from projections.records import KNOWN, read
from projections.writer import Writer
from tests.simulation.again import check_again
from tests.simulation.broker import CATALOGUE, PARTITIONS, RULES, Broker
from tests.simulation.checker import Violation
from tests.simulation.database import Database
from tests.simulation.restored import SHAPE, Rows, difference, rows_of
from tests.simulation.scheduling import Process, Task
from tests.simulation.sealed import check_seals
from tests.unit.builders import codec
from topics.deciding import Deciding
from topics.restoring import Log, restore
from topics.shelves import MemoryShelf

if TYPE_CHECKING:
    from tests.simulation.world import World


def check_at_rest(world: "World") -> None:
    """Raises Violation."""
    world.checker.check_at_rest()
    _check_platform(world)
    _check_read(world)
    check_seals(world)
    check_again(world)
    _check_states(world)
    _check_tables(world)


def _check_platform(world: "World") -> None:
    """No answer is posted twice, and what is said of each is true."""
    posts = Counter(post.deliver.delivery_id for post in world.platform.posts)
    for delivery_id, count in posts.items():
        if count > 1:
            raise Violation(f"answer {delivery_id} was posted {count} times")
    for delivery_id, event in world.checker.settled.items():
        if isinstance(event, e.Replied) and not posts[delivery_id]:
            raise Violation(f"answer {delivery_id} counts as posted, and is not there")
        if isinstance(event, e.ReplyFailed) and posts[delivery_id]:
            raise Violation(f"answer {delivery_id} counts as failed ({event.reason}), and is there")


def _check_read(world: "World") -> None:
    """Every group has read all there is."""
    for name in ("interaction.processor", "routing.processor", "delivery.worker"):
        topic = "delivery.commands" if name == "delivery.worker" else name.replace("processor", "commands")
        group = world.kafka.group(name)
        for number in range(PARTITIONS):
            partition = world.kafka.partitions[topic, number]
            read_to = group.offsets.get((topic, number), (0, ""))[0]
            left = [at for at in range(read_to, len(partition.records)) if partition.is_shown(at)]
            if left or partition.open:
                raise Violation(f"{name} never read {topic}[{number}] from {read_to} on")


def _check_states(world: "World") -> None:
    """The rows of whoever owns a partition are those that the log gives, and the two deciders say the same."""
    deciders: tuple[Decider, ...] = (InteractionDecider(), RoutingDecider())
    found: list[Rows] = []
    for decider in deciders:
        rows: Rows = {}
        for partition in range(PARTITIONS):
            from_the_log = _restored(world, decider, partition)
            owner = world.kafka.group(f"{decider.name}.processor").owner[f"{decider.name}.commands", partition]
            kept = _rows(world.disk.shelf(f"{decider.name}-{owner.rpartition('-')[2]}", partition))
            world.kafka.compact((f"{decider.name}.snapshots", partition), tombstones=True)
            from_the_snapshot = _restored(world, decider, partition, f"{decider.name}.snapshots")
            for what, there in {"state": kept, "snapshot": from_the_snapshot}.items():
                if there != from_the_log:
                    wrong = difference(there, from_the_log)
                    raise Violation(f"{decider.name}'s {what} of partition {partition}: {wrong}")
            rows |= from_the_log
        found.append(rows)
    for name, row in _of_all(found[0], Interaction):
        if row.state != "dispositioned":
            raise Violation(f"interaction {name} is {row.state}, and nobody does anything about it")
    for name, row in _of_all(found[1], Agent):
        if row.used:
            raise Violation(f"{row.used} of the capacity of {name} is leaked")
    for kind in (Offer, Place, Request, Reservation, Slot):
        for name, _ in _of_all(found[1], kind):
            raise Violation(f"routing keeps a {kind.__name__} for nobody: {name}")


def _of_all(rows: Rows, kind: type[Any]) -> Iterator[tuple[str, Any]]:
    for each in rows.values():
        yield from ((row_id, row) for (_, row_id), row in each.items() if isinstance(row, kind))


def _restored(world: "World", decider: Decider, partition: int, snapshots: str | None = None) -> Rows:
    """What a worker without a shelf would have, with a snapshot or without."""
    shelf = MemoryShelf(SHAPE)
    process = Process("checker")
    events, commands = f"{decider.name}.events", f"{decider.name}.commands"
    apart = (f"{decider.name}.{kept}" for kept in ("content", "profiles"))
    content, profiles = (name if name in CATALOGUE.topics else None for name in apart)
    log = Log(
        Broker(world.kafka, process), "simulated", events, content, commands, profiles=profiles, snapshots=snapshots
    )
    failures: list[BaseException] = []

    def work() -> None:
        deciding = Deciding(decider, codec(), partition, dict(RULES), world.scheduler.wall, shelf=shelf)
        restore({partition: deciding}, codec(), log)

    task = world.scheduler.start(process, "restoring", work)
    _run(world, task)
    failures += [task.failure] if task.failure is not None else []
    if failures:
        raise Violation(f"{decider.name}'s state can't be restored: {failures[0]!r}") from failures[0]
    return _rows(shelf)


def _run(world: "World", task: Task) -> None:
    """One task alone."""
    while not task.greenlet.dead:
        world.scheduler.now = max(world.scheduler.now, task.wake)
        world.scheduler.resume(task)


def _rows(shelf: MemoryShelf) -> Rows:
    return rows_of(shelf, words=True)


def _check_tables(world: "World") -> None:
    """The tables are those that one fold of the whole log gives."""
    database = Database(world.faults, lambda what: None)
    connection: Any = database.connect()
    writer = Writer(connection, [Build(projection, 1) for projection in PROJECTIONS])
    places = [(topic, number) for topic in KNOWN for number in range(PARTITIONS)]
    writer.claim(places)
    for place in places:
        partition = world.kafka.partitions[place]
        shown = [at for at in range(len(partition.records)) if partition.is_shown(at)]
        stored = [(at, partition.records[at]) for at in shown]
        batch = [read(*place, at, record.key, record.value, codec()) for at, record in stored]
        writer.write(batch, {place: len(partition.records)})
    for table in sorted({*database.tables, *world.database.tables}):
        wanted, found = database.tables.get(table, {}), world.database.tables.get(table, {})
        for key in sorted({*wanted, *found}, key=str):
            if wanted.get(key) != found.get(key):
                raise Violation(f"{table} {key} is {found.get(key)}, by the log {wanted.get(key)}")
