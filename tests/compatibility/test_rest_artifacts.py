"""The artifact routes over plain HTTP: paths, ranges, headers, refusals."""

from collections.abc import Iterator

import pytest

from tests.compatibility.conftest import Subjects
from tests.compatibility.rest import Rest, assert_error

PROXY = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture
def folder(subjects: Subjects, run_id: str, experiment_id: str) -> str:
    """The place of a new run's artifacts below the proxy route."""
    return f"{PROXY}/{experiment_id}/{run_id}/artifacts"


def test_put_answers_with_nothing_and_overwrites(rest: Rest, folder: str) -> None:
    for content in (b"first and longer", b"second"):
        answer = rest.send("PUT", f"{folder}/a.bin", data=content)
        assert answer.status_code == 200
        assert answer.text in ("", "{}")
    assert rest.get(f"{folder}/a.bin").content == b"second"


def test_a_body_without_a_length_is_stored_whole(rest: Rest, folder: str) -> None:
    def chunks() -> Iterator[bytes]:
        for number in range(50):
            yield bytes([number]) * 10_000

    assert rest.send("PUT", f"{folder}/chunked.bin", data=chunks()).status_code == 200
    assert rest.get(f"{folder}/chunked.bin").content == b"".join(chunks())


def test_get_answers_as_an_attachment_with_validators(rest: Rest, folder: str) -> None:
    rest.send("PUT", f"{folder}/data.bin", data=b"0123456789")
    answer = rest.get(f"{folder}/data.bin")
    assert answer.content == b"0123456789"
    assert answer.headers["Content-Length"] == "10"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "ETag" in answer.headers
    assert "Last-Modified" in answer.headers


@pytest.mark.parametrize(
    ("header", "content"), [("bytes=2-4", b"234"), ("bytes=7-", b"789"), ("bytes=-2", b"89"), ("bytes=5-99", b"56789")]
)
def test_get_answers_ranges(rest: Rest, folder: str, header: str, content: bytes) -> None:
    rest.send("PUT", f"{folder}/data.bin", data=b"0123456789")
    answer = rest.get(f"{folder}/data.bin", headers={"Range": header})
    assert (answer.status_code, answer.content) == (206, content)
    assert answer.headers["Content-Range"].endswith("/10")


def test_a_range_beyond_the_end_is_refused(rest: Rest, folder: str) -> None:
    rest.send("PUT", f"{folder}/data.bin", data=b"0123456789")
    assert rest.get(f"{folder}/data.bin", headers={"Range": "bytes=10-"}).status_code == 416


def test_head_answers_the_length_alone(rest: Rest, folder: str) -> None:
    rest.send("PUT", f"{folder}/data.bin", data=b"0123456789")
    answer = rest.send("HEAD", f"{folder}/data.bin")
    assert (answer.status_code, answer.headers["Content-Length"], answer.content) == (200, "10", b"")


def test_names_are_percent_decoded_once(rest: Rest, folder: str) -> None:
    rest.send("PUT", f"{folder}/a%20b%2Bc+d.txt", data=b"x")
    files = rest.get(PROXY, {"path": folder.removeprefix(PROXY + "/")}).json()["files"]
    assert files == [{"path": "a b+c+d.txt", "is_dir": False, "file_size": 1}]


@pytest.mark.parametrize("name", ["m.json", "m.yaml", "m.py", "m.csv", "MLmodel", "m.txt", "m.md"])
def test_text_like_files_are_sent_as_plain_text(rest: Rest, folder: str, name: str) -> None:
    rest.send("PUT", f"{folder}/{name}", data=b"{}")
    assert rest.get(f"{folder}/{name}").headers["Content-Type"].startswith("text/plain")


ESCAPES = [
    "..%2Fx",
    "../x",
    "a/../../x",
    "%2e%2e/x",
    "a/..%2F..%2Fx",
    "a%2F..%2F..%2F..%2F..%2F..%2Fx",
    "a%23b",
]


@pytest.mark.parametrize("path", ESCAPES)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_paths_that_escape_are_refused(rest: Rest, method: str, path: str) -> None:
    answer = rest.send_as_it_stands(method, f"{PROXY}/{path}", b"x" if method == "PUT" else None)
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("path", ["..", "../x", "a/../../x", "/etc", "a#b"])
def test_listing_paths_that_escape_are_refused(rest: Rest, path: str) -> None:
    assert rest.get(PROXY, {"path": path}).status_code == 400


def test_missing_files_and_folders_are_refused(rest: Rest, folder: str) -> None:
    rest.send("PUT", f"{folder}/sub/a.txt", data=b"x")
    assert_error(rest.get(f"{folder}/missing.txt"), 404, "RESOURCE_DOES_NOT_EXIST")
    assert rest.get(f"{folder}/sub").status_code == 400


def test_delete_is_idempotent(rest: Rest, folder: str) -> None:
    rest.send("PUT", f"{folder}/sub/a.txt", data=b"x")
    for _ in range(2):
        answer = rest.send("DELETE", f"{folder}/sub/a.txt")
        assert (answer.status_code, answer.json()) == (200, {})
    assert rest.get(f"{folder}/sub/a.txt").status_code == 404


