"""The public keys by which an auditor checks what was signed, from a file."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from rejoinder.cli.errors import BadInput

KEY_BYTES: Final = 32

Keys = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        help="The writers' public keys, as `audit keys --json` gave them. Without it: those of this folder's secret.",
    ),
]


def read_keys(file: Path) -> dict[str, bytes]:
    """The keys by their writers. Raises BadInput."""
    found: dict[str, bytes] = {}
    number = 0
    try:
        for number, line in enumerate(file.read_text().splitlines(), 1):  # noqa: B007 (the handler below names it)
            told = json.loads(line)
            found[told["writer"]] = bytes.fromhex(told["key"])
            if len(found[told["writer"]]) != KEY_BYTES:
                raise ValueError("a key has 64 hex digits")
    except OSError as error:
        raise BadInput(f"{file} can't be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{file}:{number}: {error}; it has to be as `rejoinder audit keys --json` prints it") from error
    return found
