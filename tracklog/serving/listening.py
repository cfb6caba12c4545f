"""The sockets of a process that listens: one port at every address of its host."""

import errno
import os
import socket
from collections.abc import Iterable
from typing import Any, Final

from tracklog.serving.addresses import ANY_IPV4, ANY_IPV6, in_url

_FREE_PORTS_TRIED: Final = 20
"""For a server at several addresses that takes any free port: one port must be free at all of them."""


class AddressTaken(Exception):
    """Somebody else listens where this server should."""


def bound_sockets(host: str, port: int) -> list[socket.socket]:
    """Sockets that hold `port` on every address of `host`, and do not listen yet.

    `::` is every address of this machine: a socket for IPv6 and one for IPv4, so that each client is known by its own
    address. They are bound before anything is opened, so that a server that cannot be reached leaves nothing behind.
    Raises AddressTaken.
    """
    addresses = _addresses(host, port)
    attempts_left = 1 if port else _FREE_PORTS_TRIED
    while True:
        attempts_left -= 1
        try:
            return _bound(addresses, port)
        except OSError as error:
            if attempts_left and error.errno == errno.EADDRINUSE:
                continue  # the port that was free at the first address is not at another
            why = os.strerror(error.errno or 0)
            raise AddressTaken(
                f"Cannot listen on {in_url(host)}:{port}: {why}; choose another --port or --host."
            ) from error


def _bound(addresses: Iterable[tuple[socket.AddressFamily, Any]], port: int) -> list[socket.socket]:
    """A socket at each address, all with one port: `port`, or what the system gives the first. Raises OSError."""
    found: list[socket.socket] = []
    try:
        for family, address in addresses:
            listener = socket.socket(family, socket.SOCK_STREAM)
            found.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((address[0], port or found[0].getsockname()[1], *address[2:]))
            listener.setblocking(False)
    except BaseException:
        for listener in found:
            listener.close()
        raise
    return found


def _addresses(host: str, port: int) -> dict[tuple[socket.AddressFamily, Any], None]:
    """Families and addresses of `host`, in order. Raises AddressTaken."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        if host == ANY_IPV6:
            found += socket.getaddrinfo(ANY_IPV4, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise AddressTaken(f"--host {host} is not an address of this machine: {error.strerror}.") from error
    return dict.fromkeys((family, address) for family, _, _, _, address in found)
