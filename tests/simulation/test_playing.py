"""Seeds that several processes share: nothing of them is lost, and Ctrl-C ends all of them."""

import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import pytest

from tests.simulation import __main__ as program
from tests.simulation.checker import Violation
from tests.simulation.faults import EFFECTS, RATES
from tests.simulation.playing import FOR_EVER, Outcome, Played, outcomes, play

HERE: Final = Path(__file__).resolve().parents[2]
SOON: Final = 60.0
"""Far longer than it takes; else a test that fails would wait for ever, seconds."""


def odd_ones_fail(seed: int, steps: int) -> Outcome:
    return Outcome(seed, Violation(f"{seed} is odd") if seed % 2 else None, Counter(crash=seed))


def broken(seed: int, steps: int) -> Outcome:
    raise ArithmeticError(f"seed {seed} can't be played")


def dying(seed: int, steps: int) -> Outcome:
    os._exit(9)


def test_two_processes_see_what_one_sees() -> None:
    told: list[int] = []
    alone, shared = play(range(6)), play(range(6), jobs=2, told=lambda outcome, _: told.append(outcome.seed))
    assert (shared.seeds, shared.seen) == (6, alone.seen)
    assert sorted(told) == list(range(6))


def test_a_failure_comes_from_another_process_as_it_is() -> None:
    with closing(outcomes(range(4), 1, 2, odd_ones_fail)) as found:
        failed = {each.seed: str(each.violation) for each in found if each.violation is not None}
    assert failed == {1: "1 is odd", 3: "3 is odd"}


def test_an_error_of_the_simulation_itself_is_not_swallowed() -> None:
    with pytest.raises(ArithmeticError, match="can't be played"), closing(outcomes([1], 1, 2, broken)) as found:
        list(found)


def test_a_process_that_dies_is_told() -> None:
    with pytest.raises(RuntimeError, match="terminated abruptly"), closing(outcomes(range(9), 1, 2, dying)) as found:
        list(found)


@pytest.mark.parametrize("jobs", [1, 2])
def test_no_more_are_played_than_wanted(jobs: int) -> None:
    told: list[int] = []
    played = play(range(1_000_000), jobs=jobs, told=lambda outcome, _: told.append(1), stop=lambda: len(told) > 1)
    assert 1 < played.seeds == len(told) < 100


@pytest.mark.parametrize("missing", [None, *EFFECTS])
def test_many_seeds_that_never_reach_a_kind_of_fault_are_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str | None
) -> None:
    seen = Counter({kind: 1 for kind in (*RATES, *EFFECTS) if kind != missing})
    monkeypatch.setattr(program, "play", lambda *_: Played(program.ENOUGH, seen=seen))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert program.count(range(program.ENOUGH), FOR_EVER, 1) == (missing is not None)
    assert (f"never reached, so that nothing is known of it: {missing}" in capsys.readouterr().out) == (
        missing is not None
    )
    assert program.count(range(program.ENOUGH - 1), FOR_EVER, 1) == 0


def test_ctrl_c_ends_every_process() -> None:
    command = [sys.executable, "-u", "-m", "tests.simulation", "--seeds", "1000000", "--jobs", "2"]
    with subprocess.Popen(
        command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as run:
        try:
            assert run.stderr is not None and run.stderr.readline() == b"playing seeds \xe2\x80\xa6\n"
            while b" of 1000000" not in run.stderr.readline():
                pass
            os.kill(run.pid, signal.SIGINT)
            said, _ = run.communicate(timeout=SOON)  # to the end of what every process has open
        finally:
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == 130
    assert b" seeds in " in said.splitlines()[-1]
