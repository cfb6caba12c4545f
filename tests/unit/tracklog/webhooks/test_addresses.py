"""One test for each way around an address check that has been published, and some for what is allowed."""

import asyncio
import socket
import threading
from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from tracklog.webhooks import addresses
from tracklog.webhooks.addresses import (
    AddressPolicy,
    NameResolver,
    NotResolved,
    UrlCheck,
    UrlRefused,
    may_be_called,
    target_of,
)

PUBLIC = AddressPolicy()
PRIVATE = AddressPolicy(schemes=frozenset({"https", "http"}), private=True)


async def resolve_to_public(_host: str) -> Sequence[str]:
    return ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"]


async def refusal(url: str, policy: AddressPolicy = PUBLIC, *found: str) -> str:
    """The sentence with which `url` is refused, whose host has the addresses `found`."""

    async def resolve(_host: str) -> Sequence[str]:
        return found

    with pytest.raises(UrlRefused) as refused:
        await UrlCheck(policy, resolve).check(url)
    return str(refused.value)


# --- what an address may be --------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111"])
def test_an_address_of_the_internet_may_be_called(address: str) -> None:
    assert may_be_called(ip_address(address), PUBLIC)


PRIVATE_ADDRESSES = {
    "loopback": "127.0.0.1",
    "any other of loopback": "127.255.1.2",
    "IPv6 loopback": "::1",
    "private, 10/8": "10.1.2.3",
    "private, 172.16/12": "172.31.255.255",
    "private, 192.168/16": "192.168.0.1",
    "carrier's NAT": "100.64.0.1",
    "unique local": "fd12:3456::1",
}

NEVER_ADDRESSES = {
    "this host": "0.0.0.0",
    "this network": "0.1.2.3",
    "unspecified": "::",
    "link-local metadata": "169.254.169.254",
    "link-local metadata of containers": "169.254.170.2",
    "IPv6 link-local": "fe80::1",
    "site-local": "fec0::1",
    "AWS metadata by IPv6": "fd00:ec2::254",
    "Google metadata by IPv6": "fd20:ce::254",
    "Alibaba metadata, in the carrier's NAT": "100.100.100.200",
    "Azure metadata, with a public address": "168.63.129.16",
    "Oracle metadata": "192.0.0.192",
    "examples": "192.0.2.1",
    "examples, second": "198.51.100.1",
    "examples, third": "203.0.113.1",
    "examples of IPv6": "2001:db8::1",
    "examples of IPv6, second": "3fff::1",
    "benchmarks": "198.18.0.1",
    "relay of 6to4": "192.88.99.1",
    "multicast": "224.0.0.1",
    "multicast, administrative": "239.1.2.3",
    "IPv6 multicast": "ff02::1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv4-mapped loopback": "::ffff:127.0.0.1",
    "IPv4-mapped metadata": "::ffff:169.254.169.254",
    "IPv4-mapped public": "::ffff:8.8.8.8",
    "IPv4-translated": "::ffff:0:127.0.0.1",
    "IPv4-compatible": "::127.0.0.1",
    "6to4 of loopback": "2002:7f00:1::",
    "6to4 of private": "2002:a00:1::1",
    "NAT64 of loopback": "64:ff9b::7f00:1",
    "NAT64 of metadata": "64:ff9b::a9fe:a9fe",
    "local NAT64": "64:ff9b:1::a00:1",
    "Teredo": "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "ORCHID": "2001:20::1",
    "discard": "100::1",
    "segment routing": "5f00::1",
    "beyond what is given out": "4000::1",
    "link-local with a zone": "fe80::1%1",
    "public with a zone": "2606:4700::1111%eth0",
}


@pytest.mark.parametrize("address", PRIVATE_ADDRESSES.values(), ids=PRIVATE_ADDRESSES)
def test_a_private_address_is_called_only_where_that_is_allowed(address: str) -> None:
    assert not may_be_called(ip_address(address), PUBLIC)
    assert may_be_called(ip_address(address), PRIVATE)


@pytest.mark.parametrize("address", NEVER_ADDRESSES.values(), ids=NEVER_ADDRESSES)
async def test_no_setting_allows_addresses_that_are_nobodys_or_tell_secrets(address: str) -> None:
    assert not may_be_called(ip_address(address), PUBLIC)
    assert not may_be_called(ip_address(address), PRIVATE)
    for policy in (PUBLIC, PRIVATE):
        assert "must not call" in await refusal("https://receiver.example/hook", policy, address)
        if "%" not in address:
            written = f"[{address}]" if ":" in address else address
            assert "must not call" in await refusal(f"https://{written}/hook", policy)


