"""What an artifact location written by a client may name: this server's own folders, and nothing else."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifact_proxy.artifact_roots import ArtifactRoots, LocalRoot, RemoteRoot
from artifact_proxy.stores.local.blob_store import LocalBlobStore
from schemas.errors import InvalidParameterValue

DESTINATION = LocalBlobStore(Path("/data/artifacts"))
OUTER = LocalBlobStore(Path("/data/runs"))
INNER = LocalBlobStore(Path("/data/runs/inner"))
ROOTS = ArtifactRoots(DESTINATION, [LocalRoot(Path("/data/runs"), OUTER), LocalRoot(Path("/data/runs/inner"), INNER)])
REMOTE = ArtifactRoots(DESTINATION, remote=[RemoteRoot("s3://bucket/runs", OUTER)])


@pytest.mark.parametrize(
    ("uri", "folder"),
    [
        ("mlflow-artifacts:/1/run/artifacts", "1/run/artifacts"),
        ("mlflow-artifacts:/", ""),
        ("mlflow-artifacts:///1/run", "1/run"),
        ("mlflow-artifacts://host/1/run", "1/run"),
        ("mlflow-artifacts://host:5000/1/run/", "1/run"),
        ("http://host:5000/api/2.0/mlflow-artifacts/artifacts/1/run", "1/run"),
        ("https://host/prefix/api/2.0/mlflow-artifacts/artifacts/1/run", "1/run"),
        ("mlflow-artifacts:/1/run?y=1", "1/run"),
        ("mlflow-artifacts:/my%20team/a+b", "my team/a+b"),
        ("mlflow-artifacts:/my team/run", "my team/run"),
        ("mlflow-artifacts:/%252e%252e/run", "%2e%2e/run"),
    ],
)
def test_every_address_of_the_proxy_names_the_one_destination(uri: str, folder: str) -> None:
    place = ROOTS.place(uri)
    assert place.store is DESTINATION
    assert str(place.path) == folder


@pytest.mark.parametrize(
    ("uri", "store", "folder"),
    [
        ("/data/runs", OUTER, ""),
        ("/data/runs/1/run/artifacts", OUTER, "1/run/artifacts"),
        ("file:///data/runs/1", OUTER, "1"),
        ("file:/data/runs/1/", OUTER, "1"),
        ("file:///data/runs/1?x=1", OUTER, "1"),
        ("file://127.0.0.1/data/runs/1", OUTER, "1"),
        ("file://localhost/data/runs/a%20b", OUTER, "a b"),
        ("/data/runs/a%20b", OUTER, "a%20b"),
        ("/data/runs/inner/1", INNER, "1"),
        ("/data/runs/inner2/1", OUTER, "inner2/1"),
    ],
)
def test_a_local_location_names_the_nearest_folder_it_lies_in(uri: str, store: LocalBlobStore, folder: str) -> None:
    place = ROOTS.place(uri)
    assert place.store is store
    assert str(place.path) == folder


@pytest.mark.parametrize(
    "uri",
    [
        *("/etc", "/", "", "relative/path", "./x", "..", "~/x", "/data", "/data/runs2", "/data/runsx/1"),
        *("/data/runs/../secret", "/data/runs/1/../../../etc", "/data/./runs/1", "//data/runs/1", "/data//runs/1"),
        *("file:///etc/passwd", "file://host/data/runs/1", "file:data/runs/1", "file:///data/runs/%2e%2e/secret"),
        *("file:///data/runs/1#x", "FILE:///etc/passwd", "http://[bad/x"),
        *("mlflow-artifacts:/../x", "mlflow-artifacts:/%2e%2e/x", "mlflow-artifacts:/a/..%2f..%2fx"),
        *(
            "http://host/api/2.0/mlflow-artifacts/artifacts/1?x",
            "mlflow-artifacts:/1#x",
            "mlflow-artifacts:/1//2",
            "mlflow-artifacts:/a\\..\\b",
        ),
        *(
            "http://host/1/run",
            "http://host/api/2.0/mlflow-artifacts/artifacts",
            "http://169.254.169.254/latest/meta-data",
        ),
        *(
            "http://host/api/2.0/mlflow-artifacts/artifacts/../../x",
            "file:\t///etc/passwd",
            "\x00/data/runs",
            "/data/runs/\n",
        ),
        "/data/runs/\ud800",
    ],
)
def test_any_other_place_is_refused(uri: str) -> None:
    with pytest.raises(InvalidParameterValue):
        ROOTS.place(uri)


@pytest.mark.parametrize(
    "uri", ["s3://bucket/1", "gs://b/1", "wasbs://c@a/1", "hdfs://h/1", "sftp://h/1", "runs:/1/x", "C:/x"]
)
def test_a_store_that_the_operator_did_not_name_is_refused(uri: str) -> None:
    with pytest.raises(InvalidParameterValue):
        ROOTS.place(uri)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        *(("s3://bucket/runs", ""), ("s3://bucket/runs/", ""), ("s3://bucket/runs/1/a b", "1/a b")),
        *(("s3://bucket/runs/1?x=1", "1"), ("S3://bucket/runs/1", "1")),
    ],
)
def test_a_remote_store_that_the_operator_named_is_reached(uri: str, path: str) -> None:
    place = REMOTE.place(uri)
    assert (place.store, str(place.path), place.root) == (OUTER, path, "s3://bucket/runs")


@pytest.mark.parametrize(
    "uri", ["s3://bucket", "s3://bucket/runs2/1", "s3://bucket/runs/../x", "s3://other/runs/1", "s3://bucket/runs//1"]
)
def test_nothing_beside_a_remote_root_is_reached(uri: str) -> None:
    with pytest.raises(InvalidParameterValue):
        REMOTE.place(uri)


def test_without_serving_artifacts_the_proxys_addresses_name_nothing() -> None:
    roots = ArtifactRoots(None, [LocalRoot(Path("/data/runs"), OUTER)])
    assert roots.place("/data/runs/1").store is OUTER
    with pytest.raises(InvalidParameterValue, match="no-serve-artifacts"):
        roots.place("mlflow-artifacts:/1/run")


PIECES = st.sampled_from(
    [
        "mlflow-artifacts:",
        "file:",
        "http:",
        "//",
        "/",
        "host",
        "data",
        "runs",
        "inner",
        "..",
        ".",
        "%2e%2e",
        "%2f",
        "#",
        "?",
        "\\",
        "\0",
    ]
)


@pytest.mark.parametrize(
    ("root", "uri"),
    [
        *(("hdfs:/runs", "hdfs:///runs/1"), ("hdfs:///runs", "hdfs:/runs/1")),
        *(
            ("viewfs:/runs", "viewfs:/runs/1"),
            ("viewfs:///runs", "viewfs:/runs/1"),
            ("sftp://h/runs", "SFTP://h/runs/1"),
        ),
    ],
)
def test_a_remote_root_is_the_same_however_it_is_written(root: str, uri: str) -> None:
    place = ArtifactRoots(DESTINATION, remote=[RemoteRoot(root, OUTER)]).place(uri)
    assert (place.store, str(place.path)) == (OUTER, "1")


@given(st.one_of(st.lists(PIECES, max_size=14).map("".join), st.text(max_size=60)))
def test_whatever_a_client_writes_names_a_place_of_ours_or_is_refused(uri: str) -> None:
    try:
        place = ROOTS.place(uri)
    except InvalidParameterValue as refusal:
        refusal.message.encode()
    else:
        assert place.store in (DESTINATION, OUTER, INNER)
        assert not {"..", ".", ""} & set(place.path.segments)
