"""The sockets that our web servers take connections from.

The supervisor opens the port that several web processes share, and gives the socket to each: so a connection waits
in one queue until somebody takes it. One process that dies, or is started again, refuses nobody, and the port stays
the same. SO_REUSEPORT would spread connections more evenly, but drops those that wait for a process which dies, and
macOS gives them all to one.
"""

import os
import socket
from typing import Final

from rejoinder.sections import SettingsError
from rejoinder.settings import LISTENS_VARIABLE

LOOPBACK: Final = "127.0.0.1"


def listening(host: str, port: int) -> socket.socket:
    """Listens; 0: on a free port. Raises SettingsError if that is not possible."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise SettingsError(f"{host}:{port} can't be listened on ({error.strerror}); name another port") from error


def given() -> socket.socket | None:
    """The socket that the supervisor gave to this program, if it did."""
    number = os.environ.get(LISTENS_VARIABLE)
    if not number:
        return None
    found = socket.socket(fileno=int(number))
    found.set_inheritable(False)
    return found
