"""`python -m bench.shows.report shows.jsonl`: a run's claims and figures as tables in SHOWS.md."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from bench.report import detailed, machine_of, shown

HERE: Final = Path(__file__).parent.parent
Line = dict[str, Any]


def main(arguments: Sequence[str]) -> None:
    """Reads a run's lines, and writes SHOWS.md into a folder: the bench's own if none is named."""
    source, folder = Path(arguments[0]), Path(arguments[1]) if len(arguments) > 1 else HERE
    lines = [json.loads(line) for line in source.read_text().splitlines() if line.strip()]
    (folder / "SHOWS.md").write_text(written(lines))


def written(lines: Sequence[Line]) -> str:
    """The whole of SHOWS.md."""
    claims = [line for line in lines if "claim" in line]
    measures = {line["name"]: line for line in lines if "claim" not in line}
    held = sum(line["holds"] for line in claims)
    return "\n".join(
        [
            "# What a large log shows",
            "",
            "Written by `python -m bench.shows.report` from what `make shows` said; don't edit it. What "
            "is looked at, and how, is in [README.md](README.md#shows).",
            "",
            *machine_of(measures),
            f"**{held} of {len(claims)} claims hold.**",
            "",
            "| claim | says | holds |",
            "|---|---|---|",
            *map(_claim, claims),
            "",
            "| measure | value |",
            "|---|---|",
            *(
                f"| `{name}` | {line['value']:,} {line['unit']} |"
                for name, line in measures.items()
                if name != "machine"
            ),
            "",
            "## In detail",
            "",
            *detailed(measures),
            *_of_claims(claims),
            "",
        ]
    )


def _claim(line: Line) -> str:
    return f"| `{line['claim']}` | {line['says']} | {'yes' if line['holds'] else '**no**'} |"


def _of_claims(claims: Sequence[Line]) -> Iterator[str]:
    for line in claims:
        told = {name: value for name, value in line["detail"].items() if value not in ([], {})}
        if told:
            yield f"- `{line['claim']}`: {'; '.join(f'{name} {shown(value)}' for name, value in told.items())}"


if __name__ == "__main__":
    main(sys.argv[1:])
