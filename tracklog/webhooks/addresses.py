"""Where webhooks may be called: which URLs, and which addresses behind their hosts.

Whoever may make a webhook can make the server call out, so a URL must not lead to what only the server can reach. There
is one way to write an address, and one list of addresses that are nobody's but the internet's. A host's addresses are
checked where the connection is made, too (`calling.py`), since a name may stand for others by then.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from yarl import URL

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network

RESOLVE_S: Final = 5.0
"""How long a name may take to become addresses. MLflow's bound, too."""

_DEFAULT_PORTS: Final = {"https": 443, "http": 80}

SCHEMES: Final = frozenset(_DEFAULT_PORTS)
"""What can be called at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressPolicy:
    """What an operator allows: `schemes`, of https and http, and `private` addresses and those of this machine."""

    schemes: frozenset[str] = frozenset({"https"})
    private: bool = False


class UrlRefused(ValueError):
    """A webhook must not be called at this URL; the message is a sentence for the client."""


class NotResolved(UrlRefused):
    """No address is known of the host of a URL."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a URL names. `host` is a name in lower case, or an address without brackets."""

    scheme: str
    host: str
    port: int
    address: IpAddress | None


Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""From a host's name to its addresses as text. Raises OSError when there are none."""

_URL: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?([/?#].*)?",
    re.IGNORECASE | re.DOTALL,
)
"""An authority has no user, no zone id, no escapes, and nothing beyond ASCII: what parsers of URLs disagree about."""

_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)
"""The last label of a host that some resolvers take for an address. Source: WHATWG URL, "ends in a number"."""


def _networks(*texts: str) -> tuple[IpNetwork, ...]:
    return tuple(ip_network(text) for text in texts)


_GLOBAL: Final = _networks("0.0.0.0/0", "2000::/3")
"""IPv6 has given out nothing but 2000::/3 for global unicast; the rest, as IPv4 within IPv6, NAT64, site-local and
multicast addresses, lies beyond it."""

_NEVER: Final = _networks(
    *("0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15"),
    *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    # Of IPv6: Teredo, benchmarks and ORCHID; examples; 6to4.
    *("2001::/23", "2001:db8::/32", "3fff::/20", "2002::/16"),
    # Where clouds tell their machines of credentials, and not link-local: Azure, Alibaba, AWS, Google.
    *("168.63.129.16/32", "100.100.100.200/32", "fd00:ec2::/32", "fd20:ce::/32"),
)
"""Source: the registries of special-purpose addresses of IANA (RFC 6890), but for what is in the next."""

_PRIVATE: Final = _networks(
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7"
)
"""Addresses of this machine and of networks of one's own, which an operator may allow."""


def target_of(url: str, policy: AddressPolicy) -> Target:
    """Whom `url` names, when it is written in the one way that is taken, and may be called for all that is written.

    Raises UrlRefused. A name is not resolved.
    """
    if not url.isprintable() or " " in url or "\\" in url:
        raise UrlRefused("The URL of a webhook must not contain spaces, backslashes or characters that do not print.")
    parts = _URL.fullmatch(url)
    if parts is None:
        raise UrlRefused(
            "The URL of a webhook must be a scheme, '://', a host, perhaps ':' and a port, and a path. The host is a "
            "name in ASCII (xn--… for others) or an address; there is no user or password before it."
        )
    scheme = parts["scheme"].lower()
    if scheme not in policy.schemes:
        allowed = " or ".join(sorted(f"{scheme}://" for scheme in policy.schemes))
        raise UrlRefused(f"The URL of a webhook must begin with {allowed}.")
    port = int(parts["port"]) if parts["port"] else _DEFAULT_PORTS[scheme]
    if not 0 < port < 65536:
        raise UrlRefused(f"The URL of a webhook names port {port}; there are 1 to 65535.")
    host = parts["host"].lower()
    address = _written_address(host)
    target = Target(scheme, host.strip("[]"), port, address)
    if address is not None:
        check_addresses(target.host, [address], policy)
    _check_is_read_alike(url, target)
    return target


def _written_address(host: str) -> IpAddress | None:
    """The address that `host` is, None for a name. Raises UrlRefused for any but the usual way to write one."""
    labels = host.removesuffix(".").split(".")
    if not host.startswith("[") and not _NUMBER.fullmatch(labels[-1]):
        if any(not label or len(label) > 63 for label in labels) or len(host) > 253:
            raise UrlRefused("The host of a webhook's URL is no name: a part of it is empty, or it is too long.")
        return None
    try:
        return IPv6Address(host[1:-1]) if host.startswith("[") else IPv4Address(host)
    except ValueError:
        raise UrlRefused(
            "The host of a webhook's URL is an address in an unusual form; write it like 192.0.2.1 or [2001:db8::1]."
        ) from None


