"""Rules for keys, values and identifiers, each compared with a real MLflow 3.17 server."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import validation
from ingest.validation import (
    check_artifact_location,
    check_key,
    check_logged_model_name,
    check_timestamp,
    key_fault,
)
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
    remembered = validation._accept_key.cache_info().currsize
    for number in range(100):
        for refused in (f"{number}?", f"{number}" * 1000):
            with pytest.raises(InvalidParameterValue, match=r"a key (exceeds|may hold)"):
                check_key(refused, "key")
    assert validation._accept_key.cache_info().currsize == remembered > 0


@pytest.mark.parametrize("timestamp_ms", [None, -1, -(2**63)])
def test_a_timestamp_is_neither_missing_nor_negative(timestamp_ms: int | None) -> None:
    with pytest.raises(InvalidParameterValue, match="timestamp"):
        check_timestamp(timestamp_ms, "timestamp")


ROOT = "mlflow-artifacts:/"


@pytest.mark.parametrize(
    "location",
    [
        "s3://bucket/a",
        "s3://bucket/a?x=1",
        "s3://b/../a",
        "/tmp/a",
        "rel/a",
        "file:///a",
        "models:/a/b",
        "weird://x/y",
        "mlflow-artifacts:/a",
        "dbfs:/x",
        "C:\\x",
        " s3://x/y ",
        "foo bar",
    ],
)
def test_artifact_locations_that_mlflow_takes_are_taken(location: str) -> None:
    check_artifact_location(location, ROOT)


@pytest.mark.parametrize(
    "location",
    [
        "s3://bucket/a#x",
        "#f",
        "runs:/a/b",
        "http://h/a",
        "https://h/a",
        "ftp://h/a",
        "hdfs://h/a",
        "mlflow-artifacts://host/a",
        "mlflow-artifacts:/../a",
        "mlflow-artifacts:/a/../../b",
        "http://[bad/x",
    ],
)
def test_artifact_locations_that_cannot_be_resolved_or_name_a_host_are_refused(location: str) -> None:
    with pytest.raises(InvalidParameterValue, match="artifact_location"):
        check_artifact_location(location, ROOT)


def test_the_host_of_the_artifact_root_may_be_named() -> None:
    check_artifact_location("hdfs://namenode:8020/other", "hdfs://namenode:8020/root")


@pytest.mark.parametrize("letter", "/:.%\"'")
def test_a_model_name_holds_no_punctuation_of_uris(letter: str) -> None:
    with pytest.raises(InvalidParameterValue):
        check_logged_model_name(f"a{letter}b")
    check_logged_model_name("a b-c_d é")
