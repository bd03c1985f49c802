"""How far something is that is counted, how fast it goes, and how long it will still take."""

import tomllib
from pathlib import Path

import pytest

from engine.release import RELEASE
from rejoinder.progress import Pace, Standing

ROOT = Path(__file__).parent.parent.parent


def test_the_pace_counts_what_was_done_since_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    at = iter([10.0, 14.0])
    monkeypatch.setattr("rejoinder.progress.time.monotonic", lambda: next(at))
    pace = Pace()
    assert pace.of(500, 2000) == Standing(500, 2000, 0.0, None)
    assert pace.of(1000, 2000) == Standing(1000, 2000, 125.0, 8.0)


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (Standing(0, 2000, 0.0, None), "0 of 2,000"),
        (Standing(1000, 2000, 125.4, 8.4), "1,000 of 2,000, 125 a second, 8 s left"),
        (Standing(1, 2_000_000, 12_000.0, 166.0), "1 of 2,000,000, 12,000 a second, 2 min 46 s left"),
    ],
)
def test_a_standing_reads_as_a_line(standing: Standing, said: str) -> None:
    assert str(standing) == said


def test_the_release_is_that_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == RELEASE
