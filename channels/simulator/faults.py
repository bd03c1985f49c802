"""What goes wrong on a simulated platform: the next calls exactly as told, all others by chance.

Chance is drawn from a seed, from what is called and from how often the same was called before. So the same call has
the same fate in each run, whatever else goes on at the same time.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec

BEFORE: Final = ("429", "500", "503", "time_out", "reset")
"""Nothing is done: an error is answered, none at all, or the connection breaks."""
AFTER: Final = ("answer_lost", "answer_500")
"""It is done, but the answer does not come, or is a server error."""
ECHO_FIRST: Final = "echo_first"
LOOK_UP: Final = "look_up"
"""The name of all calls that only ask."""

Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often something goes wrong, as shares of 1."""

    seed: int = 0
    fail: Share = 0.0
    """Calls that do nothing, split evenly over `kinds`."""
    lose_answer: Share = 0.0
    """Calls that do it, and are never answered."""
    echo_first: Share = 0.0
    """Calls whose webhook comes before their answer."""
    duplicate: Share = 0.0
    """Webhooks that come twice."""
    reorder: Share = 0.0
    """Webhooks that come after later ones."""
    kinds: tuple[str, ...] = ()
    """What a failure is one of; empty: the platform's passing ones."""
    reset_ms: Annotated[int, msgspec.Meta(ge=0)] = 1000
    """After how long a throttle by chance says that it ends."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What goes wrong with one call."""

    before: str | None = None
    """Happens instead of what was asked."""
    after: str | None = None
    """Happens to the answer."""
    echo_first: bool = False
    reset_ms: int | None = None
    """A throttle: when it ends; None: as the platform's limits say."""


class UnknownFault(ValueError):
    """There is no such fault."""


@dataclass(slots=True)
class Faults:
    """One platform's. `errors` are its own, by name; `passing`: what a failure by chance is one of if nobody says."""

    errors: frozenset[str]
    passing: tuple[str, ...]
    calls: frozenset[str]
    rates: Rates = field(default_factory=Rates)
    happened: Counter[str] = field(default_factory=Counter)
    _next: list[tuple[str, str | None]] = field(default_factory=list)
    _drawn: Counter[bytes] = field(default_factory=Counter)

    @property
    def waiting(self) -> list[str]:
        """What the next calls will meet; one for calls of one kind is written `call:fault`."""
        return [kind if call is None else f"{call}:{kind}" for kind, call in self._next]

    def queue(self, kind: str, call: str | None, times: int) -> None:
        """The next `times` calls meet `kind`: of one sort, or of all that do something. 0 forgets those set before.

        Raises UnknownFault.
        """
        _check(kind, (*BEFORE, *AFTER, ECHO_FIRST, *sorted(self.errors)))
        if call is not None and call not in self.calls:
            raise UnknownFault(f"{call!r} is no call; there are {', '.join(sorted(self.calls))}")
        if times == 0:
            self._next = [waiting for waiting in self._next if waiting != (kind, call)]
        self._next.extend([(kind, call)] * times)

    def use(self, rates: Rates) -> None:
        """From now on chance is so. Raises UnknownFault."""
        for kind in rates.kinds:
            _check(kind, (*BEFORE, *sorted(self.errors)))
        self.rates = rates

    def clear(self) -> None:
        """From now on nothing goes wrong."""
        self._next.clear()
        self.rates = Rates()

    def fate(self, call: str, *identity: str) -> Fate:
        """What a call meets; `identity` says what is called."""
        told = next((entry for entry in self._next if entry[1] == call or (entry[1] is None and call != LOOK_UP)), None)
        fate = self._by_chance(call, *identity) if told is None else _as_told(told[0])
        if told is not None:
            self._next.remove(told)
        self.happened.update(name for name in (fate.before, fate.after, fate.echo_first and ECHO_FIRST) if name)
        return fate

    def chance(self, name: str, share: float, *identity: str) -> bool:
        """Whether something of that share happens this time."""
        return share > 0 and self.draw(name, *identity) < share

    def draw(self, name: str, *identity: str) -> float:
        """A number from 0 to 1, another one each time that the same is asked."""
        what = "\0".join([str(self.rates.seed), name, *identity]).encode("utf-8", "surrogatepass")
        key = hashlib.blake2b(what, digest_size=16).digest()
        self._drawn[key] += 1
        number = hashlib.blake2b(key + self._drawn[key].to_bytes(8, "big"), digest_size=8).digest()
        return int.from_bytes(number, "big") / 2**64

    def _by_chance(self, call: str, *identity: str) -> Fate:
        rates = self.rates
        drawn = self.draw(call, *identity) if rates.fail or rates.lose_answer else 1.0
        if drawn < rates.fail:
            kinds = rates.kinds or self.passing
            return Fate(before=kinds[int(drawn / rates.fail * len(kinds))], reset_ms=rates.reset_ms)
        if call == LOOK_UP:
            return Fate()
        lost = drawn < rates.fail + rates.lose_answer
        return Fate(
            after="answer_lost" if lost else None,
            echo_first=self.chance(ECHO_FIRST, rates.echo_first, call, *identity),
        )


def _check(kind: str, known: tuple[str, ...]) -> None:
    if kind not in known:
        raise UnknownFault(f"{kind!r} is no fault; there are {', '.join(known)}")


def _as_told(kind: str) -> Fate:
    if kind == ECHO_FIRST:
        return Fate(echo_first=True)
    return Fate(after=kind) if kind in AFTER else Fate(before=kind)
