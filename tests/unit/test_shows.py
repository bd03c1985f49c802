"""What the shows tell, without the services that they look at."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.measure import BenchFailed, Measure
from bench.shows import __main__ as program
from bench.shows import company, report
from bench.shows.__main__ import main
from bench.shows.building import Watched
from bench.shows.claims import Claim, equal
from bench.shows.reader import Answer, Seen
from engine.policy.rules import encode, load
from engine.policy.validation import problems

HOUR = 3_600_000


def test_a_claim_that_does_not_hold_ends_with_1_and_the_others_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(services: object) -> Iterator[Measure | Claim]:
        yield equal("same", "both are the same", 1, 2)
        yield Measure("rate", 3, "events/s")

    def failing(services: object) -> Iterator[Measure | Claim]:
        yield from ()
        raise BenchFailed("the disk is full")

    shows: Mapping[str, Any] = {"tampered": wrong, "recorded": failing}
    monkeypatch.setattr(program, "APART", shows)
    assert main(["--only", "tampered", "--only", "recorded"]) == 1
    said = capsys.readouterr()
    machine, *lines = [json.loads(line) for line in said.out.splitlines()]
    assert machine["name"] == "machine"
    assert [line.get("claim", line.get("name")) for line in lines] == ["same", "rate"]
    assert lines[0]["holds"] is False
    assert "same DOES NOT HOLD" in said.err and "recorded FAILED: the disk is full" in said.err
    assert "failed: same, recorded" in said.err
    assert main(["--only", "tampered"]) == 1
    monkeypatch.setattr(program, "APART", {"tampered": lambda services: iter([Claim("c", "says", True)])})
    assert main(["--only", "tampered"]) == 0


def test_the_policy_is_one_that_could_be_published() -> None:
    assert list(problems(company.POLICY)) == []
    assert load(1, encode(company.POLICY)).queues.keys() == set(company.QUEUES)


def test_everybody_writes_in_their_own_way_and_somebody_in_each() -> None:
    people = [company.author(number) for number in range(80)]
    assert len({each.home for each in people}) == 80
    ways = Counter((each.channel, each.account, each.event) for each in people)
    assert {channel for channel, _, _ in ways} == {"x", "facebook", "messenger"}
    assert {each.account for each in people} == {account.id for account in company.POLICY.accounts}
    assert all(each.visibility == "private" for each in people if each.channel == "messenger")


def test_agents_know_every_skill_between_them_and_come_when_it_opens() -> None:
    known = Counter(skill for _, skills in company.agents(6) for skill in skills)
    assert set(known) == set(company.QUEUES) and min(known.values()) >= 2
    assert company.next_shift(company.BEGIN) == (company.BEGIN + 8 * HOUR, True)
    assert company.next_shift(company.BEGIN + 8 * HOUR) == (company.BEGIN + 20 * HOUR, False)
    saturday = company.BEGIN + 5 * 24 * HOUR
    assert company.next_shift(saturday + 20 * HOUR) == (saturday + (48 + 8) * HOUR, True)
    assert company.weight(saturday + 34 * HOUR) < company.weight(saturday + 10 * HOUR) == company.MOST


def test_the_reader_tells_of_those_answers_that_were_waited_for() -> None:
    seen = Seen(
        [Answer("trace", 1.0, 1.1), Answer("trace", 2.0, 2.2), Answer("trace", 5.0, 9.0), Answer("totals", 8, 9)]
    )
    assert seen.beside(4.0, 6.0, before=3.0) == {
        "trace": {"answers": 1, "longest_ms": 4000.0, "median_ms": 4000.0, "median_before_ms": 150.0}
    }
    assert seen.within(9.5, 10.0) == {}


def test_a_rebuild_is_told_by_its_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter((1.0, 5.0, 6.0, 8.0, 9.0))
    monkeypatch.setattr("time.monotonic", lambda: next(moments))
    watched = Watched()
    watched.filled(10, 100)
    watched.enters("filling")
    watched.enters("comparing")
    watched.filled(100, 100)
    for _ in range(2):
        watched.enters("switching")
    assert watched.records == 90
    assert watched.seconds(9.0) == {"filling": 4.0, "comparing": 1.0, "switching": 3.0}
    assert watched.last("switching") == 8.0


def test_the_report_has_every_claim_and_figure(tmp_path: Path) -> None:
    lines: list[Measure | Claim] = [
        Measure("project", 6_000, "events/s", detail={"events": 12}),
        Claim("reader", "no gap", False, {"faults": ["trace: empty"], "answers": 1_000}),
        Claim("audit_all", "all", True),
    ]
    run = tmp_path / "shows.jsonl"
    run.write_text("".join(line.line() + "\n" for line in lines))
    report.main([str(run), str(tmp_path)])
    written = (tmp_path / "SHOWS.md").read_text()
    assert "**1 of 2 claims hold.**" in written
    assert "| `reader` | no gap | **no** |" in written and "| `audit_all` | all | yes |" in written
    assert "| `project` | 6,000 events/s |" in written
    assert "- `reader`: faults trace: empty; answers 1,000" in written
