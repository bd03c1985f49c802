"""The one base of every error that a user sees."""


class RejoinderError(Exception):
    """Something went wrong in Rejoinder.

    The message is for people: one sentence with what, where, and how to mend it. Without an argument the
    class's docstring is the message. `exit_code` is the command line's status.
    """

    exit_code = 1

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().partition("\n")[0])
