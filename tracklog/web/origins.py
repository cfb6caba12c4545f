"""Which Host and Origin headers are taken: what keeps a web page elsewhere from using this server by a browser.

The default hosts are localhost and private addresses, the default origins localhost at any port.
Source: the security defaults of `mlflow server` 3.17, observed.
"""

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
"""Distinct header values whose verdict is kept; beyond them the memory starts anew, so that it stays bounded."""

Verdict = Callable[[str], bool]


def host_rule(allowed: Sequence[str] | None) -> Verdict:
    """Whether a Host header is taken: `allowed` holds names with or without a port, `*` standing for any text.

    A name without a port is taken at any port. None means localhost and private addresses.
    """
    if allowed is None:
        return remembered(lambda host: is_local_or_private(without_port(host.lower())))
    return remembered(lambda host: any(matches_host(host.lower(), name) for name in allowed))


def origin_rule(allowed: Sequence[str] | None) -> Verdict:
    """Whether an Origin header is taken: `allowed` holds origins, or `*` for all. None means localhost, any port."""
    if allowed is None:
        return remembered(is_local_origin)
    return remembered(lambda origin: any(fnmatchcase(origin.lower(), escaped(name)) for name in allowed))


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


def remembered(rule: Verdict) -> Verdict:
    """`rule`, asked once for each value as long as few different ones come."""
    verdicts: dict[str, bool] = {}

    def ask(value: str) -> bool:
        verdict = verdicts.get(value)
        if verdict is None:
            if len(verdicts) >= REMEMBERED:
                verdicts.clear()
            verdict = verdicts[value] = rule(value)
        return verdict

    return ask
