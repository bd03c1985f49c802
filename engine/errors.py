"""The one base of every error that a user sees, and how a fault of the code is told."""

import traceback
from pathlib import Path


class RejoinderError(Exception):
    """Something went wrong in Rejoinder.

    The message is for people: one sentence with what, where, and how to mend it. Without an argument the
    class's docstring is the message. `exit_code` is the command line's status.
    """

    exit_code = 1

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().partition("\n")[0])


def place_of(error: BaseException) -> str:
    """A fault of the code without anybody's words: the kind of the error, and the line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"
    return f"{type(error).__name__} at {where}"
