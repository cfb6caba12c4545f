"""Where a process listens."""

import socket

import pytest

from tests.services.ports import HOST
from tracklog.serving.listening import AddressTaken, bound_sockets

needs_ipv6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")


@needs_ipv6
def test_every_address_is_listened_on_by_ipv6_and_by_ipv4() -> None:
    listeners = bound_sockets("::", 0)
    port = listeners[0].getsockname()[1]
    try:
        assert [listener.getsockname()[:2] for listener in listeners] == [("::", port), ("0.0.0.0", port)]
        for listener, address in zip(listeners, ("::1", HOST), strict=True):
            listener.setblocking(True)
            listener.listen()
            with socket.create_connection((address, port), timeout=10):
                accepted, peer = listener.accept()
                accepted.close()
            assert peer[0] == address  # and not IPv4 written as IPv6
    finally:
        for listener in listeners:
            listener.close()


def test_a_name_of_several_addresses_has_one_port() -> None:
    listeners = bound_sockets("localhost", 0)
    assert len({listener.getsockname()[1] for listener in listeners}) == 1
    for listener in listeners:
        listener.close()


def test_an_address_that_is_taken_is_told_as_it_is_typed() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressTaken, match=f"Cannot listen on {HOST}:{port}: Address already in use"):
            bound_sockets(HOST, port)


def test_a_name_that_is_none_is_told() -> None:
    with pytest.raises(AddressTaken, match=r"no-such-host\.invalid is not an address"):
        bound_sockets("no-such-host.invalid", 0)
