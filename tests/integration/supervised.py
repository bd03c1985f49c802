"""A program for tests: runs a supervisor on a data folder, and says READY on standard output when all is up.

Options: `--bootstrap B --dsn D` for outside services; each further argument is a program, as
`NAME=STAGE=PYTHON CODE`. Ends with status 0 on SIGTERM, with 3 and the reason on standard error if one fails.
"""

import argparse
import sys

from engine.errors import RejoinderError
from rejoinder.settings import load
from rejoinder.supervisor import Program, Supervisor


def main() -> int:
    """Runs until it is told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--bootstrap")
    parser.add_argument("--dsn")
    parser.add_argument("programs", nargs="*")
    arguments = parser.parse_intermixed_args()
    settings = load(
        {
            "data": arguments.data,
            "kafka.bootstrap": arguments.bootstrap,
            "kafka.heap": 256,
            "postgres.dsn": arguments.dsn,
            "home.secret": "s" * 32,
        }
    )
    programs = []
    for text in arguments.programs:
        name, stage, code = text.split("=", 2)
        programs.append(Program(name, stage=int(stage), command=[sys.executable, "-c", code]))
    try:
        with Supervisor(settings, programs) as supervisor:
            print("READY", flush=True)
            supervisor.run()
    except KeyboardInterrupt:
        return 0
    except RejoinderError as error:
        print(error, file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
