"""A group of consumers, as its coordinator sees it: static members, generations, and who owns which partition.

Cooperative: a partition that is to move is taken from its owner first, and given to the next when that let it go.
Eager: before partitions are given out anew, every member lets go of all. A member that is silent longer than the
session's time-out is no member any more; one that begins anew under the same name replaces the one before it, without
a new generation.
"""

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.simulation.faults import Faults
from tests.simulation.scheduling import Scheduler
from topics.clients import SESSION_TIMEOUT

if TYPE_CHECKING:
    from tests.simulation.consumers import SimulatedConsumer

Place = tuple[str, int]


@dataclass
class Member:
    """One of a group. Its id is new whenever its client is."""

    member_id: str
    consumer: "SimulatedConsumer"


@dataclass
class Group:
    """The state of one group."""

    name: str
    scheduler: Scheduler
    faults: Faults
    is_eager: bool
    places: list[Place] = field(default_factory=list)
    members: dict[str, Member] = field(default_factory=dict)
    generation: int = 0
    target: dict[Place, str] = field(default_factory=dict)
    """Who is to own each partition."""
    owner: dict[Place, str] = field(default_factory=dict)
    """Who owns it."""
    waited_for: set[str] = field(default_factory=set)
    """Eager: who has not let go yet."""
    offsets: dict[Place, tuple[int, str]] = field(default_factory=dict)
    pending: dict[Place, set[int]] = field(default_factory=dict)
    """Transactions that hold an offset for a partition and are not decided."""
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def join(self, instance: str, places: list[Place], consumer: "SimulatedConsumer") -> str:
        """A client joins, or takes the place of the one before it with the same name. Gives its member id."""
        member_id = f"{instance}-{next(self._numbers)}"
        is_known = instance in self.members
        self.members[instance] = Member(member_id, consumer)
        if not is_known:
            self.places = sorted({*self.places, *places})
            self._rebalance()
        elif instance in self.waited_for:
            self.let_go(instance)
        elif not self.is_eager:
            self.release(instance)  # it comes back with nothing, and gets what it is to have
        self.scheduler.version += 1
        return member_id

    def is_member(self, instance: str, member_id: str) -> bool:
        return instance in self.members and self.members[instance].member_id == member_id

    def owned(self, instance: str) -> list[Place]:
        """What a member owns and may keep."""
        return [] if self.waited_for else [p for p in self.places if self.owner.get(p) == instance == self.target[p]]

    def release(self, instance: str) -> bool:
        """A member holds nothing any more that is to move: that is given on, in a new generation."""
        moving = [place for place, owner in self.owner.items() if owner == instance != self.target[place]]
        for place in moving:
            self.owner[place] = self.target[place]
            self.faults.saw("partition moved")
        if moving:
            self.generation += 1
            self.scheduler.version += 1
        return bool(moving)

    def let_go(self, instance: str) -> None:
        """Eager: a member holds nothing and waits for what it gets."""
        self.waited_for.discard(instance)
        if not self.waited_for:
            self.generation += 1
            self.owner = dict(self.target)
            self.scheduler.version += 1

    def silent(self, instance: str, member_id: str) -> None:
        """A member can't be heard from now on; unless it is again in time, it is none any more."""

        def look() -> None:
            if self.is_member(instance, member_id) and self.members[instance].consumer.is_silent:
                self.faults.saw("session timed out")
                self.remove(instance)

        self.scheduler.at(self.scheduler.now + SESSION_TIMEOUT, look)

    def remove(self, instance: str) -> None:
        """One less."""
        del self.members[instance]
        self.owner = {place: owner for place, owner in self.owner.items() if owner != instance}
        self.waited_for.discard(instance)
        self._rebalance()

    def refusal(self, generation: int, member_id: str, instance: str | None) -> str | None:
        """Why a member may not commit offsets: as GroupCoordinator and ClassicGroup.validateOffsetCommit say."""
        if generation < 0 and not member_id and instance is None:
            return None  # a client outside of any group
        if instance is not None:
            if instance not in self.members:
                return "UNKNOWN_MEMBER_ID"
            if self.members[instance].member_id != member_id:
                return "FENCED_INSTANCE_ID"
        return None if generation == self.generation else "ILLEGAL_GENERATION"

    def _rebalance(self) -> None:
        """As evenly as it goes, and with few moves."""
        self.generation += 1
        self.scheduler.version += 1
        members = sorted(self.members)
        if not members:
            self.target, self.owner = {}, {}
            return
        held: dict[str, list[Place]] = {each: [] for each in members}
        free: list[Place] = []
        most = -(-len(self.places) // len(members))
        for place in self.places:
            owner = self.owner.get(place)
            (held[owner] if owner in held and len(held[owner]) < most else free).append(place)
        for place in free:
            held[min(members, key=lambda each: len(held[each]))].append(place)
        self.target = {place: each for each, places in held.items() for place in places}
        if self.is_eager:
            self.waited_for = set(members)
            return
        for place, each in self.target.items():
            self.owner.setdefault(place, each)
