"""Free ports on this machine."""

import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"


def free_ports(count: int, preferred: tuple[int, ...] = ()) -> tuple[int, ...]:
    """As many different free ports: the preferred ones where nobody has taken them meanwhile, else any.

    Another process may take one before it is bound: whoever binds it must say so.
    """
    holders = []
    try:
        for index in range(count):
            holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            holders.append(holder)
            # So that connections of the last run, which still linger, don't make its port look taken.
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                holder.bind((LOOPBACK, preferred[index] if index < len(preferred) else 0))
            except OSError:
                holder.bind((LOOPBACK, 0))
        return tuple(holder.getsockname()[1] for holder in holders)
    finally:
        for holder in holders:
            holder.close()


def accepts(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0
