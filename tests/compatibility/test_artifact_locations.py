"""Experiments with an artifact location of their own, as stock clients use them: no run reaches another's files."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from mlflow import MlflowClient

from tests.compatibility.conftest import fresh_name
from tests.compatibility.rest import Rest, assert_error

ROUTE = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.mark.parametrize("query", ["?y=1", "?", "?a/b"])
def test_behind_a_location_with_a_query_each_run_and_model_has_its_own_files(
    client: MlflowClient, rest: Rest, tmp_path: Path, query: str
) -> None:
    folder = fresh_name("folder")
    experiment_id = client.create_experiment(fresh_name(), artifact_location=f"mlflow-artifacts:/{folder}{query}")
    kept_query = query if len(query) > 1 else ""
    runs = [client.create_run(experiment_id) for _ in range(2)]
    for run in runs:
        assert run.info.artifact_uri == f"mlflow-artifacts:/{folder}/{run.info.run_id}/artifacts{kept_query}"
        client.log_text(run.info.run_id, run.info.run_id, "who.txt")
    for run in runs:
        assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["who.txt"]
        fetched = client.download_artifacts(run.info.run_id, "who.txt", str(tmp_path))
        assert Path(fetched).read_text() == run.info.run_id
        shown = rest.get("/get-artifact", {"run_id": run.info.run_id, "path": "who.txt"})
        assert shown.text == run.info.run_id
        assert rest.get("artifacts/list", {"run_id": run.info.run_id}).json()["files"][0]["path"] == "who.txt"
    models = [client.create_logged_model(experiment_id) for _ in range(2)]
    for model in models:
        where = f"mlflow-artifacts:/{folder}/models/{model.model_id}/artifacts{kept_query}"
        assert model.artifact_location == where


@pytest.mark.parametrize("query", ["", "?y=1"])
@pytest.mark.parametrize(
    "location",
    [
        *("s3://bucket", "s3://bucket/p", "gs://bucket/p", "wasbs://c@account.blob.core.windows.net/p", "dbfs:/p"),
        *("file:/p", "file:///p", "file://localhost/p", "file:p", "/p", "p", "mlflow-artifacts:p"),
    ],
)
def test_in_every_scheme_a_run_lies_below_the_path_of_its_experiment(
    client: MlflowClient, location: str, query: str
) -> None:
    experiment_id = client.create_experiment(fresh_name(), artifact_location=location + query)
    run, model = client.create_run(experiment_id), client.create_logged_model(experiment_id)
    root = client.get_experiment(experiment_id).artifact_location
    path, _, kept_query = (root, "", "") if ":" not in root else root.partition("?")
    plain = f"file://{path.removeprefix('file:')}" if path.startswith("file:/p") else path
    end = f"?{kept_query}" if kept_query else ""
    assert run.info.artifact_uri == f"{plain}/{run.info.run_id}/artifacts{end}"
    assert model.artifact_location == f"{plain}/models/{model.model_id}/artifacts{end}"


@pytest.mark.parametrize("location", ["file:p/q", "p/q", "./p/q", "file:./p/q"])
def test_a_relative_location_is_made_absolute_by_the_server(client: MlflowClient, location: str) -> None:
    experiment_id = client.create_experiment(fresh_name(), artifact_location=location)
    root = client.get_experiment(experiment_id).artifact_location
    scheme = "file://" if location.startswith("file:") else ""
    assert root.startswith(f"{scheme}/")
    assert root.endswith("/p/q")
    assert "/./" not in root


@pytest.mark.parametrize("form", ["http://{}/api/2.0/mlflow-artifacts/artifacts/", "mlflow-artifacts://{}/"])
def test_the_servers_own_address_is_a_location_of_artifacts(
    client: MlflowClient, rest: Rest, server_url: str, is_mlflow: bool, tmp_path: Path, form: str
) -> None:
    if is_mlflow:
        pytest.skip("MLflow 3.17 refuses every host that its options do not name")
    folder = fresh_name("own")
    location = form.format(urlsplit(server_url).netloc) + folder
    experiment_id = client.create_experiment(fresh_name(), artifact_location=location)
    run_id = client.create_run(experiment_id).info.run_id
    client.log_text(run_id, "hello", "sub/hello.txt")
    assert [file.path for file in client.list_artifacts(run_id, "sub")] == ["sub/hello.txt"]
    assert Path(client.download_artifacts(run_id, "sub/hello.txt", str(tmp_path))).read_text() == "hello"
    listed = rest.get("artifacts/list", {"run_id": run_id, "path": "sub"}).json()
    assert [file["path"] for file in listed["files"]] == ["sub/hello.txt"]
    assert rest.get(f"{ROUTE}/{folder}/{run_id}/artifacts/sub/hello.txt").text == "hello"


def test_the_servers_own_host_without_a_port_leads_to_the_destination(
    client: MlflowClient, rest: Rest, server_url: str, is_mlflow: bool
) -> None:
    """Such a client asks at the port of http or https, so here the file is put by another address."""
    if is_mlflow:
        pytest.skip("MLflow 3.17 refuses every host that its options do not name")
    folder = fresh_name("own")
    location = f"mlflow-artifacts://{urlsplit(server_url).hostname}/{folder}"
    experiment_id = client.create_experiment(fresh_name(), artifact_location=location)
    run_id = client.create_run(experiment_id).info.run_id
    rest.send("PUT", f"{ROUTE}/{folder}/{run_id}/artifacts/a.txt", data=b"hello")
    assert rest.get("/get-artifact", {"run_id": run_id, "path": "a.txt"}).text == "hello"


@pytest.mark.parametrize(
    "location",
    [
        *(f"http://elsewhere.example{ROUTE}/x", "mlflow-artifacts://elsewhere.example/x", "sftp://elsewhere.example/x"),
        "abfss://c@elsewhere.dfs.core.windows.net/x",
    ],
)
def test_another_host_is_refused(rest: Rest, location: str) -> None:
    answer = rest.post("experiments/create", {"name": fresh_name(), "artifact_location": location})
    assert_error(answer, 400, "INVALID_PARAMETER_VALUE")


def test_a_host_header_does_not_make_another_host_the_servers_own(rest: Rest, is_mlflow: bool) -> None:
    """One that is let in names this server: the client reached it so. One that is not gets nowhere."""
    if is_mlflow:
        pytest.skip("MLflow 3.17 refuses every host that its options do not name")
    answer = rest.send(
        "POST",
        "experiments/create",
        json={"name": fresh_name(), "artifact_location": f"http://elsewhere.example{ROUTE}/x"},
        headers={"Host": "elsewhere.example"},
    )
    assert answer.status_code == 403
