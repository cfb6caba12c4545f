"""Where artifacts are said to lie after the move."""

from pathlib import Path

import pytest

from tracklog.moving.roots import Roots


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        ("s3://old/1/a/artifacts", "s3://new/1/a/artifacts"),
        ("s3://old", "s3://new"),
        ("s3://older/1", "s3://older/1"),
        ("s3://old/deep/1", "gs://deep/1"),
        ("mlflow-artifacts:/1/a/artifacts", "mlflow-artifacts:/1/a/artifacts"),
    ],
)
def test_the_longest_beginning_that_is_mapped_counts(found: str, kept: str) -> None:
    roots = Roots((("s3://old", "s3://new"), ("s3://old/deep", "gs://deep")), None)
    assert roots.location(found) == kept


@pytest.mark.parametrize(
    "found", ["file:///C:/Users/ann/mlruns/1/a/artifacts", "/home/ann/mlruns/1/a/artifacts", "../mlruns/1/a/artifacts"]
)
def test_a_folder_that_is_gone_is_looked_for_beside_the_store(found: str, tmp_path: Path) -> None:
    roots = Roots((), tmp_path)
    assert roots.location(found) == found
    folder = tmp_path / "mlruns" / "1" / "a" / "artifacts"
    folder.mkdir(parents=True)
    assert roots.location(found) == str(folder)


def test_what_is_there_and_what_is_elsewhere_stays(tmp_path: Path) -> None:
    there = tmp_path / "old" / "mlruns" / "1"
    there.mkdir(parents=True)
    (tmp_path / "new" / "mlruns" / "1").mkdir(parents=True)
    roots = Roots((), tmp_path / "new")
    for location in (str(there), "s3://bucket/mlruns/1", "mlflow-artifacts:/mlruns/1", "", "runs:/a/mlruns/1"):
        assert roots.location(location) == location
