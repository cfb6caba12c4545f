"""Which address a request came from: the connection's, or what a trusted proxy says of it."""

from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Final

from aiohttp import hdrs, web

from tracklog.settings.process import IpNetwork

MAX_HOPS: Final = 16
"""Proxies whose account of the client is followed. No set-up has a longer chain."""


def trust_rule(trusted: Sequence[IpNetwork]) -> Callable[[str | None], bool]:
    """Whether an address is that of a proxy whose X-Forwarded-For is believed."""

    def is_trusted(address: str | None) -> bool:
        try:
            parsed = ip_address(address or "")
        except ValueError:
            return False
        return any(parsed.version == network.version and parsed in network for network in trusted)

    return is_trusted if trusted else lambda _: False


def https_rule(trusted: Sequence[IpNetwork]) -> Callable[[web.BaseRequest], bool]:
    """Whether a client has come by https, to this server or to a trusted proxy before it.

    What the proxy says counts for more than how the proxy itself has come, which may be by TLS among machines alone.
    """
    is_trusted = trust_rule(trusted)

    def is_https(request: web.BaseRequest) -> bool:
        said = request.headers.get(hdrs.X_FORWARDED_PROTO)
        if said is not None and is_trusted(request.remote):
            return said.strip().lower() == "https"
        return request.secure

    return is_https


def client_address_rule(trusted: Sequence[IpNetwork]) -> Callable[[web.Request], str | None]:
    """A function from a request to the address of its client.

    A proxy appends to X-Forwarded-For the address that connected to it, so the list is read from its end: the first
    address that is no trusted proxy is the client, and what stands before it anybody may have written.
    """
    if not trusted:
        return lambda request: request.remote
    is_trusted = trust_rule(trusted)

    def client_address(request: web.Request) -> str | None:
        address = request.remote
        if not is_trusted(address):
            return address
        forwarded = ",".join(request.headers.getall(hdrs.X_FORWARDED_FOR, ()))
        for hop in reversed(forwarded.split(",")[-MAX_HOPS:]):
            try:
                address = str(ip_address(hop.strip()))
            except ValueError:
                return address  # no address is given, or text that is none
            if not is_trusted(address):
                return address
        return address

    return client_address
