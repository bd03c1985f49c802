"""`python -m rejoinder`."""

import os
import sys

from engine.errors import RejoinderError
from rejoinder.cli import app

OUTPUT_CLOSED = 141
"""As a shell tells the end by SIGPIPE."""


def main() -> None:
    """Runs the command line; what goes wrong is one sentence on standard error and a status."""
    try:
        status = app(standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has gone, as in `| head`. Python would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = OUTPUT_CLOSED
    except RejoinderError as error:
        from rejoinder.cli.terminal import tell  # noqa: PLC0415  # not needed to show help

        tell(f"rejoinder: {error}")
        status = error.exit_code
    sys.exit(status)


if __name__ == "__main__":
    main()
