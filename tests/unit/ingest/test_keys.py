"""Rules for keys, each compared with a real MLflow 3.17 server."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import keys
from ingest.keys import check_key, key_fault
from schemas.errors import InvalidParameterValue

PART = st.text(string.ascii_letters + string.digits + "_-. :äß日", min_size=1, max_size=8)


@pytest.mark.parametrize(
    "key",
    ["a", "a b", "a:b", "a/b", " ", "-", "é", "日本", "²", "a.b", ".a", "a..b", "x" * 250],
)
def test_keys_that_mlflow_takes_are_taken(key: str) -> None:
    assert key_fault(key) is None


@pytest.mark.parametrize(
    "key",
    [
        "",
        ".",
        "..",
        "...",
        "..a",
        "/a",
        "a/",
        "a//b",
        "./a",
        "a/.",
        "a/../b",
        "a?",
        "a@b",
        "a\\b",
        "%",
        "a\nb",
        "a\n",
        "\n",
        "a\u0301",
        "a\u00a0b",
        "😀",
        "x" * 251,
    ],
)
def test_keys_that_mlflow_refuses_are_refused(key: str) -> None:
    assert key_fault(key) is not None


@given(st.lists(PART, min_size=1, max_size=5))
def test_a_key_of_plain_path_segments_is_taken(parts: list[str]) -> None:
    key = "/".join(parts)
    plain = not any(part in {".", ".."} for part in parts) and not key.startswith("..")
    assert (key_fault(key) is None) == plain


@given(st.text(max_size=260))
def test_a_key_that_is_taken_can_neither_leave_its_folder_nor_name_another(key: str) -> None:
    if key_fault(key) is None:
        assert 0 < len(key) <= 250
        assert not key.startswith("/")
        assert not {"", ".", ".."} & set(key.split("/"))


def test_refused_keys_are_not_remembered() -> None:
    check_key("a key of this test", "key")
    remembered = keys._accept_key.cache_info().currsize
    for number in range(100):
        for refused in (f"{number}?", f"{number}" * 1000):
            with pytest.raises(InvalidParameterValue, match=r"a key (exceeds|may hold)"):
                check_key(refused, "key")
    assert keys._accept_key.cache_info().currsize == remembered > 0
