"""Where artifacts of experiments, runs and models lie."""

import pytest

from ingest.artifact_paths import absolute, below, logged_model_artifacts, run_artifacts


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("mlflow-artifacts:/", "mlflow-artifacts:/5"),
        ("mlflow-artifacts:/a", "mlflow-artifacts:/a/5"),
        ("s3://b", "s3://b/5"),
        ("s3://b/a/", "s3://b/a/5"),
        ("s3://b/a?x=1", "s3://b/a/5?x=1"),
        ("/tmp/a?b", "/tmp/a?b/5"),
    ],
)
def test_a_path_goes_below_its_location_and_before_a_query(location: str, expected: str) -> None:
    assert below(location, "5") == expected


def test_runs_and_models_lie_below_their_experiment() -> None:
    assert run_artifacts("mlflow-artifacts:/5", "abc") == "mlflow-artifacts:/5/abc/artifacts"
    assert logged_model_artifacts("mlflow-artifacts:/5", "m-1") == "mlflow-artifacts:/5/models/m-1/artifacts"


@pytest.mark.parametrize(
    ("location", "expected"),
    [("a/b", "/work/a/b"), ("/a", "/a"), ("", ""), ("s3://b", "s3://b"), ("../a", "/work/../a")],
)
def test_only_a_relative_path_without_scheme_is_made_absolute(location: str, expected: str) -> None:
    assert absolute(location, "/work") == expected
