"""Which Host and Origin headers are taken: what keeps a web page elsewhere from using this server by a browser.

The default hosts are localhost and private addresses, the default origins localhost at any port.
Source: the security defaults of `mlflow server` 3.17, observed.
"""

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]", "0.0.0.0"})

PRIVATE_NETWORKS: Final = tuple(
    ip_network(network) for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)

REMEMBERED: Final = 1024
"""Distinct header values that are kept as taken; beyond them the memory starts anew, so that it stays bounded."""

MAX_REMEMBERED_CHARACTERS: Final = 255
"""The longest name that DNS has. What is longer is looked at each time."""

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")

Rule = Callable[[str], bool]


def host_rule(allowed: Sequence[str] | None) -> Rule:
    """Whether a Host header is taken: `allowed` holds names with or without a port, `*` standing for any text.

    A name without a port is taken at any port. None means localhost and private addresses.
    """
    if allowed is None:
        return remembered(lambda host: is_host(host) and is_local_or_private(without_port(host.lower())))
    return remembered(lambda host: is_host(host) and any(matches_host(host.lower(), name) for name in allowed))


def origin_rule(allowed: Sequence[str] | None) -> Rule:
    """Whether an Origin header is taken: `allowed` holds origins, or `*` for all. None means localhost, any port."""
    if allowed is None:
        return remembered(lambda origin: is_origin(origin) and is_local_origin(origin))
    return remembered(
        lambda origin: is_origin(origin) and any(fnmatchcase(origin.lower(), escaped(name)) for name in allowed)
    )


def is_host(host: str) -> bool:
    """Whether a Host header is a name or an address, and behind a colon a port and nothing else.

    Source: RFC 9110, section 7.2, without the percent-encoding that no client sends.
    """
    return _HOST.fullmatch(host) is not None


def is_origin(origin: str) -> bool:
    """Whether an Origin header is a scheme and a host, as browsers send it: it is sent back in headers."""
    if origin == "null":
        return True
    scheme, separator, host = origin.partition("://")
    return bool(separator) and _SCHEME.fullmatch(scheme) is not None and is_host(host)


def is_same_origin(origin: str, host: str) -> bool:
    """Whether a page that was served under the Host header `host` has the Origin header `origin`."""
    scheme, _, rest = origin.partition("://")
    return scheme in ("http", "https") and rest == host


def is_local_or_private(name: str) -> bool:
    """Whether `name`, without a port, is localhost or an address of a private network."""
    if name in LOCAL_NAMES:
        return True
    try:
        address = ip_address(name.strip("[]"))
    except ValueError:
        return False
    return any(address in network for network in PRIVATE_NETWORKS if network.version == address.version)


def is_local_origin(origin: str) -> bool:
    """Whether `origin` is a page of this machine, served over http or https at any port."""
    try:
        parts = urlsplit(origin.lower())
        hostname = parts.hostname
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and hostname in ("localhost", "127.0.0.1", "::1")


def matches_host(host: str, name: str) -> bool:
    """Whether a Host header matches an allowed name, compared with its port only where the name has one."""
    return fnmatchcase(host, escaped(name)) or fnmatchcase(without_port(host), escaped(name))


def escaped(name: str) -> str:
    """`name` as a pattern in which only `*` is special: brackets belong to IPv6 addresses."""
    return name.replace("[", "[[]").replace("?", "[?]")


def without_port(host: str) -> str:
    """A Host header's name; an IPv6 address keeps its brackets."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def remembered(rule: Rule) -> Rule:
    """`rule`, asked once for each value that is taken, as long as few different ones come.

    What is refused is not kept: it may be anything, and its sender need not be fast.
    """
    taken: set[str] = set()

    def ask(value: str) -> bool:
        if value in taken:
            return True
        if not rule(value):
            return False
        if len(value) <= MAX_REMEMBERED_CHARACTERS:
            if len(taken) >= REMEMBERED:
                taken.clear()
            taken.add(value)
        return True

    return ask
