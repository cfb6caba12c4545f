"""What `tracklog models` asks a server, and makes of its answers."""

import csv
import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.unit.tracklog.cli.answering import Asked, Said, answering
from tracklog.cli.remote import MLFLOW_2

MODELS: Final = f"{MLFLOW_2}/registered-models"
VERSIONS: Final = f"{MLFLOW_2}/model-versions"
FILES: Final = "api/2.0/mlflow-artifacts/artifacts"

MODEL: Final = {
    "name": "grün",
    "last_updated_timestamp": 1_800_000_000_000,
    "latest_versions": [{"version": "2", "current_stage": "Staging"}, {"version": "3", "current_stage": "None"}],
    "aliases": [{"alias": "champion", "version": "2"}, {"alias": "best", "version": "2"}],
}

VERSION: Final = {
    "name": "grün",
    "version": "2",
    "current_stage": "Staging",
    "creation_timestamp": 1_800_000_000_000,
    "last_updated_timestamp": 1_800_000_001_000,
    "status": "READY",
    "source": "s3://b/m",
    "description": "two\nlines",
    "tags": [{"key": "k", "value": "v"}, {"key": "empty"}],
}


def test_models_are_listed_page_after_page() -> None:
    def page(asked: Asked) -> Any:
        if "page_token" not in asked.query:
            return {"registered_models": [MODEL], "next_page_token": "x"}
        return {"registered_models": [{**MODEL, "name": "b", "latest_versions": [], "aliases": []}]}

    with answering({f"GET {MODELS}/search": page}) as server:
        header, _, first, second = server.done("models", "list").splitlines()
        assert header.split("  ")[0] == "Name"
        assert first.split("  ")[0] == "grün"
        assert "2 Staging, 3  " in first
        assert "champion: 2, best: 2" in first
        assert first.endswith("2027-01-15 08:00:00 UTC")
        assert second.split() == ["b", "2027-01-15", "08:00:00", "UTC"]
        assert server.bodies == [
            (f"GET {MODELS}/search", {"max_results": "1000"}),
            (f"GET {MODELS}/search", {"max_results": "1000", "page_token": "x"}),
        ]
        lines = server.done("models", "list", "--json", "--filter", "name LIKE 'g%'").splitlines()
        assert [json.loads(line)["name"] for line in lines] == ["grün", "b"]
        assert "grün" in lines[0]
        assert server.bodies[-1][1]["filter"] == "name LIKE 'g%'"


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ([], None),
        (["-n", "it's"], 'name = "it\'s"'),
        (["-n", 'a "b"'], "name = 'a \"b\"'"),
        (["-n", "m", "--filter", "run_id = 'r'"], "name = 'm' AND run_id = 'r'"),
        (["--filter", "run_id = 'r'"], "run_id = 'r'"),
    ],
)
def test_versions_are_listed_of_the_models_that_are_asked_for(words: list[str], asked: str | None) -> None:
    with answering({f"GET {VERSIONS}/search": {"model_versions": [VERSION]}}) as server:
        *_, line = server.done("models", "versions", *words).splitlines()
        assert line.split() == ["grün", "2", "Staging", "2027-01-15", "08:00:00", "UTC"]
        assert json.loads(server.done("models", "versions", *words, "--json")) == VERSION
        assert [body.get("filter") for _, body in server.bodies] == [asked, asked]


def test_a_name_with_both_kinds_of_quotes_has_to_be_searched_for_by_a_filter() -> None:
    with answering({}) as server:
        refused = server.run("models", "versions", "-n", """it's "b\"""")
        assert (refused.exit_code, server.asked) == (2, [])
        assert "use --filter" in refused.stderr


def test_a_model_and_its_versions_are_shown() -> None:
    answers = {
        f"GET {MODELS}/get": {"registered_model": MODEL},
        f"GET {VERSIONS}/get": {"model_version": VERSION},
        f"GET {MODELS}/alias": {"model_version": {**VERSION, "version": "9"}},
    }
    with answering(answers) as server:
        assert json.loads(server.done("models", "get", "-n", "m")) == MODEL
        assert json.loads(server.done("models", "get", "-n", "m", "--version", "2")) == VERSION
        assert json.loads(server.done("models", "get", "-n", "m", "--alias", "a"))["version"] == "9"
        assert server.bodies == [
            (f"GET {MODELS}/get", {"name": "m"}),
            (f"GET {VERSIONS}/get", {"name": "m", "version": "2"}),
            (f"GET {MODELS}/alias", {"name": "m", "alias": "a"}),
        ]
        assert server.run("models", "get", "-n", "m", "--alias", "a", "--version", "1").exit_code == 2


def test_versions_become_csv_with_their_aliases(tmp_path: Path) -> None:
    answers = {
        f"GET {MODELS}/search": {"registered_models": [MODEL, {"name": "other"}]},
        f"GET {VERSIONS}/search": {"model_versions": [VERSION, {**VERSION, "version": "3", "tags": []}]},
    }
    with answering(answers) as server:
        file = tmp_path / "versions.csv"
        said = server.done("models", "csv", "-n", "grün", "-o", str(file))
        assert said == f"2 versions have been exported as a CSV to file: {file}.\n"
        assert server.done("models", "csv", "-n", "grün") == file.read_text()
        with file.open(newline="") as opened:
            first, second = csv.DictReader(opened)
        assert first == {
            "name": "grün",
            "version": "2",
            "current_stage": "Staging",
            "aliases": "best champion",
            "status": "READY",
            "run_id": "",
            "source": "s3://b/m",
            "creation_timestamp": "2027-01-15 08:00:00 UTC",
            "last_updated_timestamp": "2027-01-15 08:00:01 UTC",
            "description": "two\nlines",
            "tags": '{"k": "v", "empty": ""}',
        }
        assert (second["version"], second["aliases"], second["tags"]) == ("3", "", "{}")


