"""Free ports: nobody else gets them by chance."""

import socket

import pytest

from rejoinder.embedded import ports
from rejoinder.embedded.ports import LOOPBACK, accepts, free_ports


def test_they_differ_can_be_listened_on_and_are_none_that_the_system_gives_to_others() -> None:
    found = free_ports(20)
    assert len(set(found)) == 20
    assert all(ports.FIRST <= port < ports.BEYOND for port in found)
    servers = [socket.create_server((LOOPBACK, port)) for port in found]
    assert all(accepts(port) for port in found)
    for server in servers:
        server.close()


def test_preferred_ones_are_kept_until_somebody_takes_them() -> None:
    first = free_ports(2)
    assert free_ports(2, first) == first
    with socket.create_server((LOOPBACK, first[0])):
        other, same = free_ports(2, first)
        assert (same, other != first[0]) == (first[1], True)


def test_one_that_connections_of_the_last_run_linger_on_is_kept() -> None:
    (port,) = free_ports(1)
    with socket.create_server((LOOPBACK, port)) as server, socket.create_connection((LOOPBACK, port)) as client:
        server.accept()[0].close()  # who closes first lingers
        assert client.recv(1) == b""
    assert free_ports(1, (port,)) == (port,)


def test_where_all_of_ours_are_taken_the_system_gives_one(monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports(1)
    monkeypatch.setattr(ports, "FIRST", port)
    monkeypatch.setattr(ports, "BEYOND", port + 1)
    with socket.create_server((LOOPBACK, port)):
        (other,) = free_ports(1)
    assert other != port
    assert free_ports(1) == (port,)
