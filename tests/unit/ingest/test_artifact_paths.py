"""Where artifacts of experiments, runs and models lie."""

import pytest

from ingest.artifact_paths import absolute, logged_model_artifacts, run_artifacts
from schemas.artifact_uris import below


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("mlflow-artifacts:/", "mlflow-artifacts:/5"),
        ("mlflow-artifacts:/a", "mlflow-artifacts:/a/5"),
        ("mlflow-artifacts:/a?y=1", "mlflow-artifacts:/a/5?y=1"),
        ("mlflow-artifacts:/a?", "mlflow-artifacts:/a/5"),
        ("mlflow-artifacts:a?y=1", "mlflow-artifacts:a/5?y=1"),
        ("mlflow-artifacts:", "mlflow-artifacts:5"),
        ("mlflow-artifacts:///a", "mlflow-artifacts:/a/5"),
        ("mlflow-artifacts://h:5000/a?y=1", "mlflow-artifacts://h:5000/a/5?y=1"),
        ("mlflow-artifacts://h", "mlflow-artifacts://h/5"),
        ("http://h/api/2.0/mlflow-artifacts/artifacts", "http://h/api/2.0/mlflow-artifacts/artifacts/5"),
        ("s3://b", "s3://b/5"),
        ("s3://b?x", "s3://b/5?x"),
        ("s3://b/a/", "s3://b/a/5"),
        ("s3://b/a?x=1", "s3://b/a/5?x=1"),
        ("S3://b/a", "s3://b/a/5"),
        ("s3://b/a;q", "s3://b/a;q/5"),
        ("gs://b/a?x", "gs://b/a/5?x"),
        ("wasbs://c@a.blob.core.windows.net/p?x=1", "wasbs://c@a.blob.core.windows.net/p/5?x=1"),
        ("abfss://c@a.dfs.core.windows.net/p?x", "abfss://c@a.dfs.core.windows.net/p/5?x"),
        ("sftp://u@h:22/p?x", "sftp://u@h:22/p/5?x"),
        ("ftp://h/p?x", "ftp://h/p/5?x"),
        ("hdfs://h:8020/p?x", "hdfs://h:8020/p/5?x"),
        ("dbfs:/p?x", "dbfs:/p/5?x"),
        ("file:/x?y", "file:///x/5?y"),
        ("file:///x?y=1", "file:///x/5?y=1"),
        ("file://localhost/x?y", "file://localhost/x/5?y"),
        ("foo:bar?x", "foo:bar/5?x"),
        ("/tmp/a?b", "/tmp/a?b/5"),
        ("/tmp/a/", "/tmp/a/5"),
        ("//a/b", "//a/b/5"),
        ("/tmp/a%20b", "/tmp/a%20b/5"),
    ],
)
def test_a_path_goes_below_its_location_and_before_a_query(location: str, expected: str) -> None:
    """Each as a real MLflow 3.17 answered it."""
    assert below(location, "5") == expected


def test_runs_and_models_lie_below_their_experiment() -> None:
    assert run_artifacts("mlflow-artifacts:/5?y", "abc") == "mlflow-artifacts:/5/abc/artifacts?y"
    assert logged_model_artifacts("mlflow-artifacts:/5?y", "m-1") == "mlflow-artifacts:/5/models/m-1/artifacts?y"


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("a/b", "/work/a/b"),
        ("./a", "/work/a"),
        (".", "/work"),
        ("../a", "/work/../a"),
        ("~/a", "/work/~/a"),
        ("a?b", "/work/a?b"),
        ("/a", "/a"),
        ("", ""),
        ("s3://b", "s3://b"),
        ("a:b", "a:b"),
        ("mlflow-artifacts:a", "mlflow-artifacts:a"),
        ("file:a", "file:///work/a"),
        ("file:./a", "file:///work/a"),
        ("file:../a", "file:///work/../a"),
        ("file:a%20b?y", "file:///work/a%20b?y"),
        ("file:/a", "file:/a"),
        ("file:///a", "file:///a"),
    ],
)
def test_only_a_relative_path_is_made_absolute_with_and_without_scheme(location: str, expected: str) -> None:
    assert absolute(location, "/work") == expected


def test_a_folder_with_odd_letters_is_escaped_in_a_uri_and_not_in_a_path() -> None:
    assert absolute("file:a", "/my work") == "file:///my%20work/a"
    assert absolute("a", "/my work") == "/my work/a"
