"""The verbs of MLflow's commands: what they print, of what a server answers."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tracklog.cli.commands import tracklog
from tracklog.cli.remote import Remote
from tracklog.cli.runs_csv import write_csv
from tracklog.cli.tables import table, time_of

RUNS: list[Any] = [
    {
        "info": {
            "run_id": "a",
            "experiment_id": "7",
            "status": "FINISHED",
            "artifact_uri": "mlflow-artifacts:/7/a/artifacts",
            "start_time": 1_795_978_415_769,
            "end_time": 1_795_978_416_000,
        },
        "data": {"metrics": [{"key": "loss", "value": 2e-05}], "params": [{"key": "lr", "value": 'a,"1"'}]},
    },
    {
        "info": {"run_id": "b", "experiment_id": "7", "status": "RUNNING", "artifact_uri": "u", "start_time": 0},
        "data": {"metrics": [{"key": "loss", "value": "NaN"}, {"key": "acc", "value": 1}], "tags": [{"key": "t"}]},
    },
]


def test_runs_are_csv_as_mlflow_writes_them_with_columns_in_order() -> None:
    output = io.StringIO()
    assert write_csv(iter(RUNS), output) == 2
    assert output.getvalue() == (
        "run_id,experiment_id,status,artifact_uri,start_time,end_time,metrics.acc,metrics.loss,params.lr,tags.t\n"
        "a,7,FINISHED,mlflow-artifacts:/7/a/artifacts,2026-11-29 18:53:35.769+00:00,2026-11-29 18:53:36.000+00:00,"
        ',2e-05,"a,""1""",\n'
        "b,7,RUNNING,u,1970-01-01 00:00:00.000+00:00,,1.0,,,\n"
    )


def test_a_table_has_columns_as_wide_as_what_is_in_them() -> None:
    assert table([["a", "bbbbbbb"]], ["x", "y"]) == "x     y      \n----  -------\na     bbbbbbb"
    assert table([], ["Name"]) == "Name  \n------"
    assert time_of(1_795_978_415_769) == "2026-11-29 18:53:35 UTC"


class Pages:
    """A server that answers a run a page, and keeps what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def change(self, _remote: Remote, _method: str, _path: str, **body: Any) -> Any:
        self.asked.append(body)
        number = len(self.asked)
        return {"runs": [RUNS[number - 1]], **({"next_page_token": "more"} if number < len(RUNS) else {})}


def test_runs_are_listed_page_after_page(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = Pages()
    monkeypatch.setattr(Remote, "change", lambda *given, **body: pages.change(*given, **body))
    command = ["runs", "list", "-x", "7", "-v", "all", "--filter", "f", "--json"]
    result = CliRunner().invoke(tracklog, command)
    assert [json.loads(line) for line in result.output.splitlines()] == RUNS
    assert [one.get("page_token") for one in pages.asked] == [None, "more"]
    assert {(one["run_view_type"], one["filter"]) for one in pages.asked} == {("ALL", "f")}


def test_a_path_that_leads_out_of_the_folder_is_not_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files = {"files": [{"path": "../evil", "is_dir": False, "file_size": 1}]}
    monkeypatch.setattr(Remote, "get", lambda *_given, **_query: files)
    result = CliRunner().invoke(tracklog, ["artifacts", "download", "-r", "a", "-d", str(tmp_path / "here")])
    assert result.exit_code == 1
    assert "no path below" in result.output
    assert not list(tmp_path.iterdir())


def test_versions_of_a_model_are_searched_for_by_its_name_in_quotes_that_it_has_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def get(_remote: Remote, _path: str, **query: str) -> Any:
        asked.append(query["filter"])
        return {}

    monkeypatch.setattr(Remote, "get", get)
    for name in ("line", "it's"):
        assert CliRunner().invoke(tracklog, ["models", "versions", "-n", name, "--filter", "run_id = 'a'"]).output
    assert asked == ["name = 'line' AND run_id = 'a'", "name = \"it's\" AND run_id = 'a'"]
    refused = CliRunner().invoke(tracklog, ["models", "versions", "-n", 'it\'s "so"'])
    assert (refused.exit_code, "--filter" in refused.output) == (2, True)


def test_a_version_is_named_in_one_way() -> None:
    for words in ([], ["--version", "1", "--alias", "a"]):
        result = CliRunner().invoke(tracklog, ["models", "download", "-n", "line", *words])
        assert (result.exit_code, "Say which version" in result.output) == (2, True)
