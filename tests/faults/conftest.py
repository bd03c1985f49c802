"""What each fault came to, and the table of all at the end."""

import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import pytest

from tests.faults.checker import Violation

SEED: Final = "FAULTS_SEED"
"""An environment variable with the seed of a run that is to be repeated."""


@dataclass
class Fault:
    """One fault and what it came to."""

    name: str
    seed: int
    injected: int = 0
    reached: int = 0
    """How often it was seen that the fault hit what it was meant for."""
    violations: list[Violation] = field(default_factory=list)
    how: str = ""
    seconds: float = 0.0
    outcome: str = "did not come to its end"

    def over(self, violations: list[Violation], at_least: int | None = None) -> None:
        """The end of a run: nothing is wrong, and the fault was really there, each time or at least so often."""
        self.violations = violations
        self.outcome = ""
        assert violations == [], "\n".join(map(str, violations))
        assert self.reached >= (self.injected if at_least is None else at_least), "the fault was not reached"


_faults: list[Fault] = []


@pytest.fixture
def fault(request: pytest.FixtureRequest) -> Iterator[Fault]:
    """What the fault of a test comes to; named by its mark, and by its parameters."""
    mark = request.node.get_closest_marker("fault")
    given = getattr(request.node, "callspec", None)
    name = mark.args[0] + ("" if given is None else f": {given.id}")
    made = Fault(name, int(os.environ.get(SEED) or random.randrange(10**6)))
    print(f"seed {made.seed}")
    began = time.monotonic()
    yield made
    made.seconds = time.monotonic() - began
    _faults.append(made)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table."""
    if not _faults:
        return
    width = max(len(each.name) for each in _faults)
    terminalreporter.section("faults")
    terminalreporter.line(f"{'fault':{width}}  injected  reached  violations  seconds  seed")
    for each in _faults:
        terminalreporter.line(
            f"{each.name:{width}}  {each.injected:8}  {each.reached:7}  {len(each.violations):10}  "
            f"{each.seconds:7.0f}  {each.seed:6}  {' '.join(filter(None, (each.how, each.outcome)))}".rstrip()
        )
