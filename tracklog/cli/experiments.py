"""`tracklog experiments`: the verbs of `mlflow experiments`, for scripts and for people."""

import json
import sys

import click

from tracklog.cli.bad_usage import BadUsage
from tracklog.cli.remote import MLFLOW_2, Remote, with_remote
from tracklog.cli.remote_pages import experiments, runs, view_option
from tracklog.cli.tables import table

_id_option = click.option("-x", "--experiment-id", required=True, metavar="ID", help="The experiment.")
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, a line for each experiment.")


@click.group("experiments", short_help="Create, find, change and export experiments.")
def command() -> None:
    """Ask a server for its experiments, and change them, by the words of `mlflow experiments`."""


@command.command("create")
@click.option("-n", "--experiment-name", required=True, metavar="NAME", help="What it is to be called.")
@click.option(
    "-l", "--artifact-location", metavar="URI", help="Where its runs keep artifacts.  [default: the server's]"
)
@_json_option
@with_remote
def create(*, remote: Remote, experiment_name: str, artifact_location: str | None, as_json: bool) -> None:
    """Create an experiment."""
    more = {"artifact_location": artifact_location} if artifact_location else {}
    answer = remote.change("POST", f"{MLFLOW_2}/experiments/create", name=experiment_name, **more)
    if as_json:
        click.echo(json.dumps(answer))
    else:
        click.echo(f"Created experiment '{experiment_name}' with id {answer['experiment_id']}")


@command.command("search")
@view_option
@click.option("--max-results", type=click.IntRange(min=0), metavar="NUMBER", help="At most so many.  [default: all]")
@_json_option
@with_remote
def search(*, remote: Remote, view: str, max_results: int | None, as_json: bool) -> None:
    """List experiments."""
    found = experiments(remote, view, max_results)
    if as_json:
        for one in found:
            click.echo(json.dumps(one, ensure_ascii=False))
        return
    rows = sorted([one["experiment_id"], one["name"], one["artifact_location"]] for one in found)
    click.echo(table(rows, ["Experiment Id", "Name", "Artifact Location"]))


@command.command("get")
@click.option("-x", "--experiment-id", metavar="ID", help="The experiment, by its id.")
@click.option("-n", "--experiment-name", metavar="NAME", help="The experiment, by its name.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="The form.")
@click.option("--json", "as_json", is_flag=True, help="As --output json.")
@with_remote
def get(*, remote: Remote, experiment_id: str | None, experiment_name: str | None, output: str, as_json: bool) -> None:
    """Show an experiment."""
    if (experiment_id is None) == (experiment_name is None):
        raise BadUsage("Say which experiment, by --experiment-id or by --experiment-name.")
    if experiment_id is not None:
        found = remote.get(f"{MLFLOW_2}/experiments/get", experiment_id=experiment_id)["experiment"]
    else:
        found = remote.get(f"{MLFLOW_2}/experiments/get-by-name", experiment_name=experiment_name or "")["experiment"]
    tags = {one["key"]: one["value"] for one in found.get("tags", ())}
    if as_json or output == "json":
        click.echo(json.dumps({**found, "tags": tags}, ensure_ascii=False, indent=2, sort_keys=True))
        return
    fields = {
        "Experiment ID": found["experiment_id"],
        "Name": found["name"],
        "Artifact Location": found["artifact_location"],
        "Lifecycle Stage": found["lifecycle_stage"],
        "Creation Time": found.get("creation_time", "N/A"),
        "Last Update Time": found.get("last_update_time", "N/A"),
        "Tags": ", ".join(f"{key}={value}" for key, value in tags.items()),
    }
    width = max(map(len, fields)) + 2
    for name, value in fields.items():
        click.echo(f"{name.ljust(width)}: {value}")


@command.command("delete")
@_id_option
@with_remote
def delete(*, remote: Remote, experiment_id: str) -> None:
    """Delete an experiment with its runs; it can be restored."""
    remote.change("POST", f"{MLFLOW_2}/experiments/delete", experiment_id=experiment_id)
    click.echo(f"Experiment with ID {experiment_id} has been deleted.")


@command.command("restore")
@_id_option
@with_remote
def restore(*, remote: Remote, experiment_id: str) -> None:
    """Restore a deleted experiment."""
    remote.change("POST", f"{MLFLOW_2}/experiments/restore", experiment_id=experiment_id)
    click.echo(f"Experiment with id {experiment_id} has been restored.")


@command.command("rename")
@_id_option
@click.option("--new-name", required=True, metavar="NAME", help="What it is to be called.")
@with_remote
def rename(*, remote: Remote, experiment_id: str, new_name: str) -> None:
    """Give an experiment another name."""
    remote.change("POST", f"{MLFLOW_2}/experiments/update", experiment_id=experiment_id, new_name=new_name)
    click.echo(f"Experiment with id {experiment_id} has been renamed to '{new_name}'.")


@command.command("csv")
@_id_option
@click.option(
    "-o", "--filename", type=click.Path(dir_okay=False), metavar="FILE", help="Where to.  [default: standard output]"
)
@with_remote
def export_csv(*, remote: Remote, experiment_id: str, filename: str | None) -> None:
    """Write all runs of an experiment as CSV."""
    from tracklog.cli.runs_csv import write_csv

    found = runs(remote, experiment_id)
    if filename is None:
        write_csv(found, sys.stdout)
        click.echo()
        return
    with open(filename, "w", encoding="utf-8", newline="") as output:
        write_csv(found, output)
    click.echo(f"Experiment with ID {experiment_id} has been exported as a CSV to file: {filename}.")
