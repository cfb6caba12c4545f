"""Rules for keys, values and identifiers, each compared with a real MLflow 3.17 server."""

import math
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
    experiment_id_of,
    key_fault,
    metric_value,
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


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (1.5, 1.5),
        (0.0, 0.0),
        (True, 1.0),
        (False, 0.0),
        ("1.5", 1.5),
        (" 1 ", 1.0),
        ("-2e3", -2000.0),
        ("1_0", 10.0),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("-Infinity", "-Infinity"),
    ],
)
def test_a_metric_value_is_a_number_or_one_of_three_words(sent: float | str | bool, kept: float | str) -> None:
    value = metric_value(sent, "value")
    assert value == kept
    assert type(value) is type(kept)


@pytest.mark.parametrize("sent", ["nan", "NAN", "0x10", "abc", "true", "--1"])
def test_other_text_is_no_metric_value(sent: str) -> None:
    with pytest.raises(InvalidParameterValue, match="value"):
        metric_value(sent, "value")


@pytest.mark.parametrize("sent", [None, ""])
def test_a_metric_value_must_not_be_missing(sent: str | None) -> None:
    with pytest.raises(InvalidParameterValue, match="Missing"):
        metric_value(sent, "value")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_finite_number_is_the_same_as_text(number: float) -> None:
    assert metric_value(repr(number), "value") == number


@given(st.text())
def test_whatever_text_is_taken_is_finite_or_one_of_three_words(text: str) -> None:
    try:
        value = metric_value(text, "value")
    except InvalidParameterValue:
        return
    assert value in {"NaN", "Infinity", "-Infinity"} if isinstance(value, str) else math.isfinite(value)


@pytest.mark.parametrize("timestamp_ms", [None, -1, -(2**63)])
def test_a_timestamp_is_neither_missing_nor_negative(timestamp_ms: int | None) -> None:
    with pytest.raises(InvalidParameterValue, match="timestamp"):
        check_timestamp(timestamp_ms, "timestamp")


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), (" 0 ", 0), ("00", 0), ("1_0", 10), (str(2**63 - 1), 2**63 - 1)]
)
def test_experiment_ids_are_read_leniently(text: str, number: int) -> None:
    assert experiment_id_of(text) == number


@pytest.mark.parametrize("text", ["-5", str(2**63), "9" * 30])
def test_an_id_no_experiment_can_have_is_one_that_is_not_found(text: str) -> None:
    assert experiment_id_of(text) == -1


@pytest.mark.parametrize("text", ["", "abc", "1.5", "0x1", "9" * 5000])
def test_what_is_no_integer_is_no_experiment_id(text: str) -> None:
    with pytest.raises(InvalidParameterValue):
        experiment_id_of(text)


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
