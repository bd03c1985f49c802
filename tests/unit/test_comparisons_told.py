"""How a rebuild is told: what differs in a table, progress as JSON lines."""

import json

import pytest

from projections.comparing import Comparison, Sample, TableComparison
from rejoinder.cli.comparisons import Told, print_comparisons

CHANGED = TableComparison(
    "fct_interaction",
    rows_first=12,
    rows_second=11,
    only_in_first=1,
    differing=2,
    columns={"messages_in": 2},
    columns_only_in_second=["owner"],
    samples=[
        Sample({"interaction_id": "x.1"}, "only in first"),
        Sample({"interaction_id": "x.2"}, "differs", {"messages_in": ("1", "\x1b[31m2")}),
    ],
)
COMPARED = Comparison(
    "reporting", 1, 2, [CHANGED, TableComparison("dim_queue", keys_differ=True), TableComparison("dim_agent", 5, 5)]
)


def test_what_differs_is_told_by_table_with_some_rows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)  # a runner may say how wide its terminal is
    print_comparisons([COMPARED], json=False)
    told = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert told[0] == "reporting: versions 1 and 2 differ"
    assert "fct_interaction 12 11 1 0 2 messages_in (2), owner only now" in told
    assert "dim_queue 0 0 0 0 0 its key is another one: nothing was compared" in told
    assert "fct_interaction interaction_id x.1 gone" in told
    assert "fct_interaction interaction_id x.2 changed messages_in: 1 → ␛[31m2" in told
    assert not any("dim_agent" in line for line in told)


def test_versions_agree_where_only_one_declares_something() -> None:
    apart = TableComparison("dim_agent", only_version=2), TableComparison("a", columns_only_in_first=["b"])
    assert Comparison("reporting", 1, 2, apart).agrees
    assert not COMPARED.agrees


def test_progress_is_told_in_json_lines(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    told = Told(json=True)
    with told.stopping():
        told.begins("audit", 3, "resumed")
        told.enters("filling")
        told.filled(5, 10)
        told.filled(6, 10)  # at once after that: no line
        told.filled(10, 10)
    lines = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    assert lines[:2] == [{"projection": "audit", "version": 3, "begins": "resumed"}, {"stage": "filling"}]
    assert [(line["stage"], line["done"], line["of"]) for line in lines[2:]] == [
        ("filling", 5, 10),
        ("filling", 10, 10),
    ]
    assert set(lines[2]) == {"stage", "done", "of", "per_second", "seconds_left"}
