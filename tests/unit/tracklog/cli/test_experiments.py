"""What `tracklog experiments` and `tracklog runs` ask a server, and print of its answers."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.unit.tracklog.cli.answering import Asked, answering, refusal
from tracklog.cli.remote import MLFLOW_2

TRAIN: Final = {
    "experiment_id": "7",
    "name": "träin",
    "artifact_location": "s3://b/7",
    "lifecycle_stage": "active",
    "creation_time": 1,
    "tags": [{"key": "k", "value": "v"}, {"key": "l", "value": "w"}],
}

RUN: Final = {
    "info": {"run_id": "r1", "run_name": "first", "start_time": 1_800_000_000_000, "status": "FINISHED"},
    "data": {
        "metrics": [{"key": "loss", "value": 0.5}],
        "params": [{"key": "lr", "value": "1"}],
        "tags": [{"key": "t"}],
    },
}


def pages(*found: Any, what: str) -> Any:
    """One thing a page; the token of the last is none."""

    def page(asked: Asked) -> Any:
        number = int(asked.body.get("page_token", "0"))
        more = {"next_page_token": str(number + 1)} if number + 1 < len(found) else {}
        return {what: [found[number]], **more}

    return page


def test_an_experiment_is_created() -> None:
    with answering({f"POST {MLFLOW_2}/experiments/create": {"experiment_id": "7"}}) as server:
        assert server.done("experiments", "create", "-n", "train") == "Created experiment 'train' with id 7\n"
        said = server.done("experiments", "create", "-n", "train", "-l", "s3://b", "--json")
        assert json.loads(said) == {"experiment_id": "7"}
        assert [body for _, body in server.bodies] == [
            {"name": "train"},
            {"name": "train", "artifact_location": "s3://b"},
        ]


def test_experiments_are_listed_page_after_page() -> None:
    other = {**TRAIN, "experiment_id": "10", "name": "other"}
    with answering({f"POST {MLFLOW_2}/experiments/search": pages(TRAIN, other, what="experiments")}) as server:
        lines = server.done("experiments", "search", "-v", "all").splitlines()
        assert [line.split() for line in lines] == [
            ["Experiment", "Id", "Name", "Artifact", "Location"],
            ["-" * 15, "-" * 6, "-" * 19],
            ["10", "other", "s3://b/7"],
            ["7", "träin", "s3://b/7"],
        ]
        assert [body["view_type"] for _, body in server.bodies] == ["ALL", "ALL"]
        printed = server.done("experiments", "search", "--json", "--max-results", "1")
        assert json.loads(printed) == TRAIN
        assert "träin" in printed
        assert server.done("experiments", "search", "--json", "--max-results", "0") == ""


def test_an_experiment_is_shown_by_id_and_by_name() -> None:
    answers = {
        f"GET {MLFLOW_2}/experiments/get": {"experiment": TRAIN},
        f"GET {MLFLOW_2}/experiments/get-by-name": {"experiment": {**TRAIN, "tags": []}},
    }
    with answering(answers) as server:
        lines = server.done("experiments", "get", "-x", "7").splitlines()
        assert [line.split(": ") for line in lines] == [
            ["Experiment ID      ", "7"],
            ["Name               ", "träin"],
            ["Artifact Location  ", "s3://b/7"],
            ["Lifecycle Stage    ", "active"],
            ["Creation Time      ", "1"],
            ["Last Update Time   ", "N/A"],
            ["Tags               ", "k=v, l=w"],
        ]
        assert json.loads(server.done("experiments", "get", "-x", "7", "--json"))["tags"] == {"k": "v", "l": "w"}
        assert json.loads(server.done("experiments", "get", "-n", "träin", "--output", "json"))["tags"] == {}
        assert [body for _, body in server.bodies[1:]] == [{"experiment_id": "7"}, {"experiment_name": "träin"}]


@pytest.mark.parametrize("words", [[], ["-x", "7", "-n", "train"]])
def test_one_experiment_has_to_be_named(words: list[str]) -> None:
    with answering({}) as server:
        refused = server.run("experiments", "get", *words)
        assert (refused.exit_code, server.asked) == (2, [])
        assert "Say which experiment" in refused.stderr


@pytest.mark.parametrize(
    ("words", "path", "body", "said"),
    [
        (["delete"], "delete", {}, "Experiment with ID 7 has been deleted."),
        (["restore"], "restore", {}, "Experiment with id 7 has been restored."),
        (["rename", "--new-name", "n"], "update", {"new_name": "n"}, "Experiment with id 7 has been renamed to 'n'."),
    ],
)
def test_an_experiment_is_changed(words: list[str], path: str, body: dict[str, str], said: str) -> None:
    with answering({f"POST {MLFLOW_2}/experiments/{path}": {}}) as server:
        assert server.done("experiments", *words, "-x", "7") == f"{said}\n"
        assert server.bodies == [(f"POST {MLFLOW_2}/experiments/{path}", {"experiment_id": "7", **body})]


def test_what_a_server_refuses_ends_a_command() -> None:
    with answering({f"POST {MLFLOW_2}/experiments/delete": refusal(404, "No experiment 8.")}) as server:
        refused = server.run("experiments", "delete", "-x", "8")
        assert (refused.exit_code, refused.stdout, refused.stderr) == (1, "", "Error: No experiment 8.\n")


def test_the_runs_of_an_experiment_become_csv(tmp_path: Path) -> None:
    with answering({f"POST {MLFLOW_2}/runs/search": pages(RUN, what="runs")}) as server:
        printed = server.done("experiments", "csv", "-x", "7")
        file = tmp_path / "runs.csv"
        said = server.done("experiments", "csv", "-x", "7", "-o", str(file))
        assert said == f"Experiment with ID 7 has been exported as a CSV to file: {file}.\n"
        assert printed == file.read_text() + "\n"
        header, row = file.read_text().splitlines()
        held = dict(zip(header.split(","), row.split(","), strict=True))
        assert (held["run_id"], held["metrics.loss"], held["params.lr"]) == ("r1", "0.5", "1")


def test_runs_are_listed() -> None:
    unnamed = {"info": {"run_id": "r2"}}
    with answering({f"POST {MLFLOW_2}/runs/search": pages(RUN, unnamed, what="runs")}) as server:
        lines = server.done("runs", "list", "-x", "7", "--filter", "metrics.loss < 1").splitlines()
        assert [line.split() for line in lines[2:]] == [
            ["2027-01-15", "08:00:00", "UTC", "first", "r1"],
            ["1970-01-01", "00:00:00", "UTC", "r2"],
        ]
        assert server.bodies[1][1] == {
            "experiment_ids": ["7"],
            "run_view_type": "ACTIVE_ONLY",
            "max_results": 1000,
            "filter": "metrics.loss < 1",
            "page_token": "1",
        }
        printed = server.done("runs", "list", "-x", "7", "--json").splitlines()
        assert [json.loads(line) for line in printed] == [RUN, unnamed]


def test_a_run_is_described() -> None:
    run = {**RUN, "inputs": {"dataset_inputs": [1]}, "outputs": {}}
    with answering({f"GET {MLFLOW_2}/runs/get": {"run": run}}) as server:
        described = json.loads(server.done("runs", "describe", "--run-id", "r1"))
        assert described == {
            "info": RUN["info"],
            "data": {"metrics": {"loss": 0.5}, "params": {"lr": "1"}, "tags": {"t": None}},
            "inputs": {"model_inputs": [], "dataset_inputs": [1]},
            "outputs": {"model_outputs": []},
        }
        assert server.bodies == [(f"GET {MLFLOW_2}/runs/get", {"run_id": "r1"})]


@pytest.mark.parametrize(
    ("verb", "said"), [("delete", "Run with ID r1 has been"), ("restore", "Run with id r1 has been")]
)
def test_a_run_is_deleted_and_restored(verb: str, said: str) -> None:
    with answering({f"POST {MLFLOW_2}/runs/{verb}": {}}) as server:
        assert server.done("runs", verb, "--run-id", "r1") == f"{said} {verb}d.\n"
        assert server.bodies == [(f"POST {MLFLOW_2}/runs/{verb}", {"run_id": "r1"})]
