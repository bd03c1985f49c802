"""What a match costs where few wait, and where a hundred times as many do."""

import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.measure import BenchFailed, Measure
from bench.progress import say
from bench.run import Run
from bench.stage import still_clock, undisturbed
from engine.envelope import derive
from engine.interaction.commands import Reserve
from engine.record import Command
from engine.routing import commands as c
from engine.routing.decider import RoutingDecider
from rejoinder.programs.engine import state_folder
from rejoinder.schema_files import record_types
from schemas import files
from schemas.codec import Codec
from topics.deciding import Deciding, Input

AGENTS: Final = 1_000
SKILLS: Final = 50
KNOWN: Final = 2
"""Skills of each agent."""
FEWER: Final = 100
"""How many times fewer wait where it is to cost as much."""
MATCHES: Final = 1_000
COMMIT_EVERY: Final = 100
POOL: Final = "main"


@dataclass
class Hall:
    """A pool with all agents busy and so many interactions in line, on a state in RocksDB."""

    deciding: Deciding
    codec: Codec
    chance: random.Random
    busy: list[tuple[str, str]] = field(default_factory=list)
    """Agents with what they work on."""
    numbers: Iterator[int] = field(default_factory=count)

    def tell(self, kind: type[Command], **fields: Any) -> list[Reserve]:
        """Decides a command; gives the offers that it led to."""
        number = next(self.numbers)
        command = kind(command_id=derive("bench", number), at=still_clock(), **fields)
        outputs = self.deciding.command(POOL, command, Input("routing.commands", 0, number))
        if number % COMMIT_EVERY == 0:
            self.deciding.state.commit()
        records = (self.codec.decode(output.value) for output in outputs if output.value is not None)
        return [record for record in records if isinstance(record, Reserve)]

    def ask(self) -> list[Reserve]:
        """Somebody waits for one of the skills."""
        number = next(self.numbers)
        return self.tell(
            c.RequestAgent,
            interaction_id=f"{derive('home', number)}.1",
            request_id=derive("request", number),
            queue="care",
            skills=[f"skill{self.chance.randrange(SKILLS):02d}"],
            priority=0,
            waiting_since=still_clock() + number,
        )

    def fill(self, waiting: int) -> None:
        """Agents come and get work, and then a line stands."""
        for number in range(AGENTS):
            agent = f"agent{number:04d}"
            skills = [f"skill{(number + each * 7) % SKILLS:02d}" for each in range(KNOWN)]
            self.tell(c.RegisterAgent, agent_id=agent, skills=skills, groups=[], capacity=1)
            self.tell(c.SetAgentState, agent_id=agent, state="ready")
        while len(self.busy) < AGENTS:
            self.take(self.ask())
        for _ in range(waiting - 1):
            self.ask()

    def take(self, offers: list[Reserve]) -> None:
        """Who was offered something accepts it."""
        for offer in offers:
            self.tell(c.ConfirmReservation, reservation_id=offer.reservation_id)
            self.busy.append((offer.agent_id, offer.interaction_id))

    def match(self) -> list[Reserve]:
        """An agent is done, gets the next, and accepts it."""
        agent, interaction = self.busy.pop(self.chance.randrange(len(self.busy)))
        offers = self.tell(c.FreeSlot, interaction_id=interaction, agent_id=agent)
        self.take(offers)
        return offers


def measure(run: Run) -> Iterator[Measure]:
    """Both lines in turns; a match is a slot that is freed, the offer that follows, and its acceptance."""
    long = run.sizes.waiting
    short = max(1, long // FEWER)
    costs: dict[int, list[float]] = {short: [], long: []}
    for number in range(run.sizes.rounds):
        for waiting in (short, long) if number % 2 == 0 else (long, short):
            costs[waiting].append(_cost(waiting))
            say(f"round {number + 1}: {waiting} waiting, {costs[waiting][-1]:.0f} µs a match")
    value, other = median(costs[long]), median(costs[short])
    detail = {"agents": AGENTS, "skills": SKILLS, "matches": MATCHES, "events_a_match": 3}
    for name, waiting, ratio in (("routing", long, round(value / other, 2)), ("routing_short_line", short, None)):
        told = {"waiting": waiting, "rounds": [round(each, 1) for each in costs[waiting]], **detail}
        against = None if ratio is None else "routing_short_line"
        yield Measure(name, round(median(costs[waiting]), 1), "µs/match", ratio, against, told)


def _cost(waiting: int) -> float:
    """Microseconds a match. As many come into the line as leave it, which does not count."""
    decider, codec = RoutingDecider(), Codec.local(record_types(), files.current())
    with (
        tempfile.TemporaryDirectory(prefix="rejoinder-bench-") as above,
        closing(state_folder(Path(above), decider, "bench")) as folder,
    ):
        deciding = Deciding(decider, codec, 0, {}, still_clock, shelf=folder.shelf(0))
        hall = Hall(deciding, codec, random.Random(1))
        hall.fill(waiting)
        deciding.state.commit()
        spent = 0.0
        with undisturbed():
            for _ in range(MATCHES):
                hall.take(hall.ask())
                began = time.perf_counter()
                offers = hall.match()
                spent += time.perf_counter() - began
                if not offers and waiting >= SKILLS * FEWER:
                    raise BenchFailed("an agent was done, and got nothing from a long line")
        return spent / MATCHES * 1e6