# --- how an address may be written -------------------------------------------------------------------------------

ODD_SPELLINGS = {
    "decimal": "2130706433",
    "decimal of a public one": "134744072",
    "hexadecimal": "0x7f000001",
    "hexadecimal in upper case": "0X7F000001",
    "octal": "017700000001",
    "hexadecimal parts": "0x7f.0x0.0x0.0x1",
    "an octal part": "0177.0.0.1",
    "leading zeros": "127.000.000.001",
    "mixed": "0x7f.1",
    "short": "127.1",
    "shorter": "127.0.1",
    "zero": "0",
    "too many parts": "127.0.0.0.1",
    "a part too large": "127.0.0.256",
    "overflowing": "4294967297",
    "a trailing dot": "127.0.0.1.",
    "decimal with a trailing dot": "2130706433.",
    "a number as the last label": "example.1",
    "bare 0x": "a.0x",
    "IPv6 that is none": "[1::2::3]",
    "IPv6 with an octal part": "[::ffff:0177.0.0.1]",
}


@pytest.mark.parametrize("policy", [PUBLIC, PRIVATE], ids=["public", "private"])
@pytest.mark.parametrize("host", ODD_SPELLINGS.values(), ids=ODD_SPELLINGS)
async def test_an_address_in_an_unusual_form_is_refused_without_asking_what_it_means(
    host: str, policy: AddressPolicy
) -> None:
    assert "unusual form" in await refusal(f"https://{host}/hook", policy, "93.184.216.34")


ODD_URLS = {
    "a user": "https://user@receiver.example/",
    "a user and password": "https://user:word@receiver.example/",
    "an empty user": "https://@receiver.example/",
    "a user that looks like the host": "https://receiver.example@127.0.0.1/",
    "a user with a port": "https://receiver.example:443@127.0.0.1/",
    "a backslash before an at": "https://receiver.example\\@127.0.0.1/",
    "a backslash for a slash": "https:\\\\receiver.example/",
    "a zone id": "https://[fe80::1%25eth0]/",
    "a zone id of a public address": "https://[2606:4700::1111%25eth0]/",
    "a bare zone id": "https://[fe80::1%eth0]/",
    "an escaped host": "https://%31%32%37.0.0.1/",
    "an escaped dot": "https://127%2e0%2e0%2e1/",
    "fullwidth digits": "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",
    "circled digits": "https://\u2460\u2461\u2466.0.0.1/",
    "an ideographic full stop": "https://127\u30020\u30020\u30021/",
    "a letter that IDNA maps": "https://lo\u1d9cal.example/",
    "a sharp s": "https://stra\u00dfe.example/",
    "a soft hyphen": "https://local\u00adhost/",
    "a zero-width space": "https://local\u200bhost/",
    "a slash of another kind": "https://receiver.example\uff0f@127.0.0.1/",
    "a line end": "https://receiver.example/\r\nHost: other",
    "a line end in the host": "https://127.0.0\n.1/",
    "a tab": "https://receiver\t.example/",
    "a null": "https://receiver.example\0.other/",
    "a space": "https://receiver.example /",
    "no host": "https:///hook",
    "no slashes": "https:receiver.example/",
    "one slash": "https:/receiver.example/",
    "no scheme": "//receiver.example/",
    "a name alone": "receiver.example",
    "nothing": "",
    "an empty label": "https://receiver..example/",
    "dots alone": "https://../",
    "a label too long": f"https://{'a' * 64}.example/",
    "a name too long": f"https://{'a.' * 130}example/",
    "an IP of the future": "https://[v1.127]/",
    "a bracket too many": "https://[[::1]]/",
    "brackets around IPv4": "https://[127.0.0.1]/",
    "two ports": "https://receiver.example:80:443/",
    "a port without digits": "https://receiver.example:/",
    "a signed port": "https://receiver.example:+443/",
    "a fullwidth port": "https://receiver.example:\uff14\uff14\uff13/",
    "port 0": "https://receiver.example:0/",
    "a port too large": "https://receiver.example:99999/",
    "a port that wraps around": "https://receiver.example:65616/",
}