def _check_is_read_alike(url: str, target: Target) -> None:
    """Raises UrlRefused when the library that will make the call reads another host or port, or cannot read it."""
    try:
        read = URL(url)
        same_host = (read.scheme, (read.raw_host or "").lower()) == (target.scheme, target.host) or (
            target.address is not None and ip_address(read.raw_host or "") == target.address
        )
        alike = same_host and read.port == target.port and read.user is None and read.password is None
    except ValueError:
        alike = False
    if not alike:
        raise UrlRefused("The URL of a webhook is not one that can be called.")


def check_addresses(host: str, addresses: Iterable[IpAddress], policy: AddressPolicy) -> None:
    """Raises UrlRefused when one of the addresses must not be called: one of several is one too many."""
    if not all(may_be_called(address, policy) for address in addresses):
        more = "" if policy.private else ", or one of this machine or of a private network, which is not allowed here"
        raise UrlRefused(f"The host {host!r} of a webhook's URL has an address that webhooks must not call{more}.")


def may_be_called(address: IpAddress, policy: AddressPolicy) -> bool:
    """Whether `address` is one of the internet, or a private one where those are allowed."""
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return False
    if any(address in network for network in _NEVER):
        return False
    if any(address in network for network in _PRIVATE):
        return policy.private
    return any(address in network for network in _GLOBAL)


class UrlCheck:
    """What is asked of a webhook's URL when it is set: that it may be called, as far as one can know then."""

    def __init__(self, policy: AddressPolicy, resolve: Resolve | None = None) -> None:
        self._policy = policy
        self._resolve = resolve or NameResolver().resolve

    async def check(self, url: str) -> None:
        """Raises UrlRefused when a webhook must not be called at `url` now, after `RESOLVE_S` at the latest.

        Where private addresses are allowed a name need not have an address yet, as that of a container to come.
        """
        target = target_of(url, self._policy)
        if target.address is not None:
            return
        try:
            async with asyncio.timeout(RESOLVE_S):
                await allowed_addresses(target.host, self._policy, self._resolve)
        except (NotResolved, TimeoutError) as error:
            if not self._policy.private:
                raise not_resolved(target.host) from error


async def allowed_addresses(host: str, policy: AddressPolicy, resolve: Resolve) -> list[IpAddress]:
    """The addresses of the name `host`, at least one. Raises UrlRefused unless each of them may be called."""
    try:
        addresses = [ip_address(text) for text in await resolve(host)]
    except (OSError, UnicodeError):
        addresses = []
    if not addresses:
        raise not_resolved(host)
    check_addresses(host, addresses, policy)
    return addresses


def not_resolved(host: str) -> NotResolved:
    """The error of a name without an address."""
    return NotResolved(f"The host {host!r} of a webhook's URL could not be resolved.")


class NameResolver:
    """Asks the system's resolver, in threads of its own; of one name there is one question under way at a time.

    A name whose servers do not answer takes one thread, not all: the others are resolved meanwhile.
    """

    AT_ONCE: Final = 32

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(self.AT_ONCE, thread_name_prefix="lookup")
        self._under_way: dict[str, asyncio.Future[list[str]]] = {}

    async def resolve(self, host: str) -> list[str]:
        """The addresses of `host` as text, with zone ids where there are any. Raises OSError, UnicodeError."""
        lookup = self._under_way.get(host)
        if lookup is None:
            lookup = asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host)
            self._under_way[host] = lookup
            lookup.add_done_callback(lambda done: self._over(host, done))
        return await asyncio.shield(lookup)

    def _over(self, host: str, lookup: "asyncio.Future[list[str]]") -> None:
        del self._under_way[host]
        if not lookup.cancelled():
            lookup.exception()  # whoever waited may have given up


def _look_up(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return list(dict.fromkeys(_text(family, address) for family, _, _, _, address in found))


def _text(family: int, address: tuple[object, ...]) -> str:
    text = str(address[0])
    zone = address[3] if family == socket.AF_INET6 else 0
    return f"{text}%{zone}" if zone and "%" not in text else text
