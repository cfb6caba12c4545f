"""The artifact routes over HTTP: what they answer, and what they leave on the disk."""

import json
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from artifact_proxy.http import transfer
from artifact_proxy.stores.staging import STAGING
from tests.unit.artifact_proxy.serving import PROXY, Served, open_descriptors, parsed, read_all, serving

FILE = f"{PROXY}/1/run/artifacts/a.txt"
LARGE = os.urandom(3 << 20)


def wait_until(is_true: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def files_below(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_a_file_goes_up_and_comes_down(server: Served) -> None:
    answer = server.ask("PUT", FILE, b"hello")
    assert (answer.status, answer.body) == (200, b"")
    answer = server.ask("GET", FILE)
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"hello", "5")
    assert answer.headers["content-disposition"] == 'attachment; filename="a.txt"'
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_large_file_comes_down_whole_and_in_ranges(server: Served) -> None:
    server.ask("PUT", FILE, LARGE)
    answer = server.ask("GET", FILE)
    assert (answer.status, answer.headers["content-length"]) == (200, str(len(LARGE)))
    assert answer.body == LARGE
    answer = server.ask("GET", FILE, headers={"Range": "bytes=100000-2100000"})
    assert (answer.status, answer.headers["content-range"]) == (206, f"bytes 100000-2100000/{len(LARGE)}")
    assert answer.body == LARGE[100_000:2_100_001]


@pytest.mark.parametrize("content", [b"", b"hello", LARGE], ids=len)
def test_head_answers_as_get_without_the_body(server: Served, content: bytes) -> None:
    server.ask("PUT", FILE, content)
    head, get = server.ask("HEAD", FILE), server.ask("GET", FILE)
    assert (head.status, head.body) == (200, b"")
    drop = {"date", "x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in drop} == {
        k: v for k, v in get.headers.items() if k not in drop
    }


def test_a_range_beyond_the_end_is_refused_with_the_size(server: Served) -> None:
    server.ask("PUT", FILE, b"hello")
    answer = server.ask("GET", FILE, headers={"Range": "bytes=5-"})
    assert (answer.status, answer.headers["content-range"], answer.body) == (416, "bytes */5", b"")


def test_a_client_that_has_the_version_is_not_sent_it_again(server: Served) -> None:
    server.ask("PUT", FILE, b"hello")
    etag = server.ask("GET", FILE).headers["etag"]
    answer = server.ask("GET", FILE, headers={"If-None-Match": etag})
    assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", etag)
    assert server.ask("GET", FILE, headers={"If-Match": '"other"'}).status == 412
    server.ask("PUT", FILE, b"HELLO")
    assert server.ask("GET", FILE, headers={"If-None-Match": etag}).body == b"HELLO"


def test_many_requests_go_over_one_connection(server: Served) -> None:
    """An answer without a body, to HEAD or 304, must not be taken for the beginning of the next."""
    server.ask("PUT", FILE, LARGE)
    with server.connect() as connection:
        for method in ("HEAD", "GET", "HEAD"):
            last = "Connection: close\r\n" if method == "GET" else ""
            connection.sendall(f"{method} {FILE} HTTP/1.1\r\nHost: localhost\r\n{last}\r\n".encode())
            if last:
                break
        answers = read_all(connection)
    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert answers.endswith(LARGE)


def test_missing_files_and_folders_are_distinguished(server: Served) -> None:
    server.ask("PUT", FILE, b"x")
    missing = server.ask("GET", f"{FILE}.missing")
    assert (missing.status, json.loads(missing.body)["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    folder = server.ask("GET", f"{PROXY}/1/run")
    assert (folder.status, json.loads(folder.body)["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("name", ["with space", "100%", "%2e%2e", "a+b", "a&b=c?d", "naïve", "漢字🚀", "'q\"", "a%20b"])
def test_odd_names_mean_the_same_on_every_route(server: Served, name: str) -> None:
    at = f"{PROXY}/1/run/artifacts/{quote(name, safe='')}"
    assert server.ask("PUT", at, b"content").status == 200
    assert files_below(server.root) == [f"1/run/artifacts/{name}"]
    assert server.ask("GET", at).body == b"content"
    assert server.get_artifact("proxied", name).body == b"content"
    listed = {"files": [{"path": name, "is_dir": False, "file_size": 7}]}
    assert json.loads(server.ask("GET", f"{PROXY}?path=1/run/artifacts").body) == listed
    by_run = json.loads(server.ask("GET", "/api/2.0/mlflow/artifacts/list?run_id=proxied").body)
    assert by_run == {"root_uri": "mlflow-artifacts:/1/run/artifacts", **listed}
    assert server.ask("DELETE", at).status == 200
    assert files_below(server.root) == []


def test_a_run_lists_paths_from_its_root_and_the_proxy_names_in_the_folder(server: Served) -> None:
    server.ask("PUT", f"{PROXY}/1/run/artifacts/sub/deep/x.bin", b"123")
    proxied = server.ask("GET", f"{PROXY}?path=1/run/artifacts/sub")
    assert json.loads(proxied.body) == {"files": [{"path": "deep", "is_dir": True}]}
    by_run = server.ask("GET", "/ajax-api/2.0/mlflow/artifacts/list?run_uuid=proxied&path=sub/deep")
    assert json.loads(by_run.body)["files"] == [{"path": "sub/deep/x.bin", "is_dir": False, "file_size": 3}]


@pytest.mark.parametrize("count", [999, 1_000, 1_001, 2_500])
def test_a_folder_of_any_size_is_listed_whole(server: Served, count: int) -> None:
    folder = server.root / "1" / "run" / "artifacts" / "many"
    folder.mkdir(parents=True)
    names = [f"{number:05}" for number in range(count)]
    for name in names:
        (folder / name).touch()
    listed = server.ask("GET", f"{PROXY}?path=1/run/artifacts/many", headers={"Accept-Encoding": "identity"})
    body = listed.body if "content-length" in listed.headers else unchunked(listed.body)
    assert [file["path"] for file in json.loads(body)["files"]] == names
    by_run = server.ask("GET", "/api/2.0/mlflow/artifacts/list?run_id=proxied&path=many")
    body = by_run.body if "content-length" in by_run.headers else unchunked(by_run.body)
    assert [file["path"] for file in json.loads(body)["files"]] == [f"many/{name}" for name in names]


def unchunked(body: bytes) -> bytes:
    """The content of a body in chunks, which must be whole."""
    content = b""
    while True:
        size, _, rest = body.partition(b"\r\n")
        if int(size, 16) == 0:
            return content
        content += rest[: int(size, 16)]
        body = rest[int(size, 16) + 2 :]


@pytest.mark.parametrize("path", ["a.txt", "unknown", "unknown/folder"])
def test_a_file_or_an_unknown_folder_lists_as_empty(server: Served, path: str) -> None:
    server.ask("PUT", FILE, b"x")
    assert server.ask("GET", f"{PROXY}?path=1/run/artifacts/{path}").body == b"{}"
    listed = server.ask("GET", f"/api/2.0/mlflow/artifacts/list?run_id=proxied&path={path}")
    assert json.loads(listed.body) == {"root_uri": "mlflow-artifacts:/1/run/artifacts"}


def test_a_logged_models_files_are_listed_and_sent(server: Served) -> None:
    server.run_roots["m-1"] = "mlflow-artifacts:/1/models/m-1/artifacts"
    server.ask("PUT", f"{PROXY}/1/models/m-1/artifacts/sub/MLmodel", b"flavors")
    model = "/mlflow/logged-models/m-1/artifacts"
    listed = server.ask("GET", f"/api/2.0{model}/directories?artifact_directory_path=sub")
    assert json.loads(listed.body)["files"] == [{"path": "sub/MLmodel", "is_dir": False, "file_size": 7}]
    assert server.ask("GET", f"/ajax-api/2.0{model}/files?artifact_file_path=sub/MLmodel").body == b"flavors"
    assert server.ask("GET", f"/ajax-api/2.0{model}/files").status == 400


def test_a_run_whose_artifacts_lie_in_a_served_folder_is_read_there(server: Served, tmp_path: Path) -> None:
    folder = tmp_path / "local" / "1" / "run" / "artifacts"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("local")
    server.run_roots["local"] = folder.as_uri()
    assert server.get_artifact("local", "a.txt").body == b"local"
    listed = json.loads(server.ask("GET", "/api/2.0/mlflow/artifacts/list?run_id=local").body)
    assert listed == {"root_uri": folder.as_uri(), "files": [{"path": "a.txt", "is_dir": False, "file_size": 5}]}


@pytest.mark.parametrize("location", ["/etc", "file:///etc", "s3://bucket/1", "http://host/1"])
def test_a_run_whose_location_is_none_of_the_servers_is_refused(server: Served, location: str) -> None:
    server.run_roots["elsewhere"] = location
    assert server.get_artifact("elsewhere", "passwd").status == 400
    assert server.ask("GET", "/api/2.0/mlflow/artifacts/list?run_id=elsewhere").status == 400


OF_VERSION = "/model-versions/get-artifact?name=proxied&version=1"


def test_a_file_of_a_version_comes_down_as_that_of_a_run(server: Served) -> None:
    server.ask("PUT", FILE, b"hello")
    of_run = server.get_artifact("proxied", "a.txt")
    of_version = server.ask("GET", f"{OF_VERSION}&path=a.txt")
    assert (of_version.status, of_version.body) == (200, b"hello")
    own = {"date", "x-request-id"}
    assert {name: value for name, value in of_version.headers.items() if name not in own} == {
        name: value for name, value in of_run.headers.items() if name not in own
    }
    assert of_version.headers["content-disposition"] == 'attachment; filename="a.txt"'
    head = server.ask("HEAD", f"{OF_VERSION}&path=a.txt")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "5")
    part = server.ask("GET", f"{OF_VERSION}&path=a.txt", headers={"Range": "bytes=1-2"})
    assert (part.status, part.body) == (206, b"el")
    known = {"If-None-Match": of_version.headers["etag"]}
    assert server.ask("GET", f"{OF_VERSION}&path=a.txt", headers=known).status == 304


def test_a_version_number_is_read_leniently(server: Served) -> None:
    server.ask("PUT", FILE, b"hello")
    for number in ("01", "%201%20"):
        target = f"/model-versions/get-artifact?name=proxied&version={number}&path=a.txt"
        assert server.ask("GET", target).body == b"hello"


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("?version=1&path=a.txt", 400),
        ("?name=proxied&path=a.txt", 400),
        ("?name=proxied&version=1", 400),
        ("?name=proxied&version=1&path=", 400),
        ("?name=proxied&version=x&path=a.txt", 400),
        ("?name=proxied&version=1.0&path=a.txt", 400),
        ("?name=a%2Fproxied&version=1&path=a.txt", 400),
        ("?name=proxied&version=1&path=%ff", 400),
        (f"?name=proxied&version=1&path={'x' * 5000}", 400),
        ("?name=proxied&version=1&path=folder", 400),
        ("?name=proxied&version=1&path=missing", 404),
        ("?name=proxied&version=2&path=a.txt", 404),
        ("?name=proxied&version=-1&path=a.txt", 404),
        (f"?name=proxied&version={2**70}&path=a.txt", 404),
        ("?name=unknown&version=1&path=a.txt", 404),
    ],
)
def test_what_is_no_file_of_a_version_is_told_so(server: Served, target: str, status: int) -> None:
    server.ask("PUT", FILE, b"hello")
    server.ask("PUT", f"{PROXY}/1/run/artifacts/folder/b.txt", b"hello")
    answer = server.ask("GET", f"/model-versions/get-artifact{target}")
    assert answer.status == status
    assert (
        json.loads(answer.body)["error_code"]
        == {400: "INVALID_PARAMETER_VALUE", 404: "RESOURCE_DOES_NOT_EXIST"}[status]
    )


@pytest.mark.parametrize("source", ["dummy-source", "prompt-template"])
def test_a_version_that_is_a_prompt_has_no_files_wherever_the_server_was_started(
    server: Served, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (server.root / source, tmp_path / source):
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text("no artifact of anyone")
    monkeypatch.chdir(tmp_path)
    server.run_roots["prompt/1"] = source
    answer = server.ask("GET", "/model-versions/get-artifact?name=prompt&version=1&path=a.txt")
    assert (answer.status, json.loads(answer.body)["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize(
    "location",
    [
        *("/etc", "file:///etc", "etc", "file:etc", "file://host/etc", "s3://bucket/1", "s3://bucket/../1", "foo:bar"),
        *("http://host/1", "runs:/1/model", "models:/m-1", "models:/m/1", "databricks://1", "mlflow-artifacts:/../x"),
    ],
)
def test_a_version_whose_source_is_none_of_the_servers_is_refused(server: Served, location: str) -> None:
    server.run_roots["elsewhere/1"] = location
    answer = server.ask("GET", "/model-versions/get-artifact?name=elsewhere&version=1&path=passwd")
    assert (answer.status, json.loads(answer.body)["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    "target",
    [
        *(
            "/get-artifact",
            "/get-artifact?run_id=proxied",
            "/get-artifact?path=x",
            "/get-artifact?run_id=proxied&path=",
        ),
        *("/get-artifact?run_id=proxied&path=%ff", f"{PROXY}?path=%ff", f"{PROXY}?path=a%ed%a0%80"),
        *("/api/2.0/mlflow/artifacts/list", "/api/2.0/mlflow/artifacts/list?path=a"),
    ],
)
def test_requests_that_say_too_little_or_nonsense_are_refused(server: Served, target: str) -> None:
    answer = server.ask("GET", target)
    assert (answer.status, json.loads(answer.body)["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_an_unknown_run_is_not_found(server: Served) -> None:
    assert server.get_artifact("unknown", "x").status == 404
    assert server.ask("GET", "/api/2.0/mlflow/artifacts/list?run_id=unknown").status == 404


def test_a_body_in_pieces_of_unknown_number_is_stored_whole(server: Served) -> None:
    with server.connect() as connection:
        connection.sendall(f"PUT {FILE} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n".encode())
        connection.sendall(b"Connection: close\r\n\r\n")
        for start in range(0, len(LARGE), 50_000):
            piece = LARGE[start : start + 50_000]
            connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        assert parsed(read_all(connection)).status == 200
    assert server.ask("GET", FILE).body == LARGE


def broken_off(server: Served, sent: int) -> None:
    with server.connect() as connection:
        head = f"PUT {FILE} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(LARGE)}\r\n\r\n"
        connection.sendall(head.encode() + LARGE[:sent])
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(0.3)
        with suppress(TimeoutError):
            assert b" 200 " not in connection.recv(1000)


@pytest.mark.parametrize("sent", [0, 10, 400_000, 2_000_000])
def test_an_upload_that_breaks_off_leaves_the_old_version_and_nothing_else(server: Served, sent: int) -> None:
    server.ask("PUT", FILE, b"old")
    broken_off(server, sent)
    wait_until(lambda: files_below(server.root) == ["1/run/artifacts/a.txt"])
    assert server.ask("GET", FILE).body == b"old"


def test_clients_that_go_away_leave_no_file_and_no_connection_open(server: Served) -> None:
    server.ask("PUT", FILE, LARGE)
    before = open_descriptors()
    for _ in range(10):
        broken_off(server, 500_000)
        with server.connect() as connection:
            connection.sendall(f"GET {FILE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            connection.recv(10_000)
    wait_until(lambda: open_descriptors() <= before and os.listdir(server.root / STAGING) == [])


def test_a_silent_upload_is_ended_and_may_be_tried_again(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "SILENCE_S", 0.2)
    with server.connect() as connection:
        head = f"PUT {FILE} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 10)
        answer = parsed(connection.recv(100_000))
    assert (answer.status, "retry-after" in answer.headers) == (504, True)
    assert files_below(server.root) == []


@pytest.mark.slow
def test_a_download_that_is_not_read_is_ended(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "SILENCE_S", 0.2)
    server.ask("PUT", FILE, os.urandom(30 << 20))
    before = open_descriptors()
    with server.connect() as connection:
        connection.sendall(f"GET {FILE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        wait_until(lambda: open_descriptors() > before + 1)
        wait_until(lambda: open_descriptors() <= before + 1)
        with pytest.raises(OSError):
            while connection.recv(1 << 20):
                pass
            raise OSError("the connection ended before the content did")


def test_a_server_that_does_not_serve_artifacts_says_so_on_every_proxy_route(tmp_path: Path) -> None:
    with serving(tmp_path / "root", serve_artifacts=False) as server:
        for method, target in (("GET", PROXY), ("GET", FILE), ("PUT", FILE), ("DELETE", FILE), ("HEAD", FILE)):
            answer = server.ask(method, target, b"x" if method == "PUT" else None)
            assert (answer.status, answer.headers["content-type"]) == (503, "text/plain; charset=utf-8")
        (tmp_path / "root" / "1").mkdir(parents=True)
        (tmp_path / "root" / "1" / "a").write_text("x")
        server.run_roots["local"] = (tmp_path / "root" / "1").as_uri()
        assert server.get_artifact("local", "a").body == b"x"
        assert server.get_artifact("proxied", "a").status == 400
