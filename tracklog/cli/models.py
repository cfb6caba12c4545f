"""`tracklog models`: the registered models of a server and their versions, for scripts and for people."""

import csv
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import quote, urlsplit

import click

from tracklog.cli.bad_usage import BadUsage
from tracklog.cli.downloads import file_in, files_below
from tracklog.cli.remote import MLFLOW_2, Remote, with_remote
from tracklog.cli.remote_pages import model_versions, registered_models
from tracklog.cli.tables import table, time_of

Command = Callable[..., Any]

_PROXY: Final = "api/2.0/mlflow-artifacts/artifacts"

_COLUMNS: Final = (
    *("name", "version", "current_stage", "aliases", "status", "run_id", "source"),
    *("creation_timestamp", "last_updated_timestamp", "description"),
)

_name_option = click.option("-n", "--name", required=True, metavar="NAME", help="The registered model.")
_version_option = click.option("--version", metavar="NUMBER", help="The version, by its number.")
_alias_option = click.option("--alias", metavar="NAME", help="The version, by an alias of it.")
_filter_option = click.option(
    "--filter", "query", default="", metavar="TEXT", help="Only those that a search by this filter finds."
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, a line for each thing found.")


@click.group("models", short_help="Find, show, download and change registered models.")
def command() -> None:
    """Ask a server for its registered models and their versions, and change them."""


def _with_version(run: Command) -> Command:
    """Give `run` the number of the version that is asked for."""

    @_name_option
    @_version_option
    @_alias_option
    @with_remote
    @wraps(run)
    def with_options(*, remote: Remote, name: str, version: str | None, alias: str | None, **given: Any) -> Any:
        if (version is None) == (alias is None):
            raise BadUsage("Say which version, by --version or by --alias.")
        if version is None:
            found = remote.get(f"{MLFLOW_2}/registered-models/alias", name=name, alias=alias or "")
            version = str(found["model_version"]["version"])
        return run(remote=remote, name=name, version=version, **given)

    return with_options


@command.command("list")
@_filter_option
@_json_option
@with_remote
def list_models(*, remote: Remote, query: str, as_json: bool) -> None:
    """List registered models. Prompts are among them where the filter asks for them."""
    found = registered_models(remote, query)
    if as_json:
        _print_lines(found)
        return
    rows = [
        [
            one["name"],
            ", ".join(f"{version['version']} {_stage(version)}".rstrip() for version in one.get("latest_versions", ())),
            ", ".join(f"{alias['alias']}: {alias['version']}" for alias in one.get("aliases", ())),
            time_of(one["last_updated_timestamp"]),
        ]
        for one in found
    ]
    click.echo(table(rows, ["Name", "Latest Versions", "Aliases", "Last Updated"]))


@command.command("versions")
@click.option("-n", "--name", metavar="NAME", help="Of which registered model.  [default: of all]")
@_filter_option
@_json_option
@with_remote
def list_versions(*, remote: Remote, name: str | None, query: str, as_json: bool) -> None:
    """List versions of registered models, of each model the newest first."""
    found = model_versions(remote, _versions_of(name, query))
    if as_json:
        _print_lines(found)
        return
    rows = [
        [one["name"], one["version"], _stage(one), time_of(one["creation_timestamp"]), one.get("run_id", "")]
        for one in found
    ]
    click.echo(table(rows, ["Name", "Version", "Stage", "Date", "Run ID"]))


@command.command("get")
@_name_option
@_version_option
@_alias_option
@with_remote
def get(*, remote: Remote, name: str, version: str | None, alias: str | None) -> None:
    """Print a registered model, or one version of it, as JSON."""
    if version is not None and alias is not None:
        raise BadUsage("Say which version by --version or by --alias.")
    if version is not None:
        found = remote.get(f"{MLFLOW_2}/model-versions/get", name=name, version=version)["model_version"]
    elif alias is not None:
        found = remote.get(f"{MLFLOW_2}/registered-models/alias", name=name, alias=alias)["model_version"]
    else:
        found = remote.get(f"{MLFLOW_2}/registered-models/get", name=name)["registered_model"]
    click.echo(json.dumps(found, ensure_ascii=False, indent=2))


@command.command("csv")
@click.option("-n", "--name", metavar="NAME", help="Of which registered model.  [default: of all]")
@click.option(
    "-o", "--filename", type=click.Path(dir_okay=False), metavar="FILE", help="Where to.  [default: standard output]"
)
@with_remote
def export_csv(*, remote: Remote, name: str | None, filename: str | None) -> None:
    """Write versions of registered models as CSV. Times are in UTC."""
    found = model_versions(remote, _versions_of(name, ""))
    if filename is None:
        _write_csv(remote, found, sys.stdout)
        return
    with open(filename, "w", encoding="utf-8", newline="") as output:
        number = _write_csv(remote, found, output)
    click.echo(f"{number} versions have been exported as a CSV to file: {filename}.")


@command.command("download")
@click.option("-a", "--artifact-path", default="", metavar="PATH", help="Below the files of the version.")
@click.option(
    "-d",
    "--dst-path",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where to.  [default: a new folder]",
)
@_with_version
def download(*, remote: Remote, name: str, version: str, artifact_path: str, dst_path: Path | None) -> None:
    """Download the files of a version, or a part of them, and print where they are then."""
    uri = str(
        remote.get(f"{MLFLOW_2}/model-versions/get-download-uri", name=name, version=version).get("artifact_uri", "")
    )
    parts = urlsplit(uri)
    if parts.scheme != "mlflow-artifacts":
        raise click.ClickException(f"The files of the version are kept at {uri!r}, where clients get them themselves.")
    root = parts.path.strip("/")

    def listed(path: str) -> Iterator[Any]:
        for one in remote.get(_PROXY, path=f"{root}/{path}".rstrip("/")).get("files", ()):
            yield {**one, "path": f"{path}/{one['path']}".lstrip("/")}

    folder = dst_path or Path(tempfile.mkdtemp(prefix="model-"))
    for path in list(files_below(listed, artifact_path)) or [artifact_path]:
        remote.download(f"{_PROXY}/{quote(f'{root}/{path}')}", {}, file_in(folder, path))
    click.echo(f"\n{folder / artifact_path}")


@command.command("set-alias")
@_name_option
@click.option("--alias", required=True, metavar="NAME", help="The alias.")
@click.option("--version", required=True, metavar="NUMBER", help="The version that it is to stand for.")
@with_remote
def set_alias(*, remote: Remote, name: str, alias: str, version: str) -> None:
    """Have an alias stand for a version, whichever it stood for."""
    remote.change("POST", f"{MLFLOW_2}/registered-models/alias", name=name, alias=alias, version=version)
    click.echo(f"Alias '{alias}' of registered model '{name}' is version {version}.")


@command.command("delete-alias")
@_name_option
@click.option("--alias", required=True, metavar="NAME", help="The alias.")
@with_remote
def delete_alias(*, remote: Remote, name: str, alias: str) -> None:
    """Delete an alias; the version stays."""
    remote.change("DELETE", f"{MLFLOW_2}/registered-models/alias", name=name, alias=alias)
    click.echo(f"Alias '{alias}' of registered model '{name}' has been deleted.")


@command.command("rename")
@_name_option
@click.option("--new-name", required=True, metavar="NAME", help="What it is to be called.")
@with_remote
def rename(*, remote: Remote, name: str, new_name: str) -> None:
    """Give a registered model another name."""
    remote.change("POST", f"{MLFLOW_2}/registered-models/rename", name=name, new_name=new_name)
    click.echo(f"Registered model '{name}' has been renamed to '{new_name}'.")


@command.command("delete")
@_name_option
@click.option("--version", metavar="NUMBER", help="Only this version.")
@click.option("--yes", is_flag=True, help="Delete a model with all of its versions without asking.")
@with_remote
def delete(*, remote: Remote, name: str, version: str | None, yes: bool) -> None:
    """Delete a registered model with its versions, or one version. Files stay where they are.

    Neither can be restored but by `tracklog undo`.
    """
    if version is not None:
        remote.change("DELETE", f"{MLFLOW_2}/model-versions/delete", name=name, version=version)
        click.echo(f"Version {version} of registered model '{name}' has been deleted.")
        return
    if not yes:
        click.confirm(f"Delete registered model '{name}' with all of its versions?", abort=True)
    remote.change("DELETE", f"{MLFLOW_2}/registered-models/delete", name=name)
    click.echo(f"Registered model '{name}' has been deleted.")


def _stage(version: Any) -> str:
    stage = str(version.get("current_stage", "None"))
    return "" if stage == "None" else stage


def _versions_of(name: str | None, query: str) -> str:
    """A filter for the versions of a model that meet another filter."""
    if name is None:
        return query
    mark = '"' if "'" in name else "'"
    if mark in name:
        raise BadUsage("A name with both kinds of quotes cannot be searched for: use --filter.")
    return f"name = {mark}{name}{mark}" + (f" AND {query}" if query else "")


def _print_lines(found: Iterable[Any]) -> None:
    for one in found:
        click.echo(json.dumps(one, ensure_ascii=False))


def _write_csv(remote: Remote, versions: Iterable[Any], output: IO[str]) -> int:
    """Write a row for each version, and return how many; tags are JSON, as they are names of anybody's choice."""
    aliases: dict[tuple[str, str], list[str]] = {}
    for model in registered_models(remote):
        for alias in model.get("aliases", ()):
            aliases.setdefault((model["name"], alias["version"]), []).append(alias["alias"])
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow([*_COLUMNS, "tags"])
    number = 0
    for one in versions:
        held: dict[str, Any] = {**one, "aliases": " ".join(sorted(aliases.get((one["name"], one["version"]), ())))}
        for name in ("creation_timestamp", "last_updated_timestamp"):
            held[name] = time_of(held[name])
        tags = {tag["key"]: tag.get("value", "") for tag in one.get("tags", ())}
        writer.writerow([*(held.get(name, "") for name in _COLUMNS), json.dumps(tags, ensure_ascii=False)])
        number += 1
    return number
