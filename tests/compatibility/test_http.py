"""What every HTTP client meets: health, version, methods, foreign hosts and origins, and the page's own routes."""

import re

import pytest

from tests.compatibility.conftest import Subjects
from tests.compatibility.rest import Rest


def test_health_and_version_answer_in_plain_words(rest: Rest) -> None:
    health = rest.get("/health")
    assert (health.status_code, health.text) == (200, "OK")
    version = rest.get("/version")
    assert version.status_code == 200
    assert re.fullmatch(r"3\.17\.\d+", version.text)


@pytest.mark.parametrize("prefix", ["/api/3.0", "/ajax-api/3.0"])
def test_server_info_tells_what_the_server_can_do(rest: Rest, prefix: str) -> None:
    info = rest.get(f"{prefix}/mlflow/server-info").json()
    assert info["store_type"] == "SqlStore"
    assert info["workspaces_enabled"] is False
    assert info["trace_archival_enabled"] is False
    assert info["multipart_uploads_enabled"] is False
    assert info["multipart_downloads_enabled"] is False


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "experiments/create", "POST"),
        ("DELETE", "runs/create", "POST"),
        ("PUT", "runs/get", "GET"),
        ("POST", "experiments/get", "GET"),
        ("PATCH", "experiments/search", "POST"),
    ],
)
def test_a_wrong_method_is_refused_and_the_right_one_named(rest: Rest, method: str, path: str, allowed: str) -> None:
    answer = rest.send(method, path, json={})
    assert answer.status_code == 405
    assert allowed in {name.strip() for name in answer.headers["Allow"].split(",")}


@pytest.mark.parametrize(
    "path",
    [
        "/api/2.0/mlflow/nothing",
        "/api/2.0/mlflow/runs/get/",
        "/api/3.0/mlflow/experiments/get",
        "/api/2.0/preview/mlflow/runs/get",
        "/api/2.0/mlflow/experiments/search-datasets",
        "/nothing",
        "/docs",
        "/openapi.json",
    ],
)
def test_unknown_paths_are_not_found(rest: Rest, path: str) -> None:
    assert rest.get(path).status_code == 404


def test_options_answers_without_a_body(rest: Rest) -> None:
    answer = rest.send("OPTIONS", "runs/create")
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:5000", "127.0.0.1.evil.example", "8.8.8.8"])
def test_a_foreign_host_is_refused_except_for_probes(rest: Rest, host: str) -> None:
    assert rest.get("experiments/get", {"experiment_id": "0"}, headers={"Host": host}).status_code == 403
    assert rest.get("/health", headers={"Host": host}).status_code == 200
    assert rest.get("/version", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:1234", "127.0.0.1", "[::1]:5000", "192.168.1.7:80", "10.1.2.3", "172.20.0.1"]
)
def test_hosts_of_the_machine_and_of_private_networks_pass(rest: Rest, host: str) -> None:
    assert rest.get("experiments/get", {"experiment_id": "0"}, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("prefix", ["/api/2.0/mlflow/", "/ajax-api/2.0/mlflow/"])
def test_a_foreign_origin_may_not_write(rest: Rest, subjects: Subjects, prefix: str) -> None:
    body = {"run_id": subjects.run_id, "key": "present", "value": "yes"}
    headers = {"Origin": "http://evil.example"}
    assert rest.post(f"{prefix}runs/set-tag", body, headers=headers).status_code == 403
    own = {"Origin": "http://localhost:3000"}
    assert rest.post(f"{prefix}runs/set-tag", body, headers=own).status_code == 200
    assert rest.get(f"{prefix}runs/get", {"run_id": subjects.run_id}, headers=headers).status_code == 200


def test_a_double_slash_inside_a_path_is_tolerated(rest: Rest) -> None:
    assert rest.get("/api/2.0/mlflow//experiments/get", {"experiment_id": "0"}).status_code == 200