def test_the_files_of_a_version_are_downloaded(tmp_path: Path) -> None:
    def listed(asked: Asked) -> Any:
        [path] = asked.query["path"]
        return {
            "7/m": {"files": [{"path": "MLmodel", "is_dir": False}, {"path": "data", "is_dir": True}]},
            "7/m/data": {"files": [{"path": "ä.bin", "is_dir": False}]},
        }.get(path, {})

    answers = {
        f"GET {MODELS}/alias": {"model_version": {"version": 4}},
        f"GET {VERSIONS}/get-download-uri": {"artifact_uri": "mlflow-artifacts:/7/m"},
        f"GET {FILES}": listed,
        f"GET {FILES}/7/m/MLmodel": Said(b"model"),
        f"GET {FILES}/7/m/data/%C3%A4.bin": Said(b"bytes"),
    }
    with answering(answers) as server:
        said = server.done("models", "download", "-n", "m", "--alias", "a", "-d", str(tmp_path))
        assert said == f"\n{tmp_path}\n"
        assert {file.name: file.read_bytes() for file in tmp_path.rglob("*.*")} == {"ä.bin": b"bytes"}
        assert (tmp_path / "MLmodel").read_bytes() == b"model"
        assert (f"GET {VERSIONS}/get-download-uri", {"name": "m", "version": "4"}) in server.bodies
        one = tmp_path / "one"
        server.done("models", "download", "-n", "m", "--version", "4", "-a", "MLmodel", "-d", str(one))
        assert [(file.name, file.read_bytes()) for file in one.iterdir()] == [("MLmodel", b"model")]


def test_files_that_clients_get_themselves_are_not_downloaded() -> None:
    with answering({f"GET {VERSIONS}/get-download-uri": {"artifact_uri": "s3://b/m"}}) as server:
        refused = server.run("models", "download", "-n", "m", "--version", "4")
        assert refused.exit_code == 1
        assert "are kept at 's3://b/m'" in refused.stderr


@pytest.mark.parametrize("path", ["../out", "/etc/passwd", "a/../../out"])
def test_no_server_writes_outside_of_the_folder(tmp_path: Path, path: str) -> None:
    answers = {
        f"GET {VERSIONS}/get-download-uri": {"artifact_uri": "mlflow-artifacts:/7/m"},
        f"GET {FILES}": {"files": [{"path": path}]},
    }
    with answering(answers) as server:
        into = tmp_path / "into"
        refused = server.run("models", "download", "-n", "m", "--version", "4", "-a", "..", "-d", str(into))
        assert (refused.exit_code, list(tmp_path.iterdir())) == (1, [])
        assert "is no path below the folder" in refused.stderr


@pytest.mark.parametrize("words", [[], ["--version", "1", "--alias", "a"]])
def test_a_version_to_download_is_named_in_one_way(words: list[str]) -> None:
    with answering({}) as server:
        refused = server.run("models", "download", "-n", "m", *words)
        assert (refused.exit_code, server.asked) == (2, [])
        assert "by --version or by --alias" in refused.stderr


@pytest.mark.parametrize(
    ("words", "asked", "body", "said"),
    [
        (
            ["set-alias", "-n", "m", "--alias", "a", "--version", "2"],
            f"POST {MODELS}/alias",
            {"name": "m", "alias": "a", "version": "2"},
            "Alias 'a' of registered model 'm' is version 2.",
        ),
        (
            ["delete-alias", "-n", "m", "--alias", "a"],
            f"DELETE {MODELS}/alias",
            {"name": "m", "alias": "a"},
            "Alias 'a' of registered model 'm' has been deleted.",
        ),
        (
            ["rename", "-n", "m", "--new-name", "n"],
            f"POST {MODELS}/rename",
            {"name": "m", "new_name": "n"},
            "Registered model 'm' has been renamed to 'n'.",
        ),
        (
            ["delete", "-n", "m", "--version", "2"],
            f"DELETE {VERSIONS}/delete",
            {"name": "m", "version": "2"},
            "Version 2 of registered model 'm' has been deleted.",
        ),
        (
            ["delete", "-n", "m", "--yes"],
            f"DELETE {MODELS}/delete",
            {"name": "m"},
            "Registered model 'm' has been deleted.",
        ),
    ],
)
def test_models_are_changed(words: list[str], asked: str, body: dict[str, str], said: str) -> None:
    with answering({asked: {}}) as server:
        assert server.done("models", *words) == f"{said}\n"
        assert server.bodies == [(asked, body)]


@pytest.mark.parametrize(("typed", "is_deleted"), [("y\n", True), ("n\n", False), ("", False)])
def test_a_model_is_deleted_with_all_of_its_versions_once_that_is_said(typed: str, is_deleted: bool) -> None:
    with answering({f"DELETE {MODELS}/delete": {}}) as server:
        done = server.run("models", "delete", "-n", "m", typed=typed)
        assert (done.exit_code, len(server.asked)) == ((0, 1) if is_deleted else (1, 0))
        assert "Delete registered model 'm' with all of its versions?" in done.output
