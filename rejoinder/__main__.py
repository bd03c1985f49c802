"""`python -m rejoinder`."""

import os
import sys

from engine.errors import RejoinderError
from rejoinder.cli import app


def main() -> None:
    """Runs the command line; what goes wrong is one sentence on standard error and a status."""
    try:
        app(prog_name="rejoinder")
    except RejoinderError as error:
        from rejoinder.cli.terminal import tell  # noqa: PLC0415  # not needed to show help

        tell(f"rejoinder: {error}")
        sys.exit(error.exit_code)
    finally:
        _flush()


def _flush() -> None:
    """Writes what is left. Where its reader has gone, as in `| head`, Python would complain of that at its end."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
