"""Times as people give them to the command and read them in what it says."""

from datetime import UTC, datetime


def moment_of(millis: int) -> datetime:
    return datetime.fromtimestamp(millis / 1000, UTC)


def told(millis: int) -> str:
    """In the form in which --from and --to take it, UTC."""
    return moment_of(millis).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
