"""Free ports on this machine."""

import secrets
import socket
from collections.abc import Sequence
from typing import Final

LOOPBACK: Final = "127.0.0.1"
FIRST: Final = 20_000
BEYOND: Final = 32_768
"""Ports are taken from here, below those that systems give out by themselves (Linux from 32,768 on, others from
49,152). One that was looked for lies open until its program binds it, and after each of its deaths: meanwhile a system
gives its own ports to any connection and to any server that takes what it gets, and somebody who keeps trying to reach
such a port may be given it too, reach itself, and hold it for good."""
TRIES: Final = 50
"""After so many ports that are taken, any that the system gives."""


def free_ports(count: int, preferred: Sequence[int] = ()) -> tuple[int, ...]:
    """As many different free ports: the preferred ones where nobody has taken them meanwhile, else others.

    Another process may take one before it is bound, though hardly ever: whoever binds it must say so.
    """
    holders: list[socket.socket] = []
    try:
        for index in range(count):
            holders.append(_held(preferred[index : index + 1]))
        return tuple(holder.getsockname()[1] for holder in holders)
    finally:
        for holder in holders:
            holder.close()


def _held(preferred: Sequence[int]) -> socket.socket:
    """A socket on a port of its own."""
    for port in preferred:
        # Connections of the last run, which still linger, don't make its port look taken.
        if (holder := _bound(port, reuse=True)) is not None:
            return holder
    for _ in range(TRIES):
        if (holder := _bound(FIRST + secrets.randbelow(BEYOND - FIRST))) is not None:
            return holder
    return socket.create_server((LOOPBACK, 0))


def _bound(port: int, reuse: bool = False) -> socket.socket | None:
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if reuse:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holder.bind((LOOPBACK, port))
    except OSError:
        holder.close()
        return None
    return holder


def accepts(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0
