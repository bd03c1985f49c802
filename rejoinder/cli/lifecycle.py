"""`lifecycle`: the states and transitions, drawn from their declaration."""

from pathlib import Path
from typing import Annotated, Final

import typer

from engine.errors import RejoinderError
from engine.lifecycle import FINAL, INITIAL, LATE, TRANSITIONS, diagram
from rejoinder.cli.errors import BadInput
from rejoinder.cli.options import Json
from rejoinder.cli.terminal import print_json

PAGE: Final = """\
<!-- Written by `rejoinder lifecycle --write`. Change engine/lifecycle.py, not this page. -->
# The lifecycle of an interaction

Each transition is named after the event that makes it. An interaction begins as `{initial}` and ends as `{final}`;
{late} may still come after the end, and change nothing then.

```mermaid
{diagram}
```

| from | event | to |
|---|---|---|
{table}
"""


class Outdated(RejoinderError):
    """The page is not what the declaration says."""


def lifecycle(
    check: Annotated[Path | None, typer.Option(help="Check that this page is the one that --write writes.")] = None,
    write: Annotated[Path | None, typer.Option(help="Write the page with the diagram and the table.")] = None,
    json: Json = False,
) -> None:
    """Print the states and transitions of an interaction as a Mermaid diagram.

    Example: rejoinder lifecycle --write docs/reference/lifecycle.md
    """
    if write is not None:
        write.parent.mkdir(parents=True, exist_ok=True)
        write.write_text(page(), "utf-8")
    if check is not None:
        _check(check)
    if write is not None or check is not None:
        return
    if json:
        return print_json(
            {"from": before, "event": event, "to": after} for (before, event), after in TRANSITIONS.items()
        )
    print(diagram())


def page() -> str:
    """The page for the documentation."""
    table = "\n".join(f"| `{before}` | {event} | `{after}` |" for (before, event), after in TRANSITIONS.items())
    late = " and ".join(f"`{event}`" for event in sorted(LATE))
    return PAGE.format(initial=INITIAL, final=FINAL, late=late, diagram=diagram().strip(), table=table)


def _check(path: Path) -> None:
    try:
        found = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} can't be read: {error}") from error
    if found != page():
        raise Outdated(f"{path} is not what engine/lifecycle.py says: run `rejoinder lifecycle --write {path}`")
