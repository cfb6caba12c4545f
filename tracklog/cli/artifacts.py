"""`tracklog artifacts`: the role that passes artifacts between clients and their store; and the verbs that MLflow has
by this name, which ask a server."""

import json
import tempfile
from collections.abc import Callable, Iterator
from functools import partial, wraps
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit

import click

from tracklog.cli.artifact_options import with_artifacts
from tracklog.cli.downloads import file_in, files_below
from tracklog.cli.remote import MLFLOW_2, Remote, with_remote
from tracklog.cli.running import announce, run_until_signal
from tracklog.cli.store_options import with_shared_stores
from tracklog.cli.web_options import with_web
from tracklog.settings.process import ArtifactSettings, ListenSettings, Settings, WebSettings
from tracklog.settings.store_uris import Stores

Command = Callable[..., Any]

_PROXY = "api/2.0/mlflow-artifacts/artifacts"

_run_option = click.option("-r", "--run-id", required=True, metavar="ID", help="The run.")
_path_option = click.option("-a", "--artifact-path", default="", metavar="PATH", help="Below the artifacts of the run.")


def _unless_a_verb_follows(serve: Command) -> Command:
    """The options of the role are looked at only where the role is what is asked for."""

    @wraps(serve)
    def with_verbs(**given: Any) -> Any:
        return None if click.get_current_context().invoked_subcommand else serve(**given)

    return with_verbs


@click.group(
    "artifacts", invoke_without_command=True, short_help="Pass artifacts between clients and their store; log and list."
)
@_unless_a_verb_follows
@with_shared_stores
@with_artifacts
@with_web
def command(*, stores: Stores, artifacts: ArtifactSettings, listen: ListenSettings, web: WebSettings) -> None:
    """Pass artifacts between clients and their store; or log, list and download those of a server.

    Without one of the commands below it is a role. As many as one likes run side by side on the same stores.
    """
    from tracklog.distributed.roles import serve_artifacts

    run_until_signal(serve_artifacts, Settings(listen=listen, stores=stores, artifacts=artifacts, web=web), announce)


@command.command("log-artifact")
@click.option(
    "-l",
    "--local-file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file.",
)
@_run_option
@_path_option
@with_remote
def log_artifact(*, remote: Remote, local_file: Path, run_id: str, artifact_path: str) -> None:
    """Log a file as an artifact of a run."""
    _upload(remote, local_file, PurePosixPath(_place_of(remote, run_id), artifact_path, local_file.name))


@command.command("log-artifacts")
@click.option(
    "-l",
    "--local-dir",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder.",
)
@_run_option
@_path_option
@with_remote
def log_artifacts(*, remote: Remote, local_dir: Path, run_id: str, artifact_path: str) -> None:
    """Log the files in a folder, at any depth, as artifacts of a run."""
    place = PurePosixPath(_place_of(remote, run_id), artifact_path)
    for file in sorted(local_dir.rglob("*")):
        if file.is_file():
            _upload(remote, file, place / file.relative_to(local_dir).as_posix())


@command.command("list")
@_run_option
@_path_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a line for each.")
@with_remote
def list_artifacts(*, remote: Remote, run_id: str, artifact_path: str, as_json: bool) -> None:
    """Print the artifacts directly in a folder of a run, as a JSON list."""
    found = list(_listed(remote, run_id, artifact_path))
    if as_json:
        for one in found:
            click.echo(json.dumps(one, ensure_ascii=False))
    else:
        click.echo(f"[{', '.join(json.dumps(one, ensure_ascii=False, indent=2) for one in found)}]")


@command.command("download")
@_run_option
@_path_option
@click.option(
    "-d",
    "--dst-path",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where to.  [default: a new folder]",
)
@with_remote
def download(*, remote: Remote, run_id: str, artifact_path: str, dst_path: Path | None) -> None:
    """Download an artifact, or all in a folder, and print where it is then."""
    folder = dst_path or Path(tempfile.mkdtemp(prefix="artifacts-"))
    found = list(files_below(partial(_listed, remote, run_id), artifact_path))
    for path in found or [artifact_path]:
        remote.download("get-artifact", {"run_id": run_id, "path": path}, file_in(folder, path))
    click.echo(f"\n{folder / artifact_path}")


def _place_of(remote: Remote, run_id: str) -> str:
    """Where in the destination of the server the artifacts of a run are."""
    uri = str(remote.get(f"{MLFLOW_2}/runs/get", run_id=run_id)["run"]["info"]["artifact_uri"])
    parts = urlsplit(uri)
    if parts.scheme != "mlflow-artifacts":
        raise click.ClickException(f"The artifacts of the run are kept at {uri}, where clients put them themselves.")
    return parts.path.lstrip("/")


def _upload(remote: Remote, file: Path, path: PurePosixPath) -> None:
    with file.open("rb") as content:
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(file.stat().st_size)}
        status, answer = remote.answer("PUT", f"{_PROXY}/{quote(str(path))}", {}, content, headers)
    if status >= 300:
        raise click.ClickException(f"{file}: {answer.decode(errors='replace')[:500]}")


def _listed(remote: Remote, run_id: str, path: str) -> Iterator[Any]:
    token = ""
    while True:
        asked = {"run_id": run_id, **({"path": path} if path else {}), **({"page_token": token} if token else {})}
        page = remote.get(f"{MLFLOW_2}/artifacts/list", **asked)
        yield from page.get("files", ())
        token = page.get("next_page_token", "")
        if not token:
            return
