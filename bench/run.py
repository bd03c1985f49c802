"""What one run of the bench is: its sizes, its services, and what several measures share."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bench.population import Population
from bench.progress import say
from bench.services import Services
from bench.stage import Staged, stage
from rejoinder.settings import load


@dataclass(frozen=True)
class Sizes:
    """How much is measured. The defaults are what is asked of the product; smaller ones show that it all works."""

    messages: int = 200_000
    """Customers' messages, of authors a seventh as many."""
    rounds: int = 3
    """Runs of which the median counts."""
    contacts: int = 1_000_000
    """With which a worker is started again."""
    long_contacts: int = 100_000
    """Over which a log ten times as long is read: at a million contacts it would have forty million events."""
    seconds: int = 60
    """For which messages are sent at a steady rate."""
    waiting: int = 50_000
    """Interactions in line."""


@dataclass
class Run:
    """The measures that were asked for, and what was found so far."""

    services: Services
    sizes: Sizes = field(default_factory=Sizes)
    found: dict[str, float] = field(default_factory=dict)
    """The values so far, by name, for those that are told against them."""
    _populations: dict[tuple[int, int], Population] = field(default_factory=dict)

    @cached_property
    def staged(self) -> Staged:
        """The messages on a topic, and all that they lead to."""
        return stage(self.services.bootstrap, "s.", self.sizes.messages)

    @property
    def environments(self) -> Path:
        """Where the peers' environments are kept from one run to the next."""
        return load().cache / "bench"

    def population(self, contacts: int, length: int = 1) -> Population:
        """So many contacts in a log of their own, `length` times as long as it has to be, with a worker's state."""
        known = self._populations.get((contacts, length))
        if known is None:
            services = self.services
            known = Population.make(services.bootstrap, services.folder, contacts, length)
            say(f"{contacts} contacts, {known.events} events: a worker read them in {known.read_in:.1f} s")
            self._populations[(contacts, length)] = known
        return known
