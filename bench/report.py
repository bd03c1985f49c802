"""`python -m bench.report results.jsonl`: a run's figures as tables in RESULTS.md, and as a picture.

What they mean and where the time goes stands in README.md beside it, which is written by people.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.plot import drawn

HERE: Final = Path(__file__).parent
GROWTH: Final = "growth_"
Found = dict[str, dict[str, Any]]
"""A run's lines, by name."""


class Wanted(NamedTuple):
    """What a measure must show: its value or its ratio, at least or at most so much."""

    field: str
    least: float | None = None
    most: float | None = None

    def text(self) -> str:
        """In words."""
        bound = f"at least {self.least:g}" if self.least is not None else f"at most {self.most:g}"
        return bound if self.field == "value" else f"ratio {bound}"

    def is_met(self, line: dict[str, Any]) -> bool | None:
        """None: it was not measured."""
        here = line[self.field]
        if here is None:
            return None
        return (self.least is None or here >= self.least) and (self.most is None or here <= self.most)


WANTED: Final[dict[str, Wanted]] = {
    "engine_events": Wanted("ratio", least=0.6),
    "engine_over_quixstreams": Wanted("ratio", least=1.5),
    "scale": Wanted("ratio", least=1.6),
    "latency_p50": Wanted("value", most=100),
    "latency_p99": Wanted("value", most=250),
    "restart_long_log": Wanted("ratio", most=1.3),
    "restart_long_log_new_machine": Wanted("ratio", most=1.3),
    "memory": Wanted("value", most=600),
    "routing": Wanted("ratio", most=2),
    "rebuild_2": Wanted("value", least=50_000),
}
GROWS: Final = Wanted("ratio", most=1.3)


def wanted_of(name: str) -> Wanted | None:
    """What a measure must show, if anything."""
    return GROWS if name.startswith(GROWTH) else WANTED.get(name)


def main(arguments: Sequence[str]) -> None:
    """Reads a run's lines, and writes RESULTS.md and plot.svg into a folder: the bench's own if none is named."""
    source, folder = Path(arguments[0]), Path(arguments[1]) if len(arguments) > 1 else HERE
    found = read(source)
    (folder / "RESULTS.md").write_text(written(found))
    (folder / "plot.svg").write_text(drawn(ratios(found), growth(found)))


def read(source: Path) -> Found:
    """The lines by name; of two of a name, the later."""
    lines = (json.loads(line) for line in source.read_text().splitlines() if line.strip())
    return {line["name"]: line for line in lines}


def written(found: Found) -> str:
    """The whole of RESULTS.md."""
    return "\n".join(
        [
            "# What was measured",
            "",
            "Written by `python -m bench.report` from the lines of one run of `make bench`; don't edit it. What is "
            "compared with what, and where the time goes, is in [README.md](README.md).",
            "",
            *machine_of(found),
            "**Only ratios last.** Both sides of a ratio were measured in the same run, in turns. A value is the "
            "median of its rounds.",
            "",
            "![The ratios, and what an event costs as the contacts grow](plot.svg)",
            "",
            "| measure | value | ratio | against | must show | shown |",
            "|---|---|---|---|---|---|",
            *map(_row, (line for name, line in found.items() if name != "machine")),
            "",
            "## In detail",
            "",
            *detailed(found),
        ]
    )


def ratios(found: Found) -> list[tuple[str, float, float, bool]]:
    """Of each measure that must show something: its name, the figure, the bound, and whether more is better."""
    told = []
    for name, line in found.items():
        wanted = wanted_of(name)
        if wanted is not None and line[wanted.field] is not None:
            bound = wanted.least if wanted.least is not None else wanted.most
            assert bound is not None
            told.append((name, float(line[wanted.field]), bound, wanted.least is not None))
    return told


def growth(found: Found) -> list[tuple[int, float, float]]:
    """Contacts, and what an event costs then: processor time and clock, µs."""
    lines = (line for name, line in found.items() if name.startswith(GROWTH))
    return sorted((line["detail"]["contacts"], line["value"], line["detail"]["clock"]) for line in lines)


def machine_of(found: Found) -> Iterator[str]:
    """What the run was made on, and its sizes."""
    line = found.get("machine")
    if line is None:
        return
    detail = line["detail"]
    packages = ", ".join(f"{name} {version}" for name, version in detail["packages"].items())
    sizes = ", ".join(f"{name.replace('_', ' ')} {size:,}" for name, size in detail["sizes"].items())
    memory = f"{int(detail['memory'].split()[0]) / 2**20:.0f} GB" if detail["memory"] else "unknown memory"
    yield f"{line['value']} cores of {detail['processor'] or 'an unnamed processor'}, {memory}; {detail['system']}, "
    yield f"Python {detail['python']}, Apache Kafka {detail['kafka']} embedded, {packages}; "
    yield f"load when it began {detail['load']}. Sizes: {sizes}."
    yield ""


def _row(line: dict[str, Any]) -> str:
    wanted = wanted_of(line["name"])
    met = None if wanted is None else wanted.is_met(line)
    ratio = "" if line["ratio"] is None else f"{line['ratio']:g}"
    cells = (
        f"`{line['name']}`",
        f"{line['value']:,} {line['unit']}",
        ratio,
        f"`{line['against']}`" if line["against"] else "",
        "" if wanted is None else wanted.text(),
        "" if met is None else ("yes" if met else "**no**"),
    )
    return f"| {' | '.join(cells)} |"


def detailed(found: Found) -> Iterator[str]:
    """A line for each measure that has more to say."""
    for name, line in found.items():
        if name != "machine" and line["detail"]:
            told = "; ".join(f"{key.replace('_', ' ')} {shown(value)}" for key, value in line["detail"].items())
            yield f"- `{name}`: {told}"


def shown(value: object) -> str:
    """A figure, a list of them or figures by name, for a person's eye."""
    match value:
        case list():
            return ", ".join(map(shown, value))
        case dict():
            return f"({', '.join(f'{key} {shown(each)}' for key, each in value.items())})"
        case int() if not isinstance(value, bool):
            return f"{value:,}"
    return str(value)


if __name__ == "__main__":
    main(sys.argv[1:])
