"""A report as a picture: a panel for each measure, with a line for each account, queue … over time, or with bars."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from projections.queries.reports import Asked, Line
from projections.reporting.measures import Measure
from rejoinder.cli.errors import BadInput
from rejoinder.cli.formats import needed

KINDS: Final = (".svg", ".png", ".html")
WIDTH, HEIGHT, BAR = 640, 160, 18
_OPTION: Final = "--chart"


def check(file: Path) -> None:
    """Says what can't be drawn, before anything is asked. Raises BadInput."""
    if file.suffix not in KINDS:
        raise BadInput(f"{_OPTION} is {file}: its name has to end in {', '.join(KINDS)}")
    if not file.absolute().parent.is_dir():
        raise BadInput(f"{_OPTION} is {file}: there is no folder {file.absolute().parent}")
    needed("vl_convert", "vl-convert-python", _OPTION, "charts")


def draw(file: Path, asked: Asked, measures: Sequence[Measure], lines: Sequence[Line]) -> None:
    """Writes the picture. Raises BadInput where the file can't be written."""
    vega = needed("vl_convert", "vl-convert-python", _OPTION, "charts")
    declared = chart(asked, measures, lines)
    match file.suffix:
        case ".svg":
            made = vega.vegalite_to_svg(declared).encode()
        case ".png":
            made = vega.vegalite_to_png(declared, scale=2)
        case _:  # with the scripts in it: it needs no network
            made = vega.vegalite_to_html(declared, bundle=True).encode()
    try:
        file.write_bytes(made)
    except OSError as error:
        raise BadInput(f"{_OPTION} is {file}, which can't be written: {error.strerror}") from error


def chart(asked: Asked, measures: Sequence[Measure], lines: Sequence[Line]) -> dict[str, Any]:
    """The picture as Vega-Lite has it."""
    panel = _bars if asked.interval == "all" else _curves
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": {"text": asked.report.says, "anchor": "start", "subtitle": f"Times: {asked.zone}"},
        "background": "white",
        "vconcat": [panel(measure, _values(asked, measure, lines), bool(asked.dimensions)) for measure in measures],
    }


def _values(asked: Asked, measure: Measure, lines: Sequence[Line]) -> list[dict[str, Any]]:
    return [
        {"at": _wall_clock(line["interval_start"]), "series": _series(asked, line), "value": line[measure.name]}
        for line in lines
    ]


def _wall_clock(at: object) -> str | None:
    """What the clock shows in the zone that was asked for, as if it were UTC: so it is shown everywhere the same."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(at, datetime) else None


def _series(asked: Asked, line: Line) -> str:
    return ", ".join("–" if line[name] is None else str(line[name]) for name in asked.dimensions)


def _curves(measure: Measure, values: list[dict[str, Any]], several: bool) -> dict[str, Any]:
    encoding: dict[str, Any] = {
        "x": {"field": "at", "type": "temporal", "scale": {"type": "utc"}, "title": None},
        "y": {"field": "value", "type": "quantitative", "title": _title(measure)},
    }
    if several:
        encoding["color"] = {"field": "series", "type": "nominal", "title": None}
    mark = {"type": "line", "point": True}
    return {"width": WIDTH, "height": HEIGHT, "data": {"values": values}, "mark": mark, "encoding": encoding}


def _bars(measure: Measure, values: list[dict[str, Any]], several: bool) -> dict[str, Any]:
    encoding = {
        "y": {"field": "series", "type": "nominal", "title": None, "sort": "-x"},
        "x": {"field": "value", "type": "quantitative", "title": _title(measure)},
    }
    return {"width": WIDTH, "height": {"step": BAR}, "data": {"values": values}, "mark": "bar", "encoding": encoding}


def _title(measure: Measure) -> str:
    name = measure.name.replace("_", " ")
    return name if measure.unit in name else f"{name} ({measure.unit})"
