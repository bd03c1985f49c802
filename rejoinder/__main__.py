"""`python -m rejoinder`."""

import sys

from engine.errors import RejoinderError
from rejoinder.cli import app


def main() -> None:
    """Runs the command line; what goes wrong is one sentence on standard error and a status."""
    try:
        app()
    except RejoinderError as error:
        print(f"rejoinder: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
