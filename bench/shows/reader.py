"""Somebody who queries all the time, in a process of their own: report totals, a contact's history, a trace.

What has to hold of each answer: there is no error, it is not empty, and what only grows is never less than before.
"""

import multiprocessing
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from statistics import median
from typing import Any, Final

import psycopg

from bench.measure import BenchFailed
from bench.shows.claims import Claim
from projections.queries import lists
from projections.queries.reports import Asked, total
from projections.queries.trace import trace

GROWING: Final = ("offered", "answered", "messages_in", "messages_out")
"""Of the report of interactions, what is never less than before: nothing that was counted stops counting."""
SHARE: Final = 10
"""A report over everything reads everything, and takes the longer the more there is: it gets one in so many parts of
the time, and the other questions the rest."""
PAUSE: Final = 0.1
KNOWN: Final = 20
"""Interactions whose traces and contacts' histories are asked for, in turn."""
PATIENCE: Final = 60.0
_SOME: Final = """
SELECT interaction_id, contact_id FROM contact_history.interaction
WHERE interaction_id >= %s AND contact_id IS NOT NULL
ORDER BY interaction_id LIMIT 1
"""


@dataclass(frozen=True)
class Answer:
    """One answer: when it was asked for and when it came, by the machine's own clock, which all processes share."""

    question: str
    asked: float
    came: float

    @property
    def seconds(self) -> float:
        return self.came - self.asked


@dataclass
class Seen:
    """What a reader saw."""

    answers: list[Answer] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """Errors, empty answers, counts that went back."""

    def within(self, since: float, until: float) -> dict[str, list[Answer]]:
        """The answers that were waited for at some moment of a time, by question."""
        found: dict[str, list[Answer]] = defaultdict(list)
        for answer in self.answers:
            if answer.came >= since and answer.asked <= until:
                found[answer.question].append(answer)
        return dict(found)

    def beside(self, since: float, until: float, before: float) -> dict[str, dict[str, float]]:
        """Of each question: how often it was answered in a time, the longest, and the median of what came `before`."""
        quiet = self.within(0, before)
        return {
            question: {
                "answers": len(answers),
                "longest_ms": _milliseconds(max(each.seconds for each in answers)),
                "median_ms": _milliseconds(median(each.seconds for each in answers)),
                "median_before_ms": _milliseconds(median(each.seconds for each in quiet.get(question, answers))),
            }
            for question, answers in sorted(self.within(since, until).items())
        }


class Reader:
    """The process. What it has seen is there once it was told to stop."""

    def __init__(self) -> None:
        self.seen = Seen()

    def claim(self, name: str) -> Claim:
        """That it saw no gap."""
        seen, says = self.seen, "no error, no empty answer, no count that went back"
        detail = {"answers": len(seen.answers), "faults": seen.faults[:5], "all_faults": len(seen.faults)}
        return Claim(name, says, bool(seen.answers) and not seen.faults, detail)

    @contextmanager
    def reading(self, dsn: str) -> Iterator[None]:
        """Reads during the block, and looks at everything once before it and once after it."""
        context = multiprocessing.get_context("spawn")
        stop = context.Event()
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_read, args=(dsn, stop, sender), daemon=True, name="shows-reader")
        process.start()
        sender.close()
        try:
            receiver.poll(PATIENCE)  # it has looked at everything once, or has failed, or died
            yield
        finally:
            stop.set()
            try:
                self.seen = _last(receiver)
            except TimeoutError:
                process.terminate()
                self.seen.faults.append(f"an answer did not come in {PATIENCE:.0f} s")
            except EOFError:
                self.seen.faults.append("the reader's process died")
            process.join()
            receiver.close()


def _last(receiver: Connection) -> Seen:
    """What the process saw, which it sends when it ends; before, it sends that it has begun."""
    while receiver.poll(PATIENCE):
        if isinstance(said := receiver.recv(), Seen):
            return said
    raise TimeoutError


def _read(dsn: str, stop: Event, sender: Connection) -> None:
    seen = Seen()
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            questions = _Questions(connection, seen, _some(connection))
            questions.ask_all()
            sender.send(True)
            while not stop.is_set():
                questions.ask()
                stop.wait(PAUSE)
            questions.ask_all()
    except (psycopg.Error, BenchFailed) as error:
        seen.faults.append(f"{type(error).__name__}: {error}")
    sender.send(seen)


def _some(connection: "psycopg.Connection[Any]") -> list[tuple[str, str]]:
    """Interactions with their contacts, from all over the keys."""
    found = []
    for number in range(KNOWN):
        row = connection.execute(_SOME, (f"{number * 256 // KNOWN:02x}",)).fetchone()
        if row is not None:
            found.append((row[0], row[1]))
    return found


class _Questions:
    """What is asked in turn, and the least that each may answer."""

    def __init__(self, connection: "psycopg.Connection[Any]", seen: Seen, some: Sequence[tuple[str, str]]) -> None:
        if not some:
            raise BenchFailed("there is no interaction to ask for")
        self._connection = connection
        self._seen = seen
        self._some = some
        self._least: dict[tuple[str, str], float] = {}
        self._rounds = 0
        self._totals_due = 0.0

    def ask(self) -> None:
        began = time.monotonic()
        if began >= self._totals_due:
            self._hold("totals", "", self._totals)
            self._totals_due = began + (time.monotonic() - began) * SHARE
        self._ask_of(*self._some[self._rounds % len(self._some)])
        self._rounds += 1

    def ask_all(self) -> None:
        self._hold("totals", "", self._totals)
        for interaction, contact in self._some:
            self._ask_of(interaction, contact)

    def _ask_of(self, interaction: str, contact: str) -> None:
        self._hold("history", contact, lambda: self._history(contact))
        self._hold("trace", interaction, lambda: self._trace(interaction))

    def _totals(self) -> dict[str, float]:
        line = total(self._connection, Asked("interactions")) or {}
        return {name: float(str(line[name])) for name in GROWING if name in line}

    def _history(self, contact: str) -> dict[str, float]:
        found = lists.interactions(self._connection, contact=contact, limit=500)
        return {"interactions": len(found), "messages": sum(each.messages_in + each.messages_out for each in found)}

    def _trace(self, interaction: str) -> dict[str, float]:
        return {"steps": sum(len(each.steps) for each in trace(self._connection, interaction))}

    def _hold(self, question: str, of: str, answer: Callable[[], dict[str, float]]) -> None:
        asked = time.monotonic()
        counts = answer()
        self._seen.answers.append(Answer(question, asked, time.monotonic()))
        if not counts or not all(counts.values()):
            self._seen.faults.append(f"{question} {of}: an empty answer, {counts}")
        for name, count in counts.items():
            place = f"{question} {of}", name
            if count < self._least.get(place, 0):
                self._seen.faults.append(f"{question} {of}: {name} was {self._least[place]:g} and then {count:g}")
            self._least[place] = count


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)
