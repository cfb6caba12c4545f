"""Ports for services of the tests, each kept from every other process of the tests until this one ends."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

HOST = "127.0.0.1"

FIRST = 10_000

EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
LOWEST_EPHEMERAL = 32_768
"""Where Linux's own choice begins unless it was told otherwise; other systems begin above it."""

_kept: dict[int, int] = {}
"""The open lock file of each port that this process has; the kernel lets go of them when the process ends."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nobody listens, and which no other process of the tests is given meanwhile.

    It lies below the range from which the system takes the near ends of outgoing connections: a port from that range
    may be such an end by the time its service binds it, and that is "address already in use". Raises RuntimeError when
    every port is taken.
    """
    ports = list(range(FIRST, lowest_ephemeral()))
    random.shuffle(ports)
    for port in ports:
        if port not in _kept and (lock := _locked(port)) is not None:
            if _can_be_bound(port):
                _kept[port] = lock
                return port
            os.close(lock)
    raise RuntimeError(f"no port of {FIRST} to {lowest_ephemeral() - 1} is free")


def lowest_ephemeral() -> int:
    """The lowest port that the system may give to an outgoing connection."""
    if not EPHEMERAL.exists():
        return LOWEST_EPHEMERAL
    lowest = int(EPHEMERAL.read_text().split()[0])
    return lowest if lowest > FIRST else LOWEST_EPHEMERAL


def _locked(port: int) -> int | None:
    """The lock file of this port, open and ours alone; None when another process has it."""
    folder = Path(tempfile.gettempdir()) / f"tracklog-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    lock = os.open(folder / str(port), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _can_be_bound(port: int) -> bool:
    with socket.socket() as probe:
        # As a server would: what is left of closed connections is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
