"""The addresses that an operator is told are ones that can be typed and that work."""

from collections.abc import Sequence

import pytest

from tracklog.serving import addresses
from tracklog.serving.addresses import reach


@pytest.fixture(autouse=True)
def _network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with one private address and one of the internet's."""
    outside = {"0.0.0.0": ["192.168.1.5"], "::": ["2001:470::5"]}
    monkeypatch.setattr(addresses, "own_addresses", lambda bound: iter(outside.get(bound, [])))


@pytest.mark.parametrize(
    ("host", "bound", "url", "others"),
    [
        ("127.0.0.1", ["127.0.0.1"], "http://127.0.0.1:7", ()),
        ("localhost", ["::1", "127.0.0.1"], "http://localhost:7", ()),
        ("::1", ["::1"], "http://[::1]:7", ()),
        ("0.0.0.0", ["0.0.0.0"], "http://127.0.0.1:7", ("http://192.168.1.5:7",)),
        ("::", ["::", "0.0.0.0"], "http://127.0.0.1:7", ("http://[2001:470::5]:7", "http://192.168.1.5:7")),
        ("::", ["::"], "http://[::1]:7", ("http://[2001:470::5]:7",)),
        ("192.168.1.5", ["192.168.1.5"], "http://192.168.1.5:7", ()),
        ("fe80::1%eth0", ["fe80::1%eth0"], "http://[fe80::1%eth0]:7", ()),
    ],
)
def test_an_address_is_one_that_can_be_typed(host: str, bound: list[str], url: str, others: Sequence[str]) -> None:
    found = reach(host, bound, 7)
    assert (found.url, found.others) == (url, others)
    assert found.only_here == (host in ("127.0.0.1", "localhost", "::1"))


def test_everything_is_below_the_prefix() -> None:
    found = reach("0.0.0.0", ["0.0.0.0"], 7, prefix="/ml")
    assert (found.url, found.others) == ("http://127.0.0.1:7/ml", ("http://192.168.1.5:7/ml",))


def test_addresses_whose_host_header_is_refused_are_told_apart() -> None:
    assert reach("::", ["::", "0.0.0.0"], 7).foreign == ("http://[2001:470::5]:7",)
    assert reach("::", ["::", "0.0.0.0"], 7, allowed_hosts=["*"]).foreign == ()
