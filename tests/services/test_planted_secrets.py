"""A planted secret is found however it is spelled."""

from base64 import b64encode

import pytest

from tests.planted_secrets import Planted


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "ada:"])
def test_it_is_found_in_credentials(before: str) -> None:
    planted = Planted()
    secret = planted.new("password")
    assert planted.found_in(b64encode(f"{before}{secret}".encode()).decode()) == ["password"]
    assert planted.found_in(f"x{secret.encode().hex()}") == ["password"]
    assert planted.found_in(f'{{"said": "{before}{secret}!"}}'.encode()) == ["password"]


def test_another_is_not() -> None:
    planted = Planted()
    planted.new("password")
    assert planted.found_in(Planted().new("other")) == []