@pytest.mark.parametrize("policy", [PUBLIC, PRIVATE], ids=["public", "private"])
@pytest.mark.parametrize("url", ODD_URLS.values(), ids=ODD_URLS)
async def test_a_url_that_two_parsers_may_read_otherwise_is_refused(url: str, policy: AddressPolicy) -> None:
    assert await refusal(url, policy, "93.184.216.34")


@pytest.mark.parametrize(
    "url",
    [
        "https://receiver.example",
        "https://receiver.example/hook?x=%31&y=1#part",
        "HTTPS://Receiver.Example:8443/a b".replace(" ", "+"),
        "https://receiver.example./",
        "https://xn--strae-oqa.example/\u00fcber?\u00e4=1",
        "https://a_b.example/@/user:word@x",
        "https://1.2.receiver.example/",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]:8443/",
    ],
)
async def test_a_plain_url_of_the_internet_may_be_called(url: str) -> None:
    await UrlCheck(PUBLIC, resolve_to_public).check(url)


def test_a_target_has_the_host_in_lower_case_and_the_port_of_its_scheme() -> None:
    target = target_of("HTTPS://Receiver.Example/Hook", PUBLIC)
    assert (target.scheme, target.host, target.port) == ("https", "receiver.example", 443)
    assert target_of("http://[::1]:8080/", PRIVATE).host == "::1"


@pytest.mark.parametrize("scheme", ["http", "ftp", "file", "gopher", "dict", "ldap", "unix", "ws"])
async def test_only_https_is_called_unless_more_is_allowed(scheme: str) -> None:
    assert "must begin with https://" in await refusal(f"{scheme}://receiver.example/", PUBLIC, "93.184.216.34")


def test_what_the_library_would_read_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        scheme, raw_host, port, user, password = "https", "other.example", 443, None, None

    monkeypatch.setattr(addresses, "URL", lambda _url: Other())
    with pytest.raises(UrlRefused, match="not one that can be called"):
        target_of("https://receiver.example/", PUBLIC)


# --- what a name may stand for -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "localhost.", "metadata.google.internal", "127.0.0.1.nip.io"]
)
async def test_a_name_counts_for_what_it_stands_for(host: str) -> None:
    assert "must not call" in await refusal(f"https://{host}/", PUBLIC, "127.0.0.1")


async def test_of_several_addresses_each_must_be_allowed() -> None:
    assert "must not call" in await refusal("https://receiver.example/", PUBLIC, "93.184.216.34", "10.0.0.1")
    assert "must not call" in await refusal("https://receiver.example/", PUBLIC, "2606:4700::1111", "::ffff:10.0.0.1")


async def test_a_refusal_does_not_tell_the_address() -> None:
    assert "10.20.30.40" not in await refusal("https://receiver.example/", PUBLIC, "10.20.30.40")


async def test_a_name_without_address_is_refused_but_where_private_ones_are_allowed() -> None:
    assert "could not be resolved" in await refusal("https://receiver.example/", PUBLIC)

    async def fails(_host: str) -> Sequence[str]:
        raise socket.gaierror("Name or service not known")

    with pytest.raises(NotResolved):
        await UrlCheck(PUBLIC, fails).check("https://receiver.example/")
    await UrlCheck(PRIVATE, fails).check("https://receiver.example/")


async def test_a_name_that_is_not_resolved_in_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "RESOLVE_S", 0.01)

    async def hangs(_host: str) -> Sequence[str]:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(NotResolved):
        await UrlCheck(PUBLIC, hangs).check("https://receiver.example/")


async def test_the_systems_resolver_is_asked_in_a_thread_and_once_for_all_who_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go_on = threading.Event()
    asked: list[str] = []

    def getaddrinfo(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        if host == "slow.example":
            assert go_on.wait(30)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 0)),
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1", 0, 0, 7)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 0)),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    lookups = NameResolver()
    slow = [asyncio.create_task(lookups.resolve("slow.example")) for _ in range(100)]
    assert await lookups.resolve("other.example") == ["10.0.0.1", "fe80::1%7"]
    go_on.set()
    assert await asyncio.gather(*slow) == [["10.0.0.1", "fe80::1%7"]] * 100
    assert sorted(asked) == ["other.example", "slow.example"]
