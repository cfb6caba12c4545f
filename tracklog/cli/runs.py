"""`tracklog runs`: the verbs of `mlflow runs`, for scripts and for people."""

import json

import click

from tracklog.cli.remote import MLFLOW_2, Remote, with_remote
from tracklog.cli.remote_pages import runs, view_option
from tracklog.cli.tables import table, time_of

_id_option = click.option("--run-id", required=True, metavar="ID", help="The run.")


@click.group("runs", short_help="List, show, delete and restore runs.")
def command() -> None:
    """Ask a server for its runs, and change them, by the words of `mlflow runs`."""


@command.command("list")
@click.option(
    "-x", "--experiment-id", envvar="MLFLOW_EXPERIMENT_ID", required=True, metavar="ID", help="Of which experiment."
)
@view_option
@click.option("--filter", "query", default="", metavar="TEXT", help="Only those that a search by this filter finds.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a line for each run, with its data.")
@with_remote
def list_runs(*, remote: Remote, experiment_id: str, view: str, query: str, as_json: bool) -> None:
    """List the runs of an experiment."""
    found = runs(remote, experiment_id, view, query)
    if as_json:
        for run in found:
            click.echo(json.dumps(run, ensure_ascii=False))
        return
    rows = [
        [time_of(run["info"].get("start_time", 0)), run["info"].get("run_name", ""), run["info"]["run_id"]]
        for run in found
    ]
    click.echo(table(sorted(rows, reverse=True), ["Date", "Name", "ID"]))


@command.command("describe")
@_id_option
@with_remote
def describe(*, remote: Remote, run_id: str) -> None:
    """Print a run with its data, as JSON."""
    run = remote.get(f"{MLFLOW_2}/runs/get", run_id=run_id)["run"]
    data = {
        kind: {one["key"]: one.get("value") for one in run.get("data", {}).get(kind, ())}
        for kind in ("metrics", "params", "tags")
    }
    inputs = {"model_inputs": [], "dataset_inputs": [], **run.get("inputs", {})}
    outputs = {"model_outputs": [], **run.get("outputs", {})}
    info = dict(sorted(run["info"].items()))
    document = {"info": info, "data": data, "inputs": inputs, "outputs": outputs}
    click.echo(json.dumps(document, ensure_ascii=False, indent=4))


@command.command("delete")
@_id_option
@with_remote
def delete(*, remote: Remote, run_id: str) -> None:
    """Delete a run; it can be restored."""
    remote.change("POST", f"{MLFLOW_2}/runs/delete", run_id=run_id)
    click.echo(f"Run with ID {run_id} has been deleted.")


@command.command("restore")
@_id_option
@with_remote
def restore(*, remote: Remote, run_id: str) -> None:
    """Restore a deleted run."""
    remote.change("POST", f"{MLFLOW_2}/runs/restore", run_id=run_id)
    click.echo(f"Run with id {run_id} has been restored.")
