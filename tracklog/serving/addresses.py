"""The addresses by which a server that listens can be reached, as one can type them."""

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from tracklog.settings.tls import TlsSettings
from tracklog.web.origins import host_rule

ANY_IPV4: Final = "0.0.0.0"
ANY_IPV6: Final = "::"

_ELSEWHERE: Final = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses for documentation, which no machine has (RFC 5737, RFC 3849): their route leads out of this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How a server is reached: by `url` on this machine, by `others` from elsewhere as far as this machine knows.

    `only_here` says that no other machine can. `foreign` are those of `others` whose Host header is refused.
    `asks_for_certificates`: nobody is let in without a certificate. `asks_for_users`: only users that a trusted proxy
    names are answered. `knows_users`: only users with an account are.
    """

    url: str
    others: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    only_here: bool = True
    asks_for_certificates: bool = False
    asks_for_users: bool = False
    knows_users: bool = False


def reach(
    host: str,
    bound: Sequence[str],
    port: int,
    *,
    prefix: str = "",
    allowed_hosts: Sequence[str] | None = None,
    tls: TlsSettings | None = None,
    user_header: str | None = None,
    knows_users: bool = False,
) -> Reach:
    """How a server is reached that was told to listen on `host`, and bound the addresses `bound` for that."""
    scheme = "http" if tls is None else "https"
    is_taken = host_rule(allowed_hosts)
    outside = [address for one in bound for address in own_addresses(one)]
    urls = {address: f"{scheme}://{in_url(address)}:{port}{prefix}" for address in outside}
    return Reach(
        url=f"{scheme}://{in_url(_here(host, bound))}:{port}{prefix}",
        others=tuple(urls.values()),
        foreign=tuple(url for address, url in urls.items() if not is_taken(in_url(address))),
        only_here=all(ip_address(address.partition("%")[0]).is_loopback for address in bound),
        asks_for_certificates=tls is not None and tls.needs_client_certificates,
        asks_for_users=user_header is not None,
        knows_users=knows_users,
    )


def own_addresses(bound: str) -> Iterator[str]:
    """The addresses of this machine that others use, of a socket bound to every address of one family; else nothing."""
    families = {ANY_IPV4: socket.AF_INET, ANY_IPV6: socket.AF_INET6}
    if bound not in families:
        return
    family = families[bound]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((_ELSEWHERE[family], 9))  # chooses the way there, and sends nothing
        except OSError:
            return  # this machine is in no network
        address: str = probe.getsockname()[0]
    if not ip_address(address).is_unspecified and not ip_address(address).is_loopback:
        yield address


def _here(host: str, bound: Sequence[str]) -> str:
    """Where to ask from this machine."""
    if ANY_IPV4 in bound:
        return "127.0.0.1"
    return "::1" if ANY_IPV6 in bound else host


def in_url(host: str) -> str:
    """A host as it is written before `:port`."""
    return f"[{host}]" if ":" in host else host
