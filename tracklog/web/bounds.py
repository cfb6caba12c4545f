"""How much of everything clients may have of a server at once, and how it is shared among them.

A client never waits for what others hold: it may have as much of a thing as is left of it. One client alone gets half,
two get a third each, and the next one always finds something, however greedy the others are.
Source: the dynamic thresholds of Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet
switches", IEEE/ACM Transactions on Networking 6, 1998.
"""

import resource
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Final

from schemas.rest.route import KIB, MIB

MOST_FILES: Final = 16_384
"""Files and sockets that a process asks for at its start. It never needs as many."""

RESERVED_FILES: Final = 64
"""Kept for everything but clients: logs, read models, pipes, connections to services."""

STREAM_BYTES: Final = 256 * KIB
"""What an upload or a download is charged for from its beginning: as much of it may lie in buffers."""


class Share:
    """`limit` units of something that clients hold for a while."""

    __slots__ = ("_held", "limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._held: dict[str, int] = {}

    def take(self, client: str, amount: int = 1) -> bool:
        """Let `client` hold `amount` more, unless it would then hold more than is left now."""
        used = self.used
        held = self._held.get(client, 0) + amount
        if held > self.limit - used:
            return False
        self._held[client] = held
        self.used = used + amount
        return True

    def give_back(self, client: str, amount: int = 1) -> None:
        """`client` holds `amount` less. It must have taken as much."""
        self.used -= amount
        held = self._held[client] - amount
        if held:
            self._held[client] = held
        else:
            del self._held[client]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How many and how much at once, and how long a client may be silent, in seconds.

    `held_bytes` are bytes of requests that are not answered yet, and of answers that are not taken yet.
    """

    connections: int = 4096
    requests: int = 1024
    streams: int = 256
    held_bytes: int = 64 * MIB
    head_s: float = 10.0
    body_silence_s: float = 10.0
    stream_silence_s: float = 30.0
    answer_silence_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Shares:
    """What clients have of one process now."""

    bounds: Bounds
    connections: Share = field(init=False)
    requests: Share = field(init=False)
    streams: Share = field(init=False)
    held_bytes: Share = field(init=False)

    def __post_init__(self) -> None:
        for name in ("connections", "requests", "streams", "held_bytes"):
            object.__setattr__(self, name, Share(getattr(self.bounds, name)))


def client_of(address: str) -> str:
    """The client that the bounds count an address for: the owner of one IPv6 address has the 2**64 beside it."""
    if ":" not in address:
        return address
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(IPv6Address(int(parsed) >> 64 << 64)) + "/64"
    return address


def raise_open_files() -> int:
    """Let this process have as many files and sockets open as the system allows it, and return how many those are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return MOST_FILES if soft == resource.RLIM_INFINITY else soft


def bounds_with(files: int) -> Bounds:
    """The bounds of a process that may have `files` open: every stream may need a file, or a socket, beside its own."""
    usual = Bounds()
    free = max(0, files - RESERVED_FILES)
    connections = max(1, free - min(usual.streams, free // 2))
    return Bounds(connections=min(usual.connections, connections))
