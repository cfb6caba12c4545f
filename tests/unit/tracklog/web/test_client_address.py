"""Rules of the client's address: a proxy is believed only where the operator trusts it."""

from collections.abc import Sequence

import pytest
from aiohttp.test_utils import make_mocked_request

from tracklog.settings.process import trusted_proxies_of
from tracklog.web.client_address import MAX_HOPS, client_address_rule, https_rule

PROXY = "10.0.0.5"


def address(remote: str, forwarded: Sequence[str], trusted: str | None = "10.0.0.0/8,::1") -> str | None:
    headers = [("X-Forwarded-For", value) for value in forwarded]
    request = make_mocked_request("GET", "/", headers=headers).clone(remote=remote)
    return client_address_rule(trusted_proxies_of(trusted))(request)


def test_without_trusted_proxies_the_connection_counts() -> None:
    assert address(PROXY, ["1.2.3.4"], trusted=None) == PROXY


def test_a_stranger_is_not_believed() -> None:
    assert address("9.9.9.9", ["1.2.3.4"]) == "9.9.9.9"


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        (["1.2.3.4"], "1.2.3.4"),
        (["6.6.6.6, 1.2.3.4"], "1.2.3.4"),  # the first was written by the client itself
        (["6.6.6.6", "1.2.3.4, 10.0.0.9"], "1.2.3.4"),
        (["2001:db8::1"], "2001:db8::1"),
        (["10.0.0.8"], "10.0.0.8"),
        ([], PROXY),
        (["1.2.3.4, unknown"], PROXY),
        (["evil\u2028, 10.0.0.9"], "10.0.0.9"),
        (["1.2.3.4:567"], PROXY),
    ],
)
def test_the_last_address_that_is_no_proxy_is_the_client(forwarded: list[str], client: str) -> None:
    assert address(PROXY, forwarded) == client


def test_a_long_chain_ends_somewhere() -> None:
    assert address(PROXY, ["1.2.3.4," + ",".join(["10.0.0.7"] * MAX_HOPS)]) == "10.0.0.7"


def test_a_name_instead_of_an_address_is_not_trusted() -> None:
    assert address("unix:", ["1.2.3.4"]) == "unix:"


@pytest.mark.parametrize(
    ("scheme", "remote", "said", "is_https"),
    [
        ("https", "9.9.9.9", None, True),
        ("http", "9.9.9.9", None, False),
        ("http", "9.9.9.9", "https", False),
        ("https", "9.9.9.9", "http", True),
        ("http", PROXY, "https", True),
        ("http", PROXY, "HTTPS ", True),
        ("https", PROXY, None, True),
        ("https", PROXY, "http", False),
    ],
)
def test_a_trusted_proxy_says_how_a_client_has_come_to_it(
    scheme: str, remote: str, said: str | None, is_https: bool
) -> None:
    headers = {} if said is None else {"X-Forwarded-Proto": said}
    request = make_mocked_request("GET", "/", headers=headers).clone(remote=remote, scheme=scheme)
    assert https_rule(trusted_proxies_of("10.0.0.0/8"))(request) == is_https
