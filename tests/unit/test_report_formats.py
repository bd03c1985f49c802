"""Reports as files: CSV, Parquet, charts."""

import io
import json
import re
import sys
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from arro3.core import DataType
from arro3.io import read_parquet

from projections.queries.reports import Asked, Line
from projections.reporting.reports import INTERACTIONS
from rejoinder.cli import charts, formats
from rejoinder.cli.errors import BadInput

AT = datetime(2026, 3, 29, tzinfo=ZoneInfo("Europe/Berlin"))
COLUMNS = {"interval_start": datetime, "queue": str, "offered": int, "service_level": float}
LINES: list[Line] = [
    {"interval_start": AT, "queue": 'care, "north"', "offered": 2, "service_level": None},
    {"interval_start": AT, "queue": None, "offered": 1, "service_level": 0.5},
]
MEASURES = [each for each in INTERACTIONS.measures if each.name in ("offered", "service_level")]


def written(form: formats.Format, lines: list[Line], folder: Path) -> bytes:
    file = folder / f"report.{form}"
    formats.write(form, COLUMNS, lines, file)
    return file.read_bytes()


def test_csv_has_a_head_and_quotes_what_needs_it(tmp_path: Path) -> None:
    assert written("csv", LINES, tmp_path).decode() == (
        "interval_start,queue,offered,service_level\r\n"
        '2026-03-29T00:00:00+01:00,"care, ""north""",2,\r\n'
        "2026-03-29T00:00:00+01:00,,1,0.5\r\n"
    )
    assert written("csv", [], tmp_path) == b"interval_start,queue,offered,service_level\r\n"


def test_json_lines_say_the_same(tmp_path: Path) -> None:
    first, second = map(json.loads, written("json", LINES, tmp_path).splitlines())
    assert first == {
        "interval_start": "2026-03-29T00:00:00+01:00",
        "queue": 'care, "north"',
        "offered": 2,
        "service_level": None,
    }
    assert second["service_level"] == 0.5


@pytest.mark.parametrize("lines", [LINES, []])
def test_parquet_has_the_types_also_of_what_is_empty(tmp_path: Path, lines: list[Line]) -> None:
    read = read_parquet(io.BytesIO(written("parquet", lines, tmp_path))).read_all()
    assert [read.schema.field(name).type for name in COLUMNS] == [
        DataType.timestamp("us", tz="UTC"),
        DataType.string(),
        DataType.int64(),
        DataType.float64(),
    ]
    assert {name: read[name].to_pylist() for name in COLUMNS} == {
        name: [line[name] for line in lines] for name in COLUMNS
    }


def test_standard_output_gets_what_a_file_gets(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    formats.write("csv", COLUMNS, LINES, None)
    assert capfdbinary.readouterr().out == written("csv", LINES, tmp_path)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="can't be written: Is a directory"):
        formats.write("csv", COLUMNS, LINES, tmp_path)
    with pytest.raises(BadInput, match="can't be written: Is a directory"):
        (tmp_path / "a.svg").mkdir()
        charts.draw(tmp_path / "a.svg", Asked(by=("queue",)), MEASURES, LINES)


@pytest.mark.parametrize("interval", ["day", "all"])
def test_a_chart_has_a_panel_for_each_measure(tmp_path: Path, interval: str) -> None:
    asked = Asked("interactions", interval, ("queue",))  # type: ignore[arg-type]
    lines = [line | ({"interval_start": None} if interval == "all" else {}) for line in LINES]
    for kind in charts.KINDS:
        charts.draw(tmp_path / f"chart{kind}", asked, MEASURES, lines)
    drawn = ElementTree.fromstring((tmp_path / "chart.svg").read_text("utf-8"))
    said = " ".join(drawn.itertext())
    assert all(text in said for text in ("offered (interactions)", "service level (from 0 to 1)", 'care, "north"'))
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "chart.html").read_text("utf-8")
    assert "<script" in page and re.search(r"<(script|link)[^>]*(src|href)=", page) is None


def test_a_chart_shows_what_the_clock_shows_in_the_zone() -> None:
    declared = charts.chart(Asked(by=("queue",), zone="Europe/Berlin"), MEASURES, LINES)
    assert declared["vconcat"][0]["data"]["values"] == [
        {"at": "2026-03-29T00:00:00Z", "series": 'care, "north"', "value": 2},
        {"at": "2026-03-29T00:00:00Z", "series": "–", "value": 1},
    ]


def test_a_missing_package_is_named_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "arro3.core", None)
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(BadInput, match=r"--format parquet needs the package arro3-io, .* extra 'parquet'"):
        formats.check("parquet", tmp_path / "report.parquet")
    with pytest.raises(BadInput, match=r"--chart needs the package vl-convert-python, .* extra 'charts'"):
        charts.check(tmp_path / "chart.svg")


@pytest.mark.parametrize(
    ("file", "named"), [("chart.pdf", "has to end in .svg, .png, .html"), ("no/chart.svg", "no folder")]
)
def test_what_cannot_be_drawn_is_told_before_anything_is_asked(tmp_path: Path, file: str, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        charts.check(tmp_path / file)
