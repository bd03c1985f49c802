"""The declarations of the reports."""

from typing import get_args

import pytest

from projections.queries.reports import Asked, NoSuchReport, zone_of
from projections.reporting import Reporting
from projections.reporting.measures import DIMENSIONS, Kind, Measure, Report
from projections.reporting.reports import REPORTS

every_report = pytest.mark.parametrize("report", REPORTS.values(), ids=lambda report: report.name)


def test_every_kind_has_its_report() -> None:
    assert get_args(Kind) == tuple(REPORTS)


@every_report
def test_a_report_declares_each_name_once_and_only_what_there_is(report: Report) -> None:
    names = [measure.name for measure in report.measures]
    assert len(names) == len(set(names))
    assert set(report.main) <= set(names)
    assert set(report.by) <= set(report.dimensions) <= set(DIMENSIONS)
    assert not set(names) & {"interval_start", "width", *report.dimensions}


@every_report
def test_every_measure_stands_as_a_comment_at_its_view(report: Report) -> None:
    for measure in report.measures:
        says = measure.says.replace("'", "''")
        assert f"COMMENT ON COLUMN reporting.{report.view}.{measure.name} IS '{says}';" in Reporting.views


def test_what_can_be_summed_is_told() -> None:
    assert [
        how for how in ("count", "sum", "mean", "median", "p90", "share") if Measure("m", "", how=how).is_summed
    ] == [
        "count",
        "sum",
    ]


@pytest.mark.parametrize("asked", [{"by": ("weather",)}, {"where": {"weather": "rain"}}, {"zone": "Europe/Atlantis"}])
def test_what_no_report_has_is_refused(asked: dict[str, object]) -> None:
    with pytest.raises(NoSuchReport):
        Asked("agents", **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["", "Berlin", "Europe", "Europe/", "../etc/passwd", "a/\x00", "a/\udc80", "posix/Europe/Berlin"]
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(NoSuchReport):
        zone_of(name)