def test_listing_names_files_relative_to_what_was_asked(rest: Rest, folder: str, run_id: str) -> None:
    rest.send("PUT", f"{folder}/sub/a.txt", data=b"abc")
    root = folder.removeprefix(PROXY + "/")
    assert rest.get(PROXY, {"path": root}).json() == {"files": [{"path": "sub", "is_dir": True}]}
    assert rest.get(PROXY, {"path": f"{root}/sub"}).json() == {
        "files": [{"path": "a.txt", "is_dir": False, "file_size": 3}]
    }
    assert rest.get(PROXY, {"path": f"{root}/unknown"}).json() == {}
    by_run = rest.get("artifacts/list", {"run_id": run_id, "path": "sub"}).json()
    assert by_run == {
        "root_uri": f"mlflow-artifacts:/{root}",
        "files": [{"path": "sub/a.txt", "is_dir": False, "file_size": 3}],
    }
    assert rest.get("artifacts/list", {"run_uuid": run_id}).json()["files"] == [{"path": "sub", "is_dir": True}]
    assert "files" not in rest.get("artifacts/list", {"run_id": run_id, "path": "unknown"}).json()


def test_artifacts_list_checks_its_request(rest: Rest, run_id: str) -> None:
    assert_error(rest.get("artifacts/list", {}), 400, "INVALID_PARAMETER_VALUE")
    assert_error(rest.get("artifacts/list", {"run_id": "0" * 32}), 404, "RESOURCE_DOES_NOT_EXIST")
    assert_error(rest.get("artifacts/list", {"run_id": run_id, "path": "../x"}), 400, "INVALID_PARAMETER_VALUE")


def test_the_pages_viewer_gets_a_file_of_a_run(rest: Rest, folder: str, run_id: str) -> None:
    rest.send("PUT", f"{folder}/sub/naïve 100%25.txt", data=b"text")
    for key in ("run_id", "run_uuid"):
        answer = rest.get("/get-artifact", {key: run_id, "path": "sub/naïve 100%.txt"})
        assert (answer.status_code, answer.content) == (200, b"text")
        assert answer.headers["Content-Disposition"].startswith("attachment")
    assert rest.get("/get-artifact", {"run_id": run_id}).status_code == 400
    assert rest.get("/get-artifact", {"run_id": run_id, "path": "../../x"}).status_code == 400
    assert rest.get("/get-artifact", {"run_id": run_id, "path": "missing"}).status_code == 404
    assert rest.get("/get-artifact", {"run_id": "0" * 32, "path": "x"}).status_code == 404


def test_the_page_lists_and_gets_the_files_of_a_logged_model(rest: Rest, subjects: Subjects) -> None:
    root = f"{subjects.experiment_id}/models/{subjects.model_id}/artifacts"
    listing = f"logged-models/{subjects.model_id}/artifacts/directories"
    assert rest.get(listing).json() == {"root_uri": f"mlflow-artifacts:/{root}"}
    try:
        rest.send("PUT", f"{PROXY}/{root}/sub/MLmodel", data=b"flavors: {}")
        assert rest.get(listing).json()["files"] == [{"path": "sub", "is_dir": True}]
        assert rest.get(listing, {"artifact_directory_path": "sub"}).json()["files"] == [
            {"path": "sub/MLmodel", "is_dir": False, "file_size": 11}
        ]
        file = f"/ajax-api/2.0/mlflow/logged-models/{subjects.model_id}/artifacts/files"
        assert rest.get(file, {"artifact_file_path": "sub/MLmodel"}).content == b"flavors: {}"
        assert rest.get(file, {"artifact_file_path": "../../x"}).status_code == 400
    finally:
        rest.send("DELETE", f"{PROXY}/{root}/sub")


def test_a_file_is_uploaded_by_the_page(rest: Rest, run_id: str) -> None:
    path = "/ajax-api/2.0/mlflow/upload-artifact"
    answer = rest.send("POST", path, params={"run_uuid": run_id, "path": "sub/a.txt"}, data=b"abc")
    assert answer.status_code == 200
    assert rest.get("/get-artifact", {"run_uuid": run_id, "path": "sub/a.txt"}).content == b"abc"


@pytest.mark.parametrize("missing", ["run_uuid", "path", "data"])
def test_an_upload_of_the_page_needs_a_run_a_path_and_content(rest: Rest, run_id: str, missing: str) -> None:
    params = {"run_uuid": run_id, "path": "a.txt"}
    params.pop(missing, None)
    data = b"" if missing == "data" else b"abc"
    answer = rest.send("POST", "/ajax-api/2.0/mlflow/upload-artifact", params=params, data=data)
    assert_error(answer, 400, "INVALID_PARAMETER_VALUE")


def test_an_upload_of_the_page_is_of_ten_mebibytes_at_most(rest: Rest, run_id: str) -> None:
    params = {"run_uuid": run_id, "path": "large.bin"}
    answer = rest.send("POST", "/ajax-api/2.0/mlflow/upload-artifact", params=params, data=bytes((10 << 20) + 1))
    assert_error(answer, 400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("way", ["upload", "download"])
@pytest.mark.parametrize("expiration", [None, 60])
def test_there_are_no_presigned_urls_for_what_lies_behind_the_proxy(
    rest: Rest, run_id: str, way: str, expiration: int | None
) -> None:
    body = {"run_id": run_id, "path": "a.txt"} | ({} if expiration is None else {"expiration": expiration})
    assert_error(rest.post(f"artifacts/presigned-{way}-url", body), 400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    "body",
    [
        {"path": "a.txt"},
        {"run_id": "<run_id>"},
        {"run_id": "<run_id>", "model_id": "m-1", "path": "a.txt"},
        {"run_id": "<run_id>", "path": "../a.txt"},
    ],
    ids=["no owner", "no path", "two owners", "a path that escapes"],
)
def test_a_presigned_upload_checks_its_request(rest: Rest, run_id: str, body: dict[str, str]) -> None:
    body = {name: value.replace("<run_id>", run_id) for name, value in body.items()}
    assert_error(rest.post("artifacts/presigned-upload-url", body), 400, "INVALID_PARAMETER_VALUE")
