"""Fetches what the embedded services need ahead of their first use: `python -m rejoinder.embedded.fetch`."""

import sys

from engine.errors import RejoinderError
from rejoinder.embedded.jars import ensure_jars
from rejoinder.settings import load


def main() -> None:
    """Downloads Kafka's jars, if they aren't there."""
    settings = load()
    ensure_jars(settings.cache, settings.maven.repository)


if __name__ == "__main__":
    try:
        main()
    except RejoinderError as error:
        sys.exit(str(error))
