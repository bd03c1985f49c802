"""The HTTP API as a document for programs, and as a table for people."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from console.access import ROLES
from console.app import MOUNTED, build, description

_NOTE: Final = "<!-- Written by `python -m rejoinder.reference --write`. Change the code, not this page. -->"


@cache
def _described() -> dict[str, Any]:
    return description(build())


def text() -> str:
    """The OpenAPI document."""
    return json.dumps(_described(), indent=2, ensure_ascii=False) + "\n"


def page() -> str:
    """Every operation, and who may call it."""
    return "\n".join((_NOTE, *_lines())) + "\n"


def _lines() -> Iterator[str]:
    yield "# The HTTP API\n"
    yield (
        "Who may call which operation, by the role of the token. An agent acts, and looks at offers, as itself only; a "
        "supervisor as whoever the request names. [openapi.json](openapi.json) has every parameter and answer; [Use "
        "the API](../how-to/use-the-api.md) shows how to work with it.\n"
    )
    yield f"| operation | what it does | {' | '.join(ROLES)} |"
    yield f"|---|---|{'---|' * len(ROLES)}"
    for path, methods in _described()["paths"].items():
        for method, operation in methods.items():
            may = [("yes" if role in operation["x-roles"] else "") for role in ROLES]
            what = operation["description"].partition("\n")[0]
            yield f"| `{method.upper()} {MOUNTED}{path}` | {what} | {' | '.join(may)} |"
