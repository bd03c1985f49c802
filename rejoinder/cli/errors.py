"""How a command ends that can't do what it was asked. docs/reference/exit-codes.md lists the codes."""

from engine.errors import RejoinderError


class BadInput(RejoinderError):
    """An option, an argument or a file is wrong."""

    exit_code = 2


class NotFound(RejoinderError):
    """No instance runs, or what was asked for isn't there."""

    exit_code = 3
