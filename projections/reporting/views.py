"""The views by interval, from the declarations of the reports, with their comments."""

from collections.abc import Iterator

from projections.reporting.intervals import WIDTHS, source_of_view
from projections.reporting.measures import DIMENSIONS, Report
from projections.reporting.reports import INTERACTIONS, REPORTS


def statements() -> str:
    """The statements that make them. Views of facts and reporting.dim_interval have to be there."""
    return "\n".join(statement for report in REPORTS.values() for statement in (*_view(report), *_by_width(report)))


def _view(report: Report) -> Iterator[str]:
    columns = [f"f.{column}" for column in _columns(report)]
    numbers = [f"{measure.sql} AS {measure.name}" for measure in report.measures]
    keys = ", ".join(str(number) for number in range(1, len(columns) + 3))
    selected = ",\n       ".join(["f.width", "f.interval_start", *columns, *numbers])
    yield (
        f"CREATE VIEW reporting.{report.view} AS\nSELECT {selected}\nFROM {source_of_view(report)}\n"
        f"WHERE {report.only}\nGROUP BY {keys};"
    )
    yield f"COMMENT ON VIEW reporting.{report.view} IS {_quoted(_says(report))};"
    yield f"COMMENT ON COLUMN reporting.{report.view}.interval_start IS 'when the interval begins';"
    for measure in report.measures:
        yield f"COMMENT ON COLUMN reporting.{report.view}.{measure.name} IS {_quoted(measure.says)};"


def _by_width(report: Report) -> Iterator[str]:
    if report is INTERACTIONS:
        for width in WIDTHS:
            yield (
                f"CREATE VIEW reporting.by_{width} AS SELECT * FROM reporting.by_interval WHERE width = '{width}';\n"
                f"COMMENT ON VIEW reporting.by_{width} IS {_quoted(_says_of_width(width))};"
            )


def _columns(report: Report) -> list[str]:
    """The columns by which a view counts: the report's own, and the account's channel."""
    columns = [DIMENSIONS[name][0] for name in report.by]
    return [*columns, "channel"] if "account" in report.by else columns


def _says(report: Report) -> str:
    return f"One row for each interval (UTC) of each width, by {', '.join(_columns(report))}. {report.says}"


def _says_of_width(width: str) -> str:
    return f"The rows of by_interval for intervals of one {width.replace('_', ' ')}."


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
