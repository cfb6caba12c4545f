"""Rules of the Host and Origin headers."""

import pytest

from tracklog.web.origins import REMEMBERED, host_rule, is_same_origin, origin_rule, remembered


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:5000",
        "127.0.0.1:5000",
        "[::1]",
        "[::1]:5000",
        "0.0.0.0:80",
        "10.1.2.3:5000",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1:8080",
        "[fd00::1]:5000",
    ],
)
def test_localhost_and_private_addresses_are_taken_by_default(host: str) -> None:
    assert host_rule(None)(host)


@pytest.mark.parametrize(
    "host",
    [
        *("", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "172.32.0.1", "8.8.8.8"),
        "[2001:db8::1]",
        # What stands behind the colon is a port and nothing else.
        *("localhost:evil.example", "localhost:80@evil.example", "localhost:", "localhost:80:80", "localhost:123456"),
        *(
            "localhost:-1",
            "localhost:\uff18\uff10",
            "127.0.0.1:80/x",
            "[::1]evil.example",
            "[::1]:x",
            "[::1]80",
            "[::1",
        ),
        *(
            "user@localhost",
            "localhost/x",
            "localhost#",
            "localhost ",
            " localhost",
            "localhost\t:80",
            "10.0.0.1\\x:80",
        ),
    ],
)
def test_any_other_host_is_refused_by_default(host: str) -> None:
    assert not host_rule(None)(host)


def test_named_hosts_replace_the_default_ones() -> None:
    takes = host_rule(("tracklog.example", "10.0.0.7:5000", "*.inner.example"))
    assert takes("tracklog.example")
    assert takes("TRACKLOG.example:8443")
    assert takes("10.0.0.7:5000")
    assert takes("a.inner.example:1")
    assert not takes("10.0.0.7:6000")
    assert not takes("localhost")
    assert not takes("inner.example")


def test_a_star_takes_every_host_and_every_origin() -> None:
    assert host_rule(("*",))("anything.example:1")
    assert origin_rule(("*",))("https://anything.example")


@pytest.mark.parametrize("host", ["", "a b", "a:b", "a/b", "a@b", "a,b", "\udcff", "ü.example", "a:99999999"])
def test_no_pattern_takes_what_is_no_host(host: str) -> None:
    assert not host_rule(("*",))(host)
    assert not origin_rule(("*",))(f"https://{host}")


def test_brackets_of_an_address_are_no_pattern() -> None:
    assert host_rule(("[2001:db8::1]",))("[2001:db8::1]:5000")
    assert not host_rule(("[2001:db8::1]",))("1")


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://LOCALHOST", "http://127.0.0.1", "http://[::1]:1"])
def test_pages_of_this_machine_are_friends_by_default(origin: str) -> None:
    assert origin_rule(None)(origin)


@pytest.mark.parametrize(
    "origin",
    [
        *("null", "", "https://evil.example", "http://localhost.evil.example", "file://localhost", "http://[::1"),
        *("http://localhost/path", "http://localhost:80\udcff", "http://evil@localhost", "http://localhost:evil"),
    ],
)
def test_any_other_page_is_a_stranger_by_default(origin: str) -> None:
    assert not origin_rule(None)(origin)


def test_a_page_of_the_same_host_and_port_has_the_same_origin() -> None:
    assert is_same_origin("https://tracklog.example:8443", "tracklog.example:8443")
    assert not is_same_origin("https://tracklog.example", "tracklog.example:8443")
    assert not is_same_origin("ftp://tracklog.example", "tracklog.example")


def test_what_is_remembered_of_headers_is_bounded() -> None:
    asked: list[str] = []

    def rule(value: str) -> bool:
        asked.append(value)
        return True

    ask = remembered(rule)
    for number in range(REMEMBERED + 1):
        assert ask(str(number))
    assert ask("0")
    assert ask(str(REMEMBERED))
    assert asked == [*map(str, range(REMEMBERED + 1)), "0"]


def test_what_is_refused_or_long_is_not_remembered() -> None:
    asked: list[str] = []

    def rule(value: str) -> bool:
        asked.append(value)
        return value != "evil"

    ask = remembered(rule)
    long = "x" * 60_000
    assert [ask(value) for value in ("good", "evil", long) * 2] == [True, False, True] * 2
    assert asked == ["good", "evil", long, "evil", long]
