"""How clients share what there is."""

import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracklog.web import bounds
from tracklog.web.bounds import Bounds, Share, bounds_with, client_of, raise_open_files


def taken(share: Share, client: str) -> int:
    """How much a client gets that takes as much as it can."""
    number = 0
    while share.take(client):
        number += 1
    return number


def test_one_client_gets_half_and_who_comes_next_always_finds_something() -> None:
    share = Share(1000)
    assert taken(share, "first") == 500
    assert taken(share, "second") == 250
    assert taken(share, "third") == 125
    assert taken(share, "fourth") > 0


def test_clients_that_take_in_turn_get_as_much_as_each_other() -> None:
    share = Share(1000)
    turns = 0
    while all([share.take(client) for client in "abc"]):  # noqa: C419  # each has its turn
        turns += 1
    assert turns == 250


def test_of_a_single_one_the_first_client_gets_it() -> None:
    share = Share(1)
    assert share.take("a")
    assert not share.take("a")
    assert not share.take("b")
    share.give_back("a")
    assert share.take("b")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 40)), max_size=60))
def test_what_is_given_back_is_there_again(steps: list[tuple[str, int]]) -> None:
    share = Share(100)
    taken_by: list[tuple[str, int]] = []
    for client, amount in steps:
        if share.take(client, amount):
            taken_by.append((client, amount))
        assert share.used == sum(amount for _, amount in taken_by) <= share.limit
    for client, amount in taken_by:
        share.give_back(client, amount)
    assert share.used == 0
    assert share._held == {}


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:10.1.2.3", "::ffff:10.1.2.3"),
        ("", ""),
        ("no:address", "no:address"),
    ],
)
def test_all_addresses_of_one_ipv6_network_are_one_client(address: str, client: str) -> None:
    assert client_of(address) == client


@pytest.mark.parametrize(("files", "connections"), [(20_000, 4096), (1024, 704), (256, 96), (64, 1)])
def test_connections_leave_files_for_everything_else(files: int, connections: int) -> None:
    assert bounds_with(files).connections == connections
    streams = min(Bounds().streams, connections)
    assert files <= 64 or connections + streams <= files - bounds.RESERVED_FILES


def test_the_soft_limit_of_files_is_raised_to_the_hard_one() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, before[1]), before[1]))
        assert raise_open_files() == min(bounds.MOST_FILES, before[1])
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(bounds.MOST_FILES, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
