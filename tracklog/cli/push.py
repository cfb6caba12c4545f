"""`tracklog push`: what was logged offline comes to the central server."""

import asyncio
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click

from tracklog.cli.bad_usage import BadUsage
from tracklog.cli.progress_bar import Show, progress_bar
from tracklog.cli.remote import Remote
from tracklog.settings.store_uris import DEFAULT_DATA_FOLDER, LOG_FILE_NAME, SqliteFile
from tracklog.settings.tracking_client import PASSWORD, TOKEN, USERNAME

if TYPE_CHECKING:
    from tracklog.pushing.report import Report

_PACKED_FROM_BYTES: Final = 1024


@click.command("push", short_help="Bring what was logged offline to another server.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=DEFAULT_DATA_FOLDER)
@click.option(
    "--to",
    "url",
    required=True,
    metavar="URL",
    help=f"The server; {USERNAME} and {PASSWORD}, or {TOKEN}, say who asks.",
)
@click.option("--no-artifacts", is_flag=True, help="Leave files where they are.")
@click.option(
    "--artifacts",
    "root",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where the server of FOLDER keeps artifacts.  [default: artifacts in FOLDER]",
)
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--progress/--no-progress", default=True, help="Show a progress bar on a terminal.")
def command(
    *, folder: Path, url: str, no_artifacts: bool, root: Path | None, dry_run: bool, as_json: bool, progress: bool
) -> None:
    """Bring the runs, experiments and models that were logged to the server in FOLDER to the one at URL, with their
    times and actors, and their artifacts.

    The server in FOLDER may run or not. A push that was broken off is begun again and goes on where it was; what is
    there already is not sent twice. Whoever pushes has to be allowed there to do what was done here. What is not
    allowed is said, and sent by a later push when it is.
    """
    from event_log.port import ForeignLog
    from schemas.errors import TracklogError
    from tracklog.bringing.requests import Refused
    from tracklog.cli.log_reading import NoLog

    path = folder.absolute() / LOG_FILE_NAME
    bar, show = progress_bar(shown=progress)
    try:
        with bar:
            files = None if no_artifacts else root or folder / "artifacts"
            report = asyncio.run(_push(path, Remote(url, option="--to"), url.rstrip("/"), files, show, dry_run=dry_run))
    except (NoLog, ForeignLog) as error:
        raise BadUsage(str(error)) from error
    except Refused as error:
        raise click.ClickException(f"{error} Push again when this is mended: it goes on where it was.") from error
    except TracklogError as error:
        raise click.ClickException(error.message) from error
    if as_json:
        click.echo(json.dumps(report.document(), ensure_ascii=False))
    else:
        click.echo("\n".join(report.lines()))
    if report.counts.get("damaged") or report.counts.get("not allowed"):
        raise click.exceptions.Exit(1)


async def _push(path: Path, remote: Remote, url: str, root: Path | None, show: Show, *, dry_run: bool) -> "Report":
    from tracklog.cli.log_reading import reading_log
    from tracklog.pushing.artifacts import FilePush
    from tracklog.pushing.central import Central
    from tracklog.pushing.cursor import CursorFile
    from tracklog.pushing.pushing import Push
    from tracklog.pushing.report import Report

    async with reading_log(SqliteFile(path)) as log:
        identity = await log.identity()
        report = Report(str(path), url, dry_run)
        central = Central(_Server(remote), identity)
        artifacts = None if root is None else FilePush(root, central, report)
        await Push(log, central, report, CursorFile(path, identity, url), artifacts, show).run()
    return report


class _Server:
    """A remote server as a push asks it."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def get(self, path: str, **query: str) -> Any:
        return self._ask("GET", path, query)

    def send(self, method: str, path: str, body: bytes) -> Any:
        headers = {"Content-Type": "application/json"}
        if len(body) >= _PACKED_FROM_BYTES:
            body, headers = gzip.compress(body, 1), {**headers, "Content-Encoding": "gzip"}
        return self._ask(method, path, {}, body, headers)

    def upload(self, path: str, content: IO[bytes], size: int) -> None:
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        self._ask("PUT", path, {}, content, headers)

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | IO[bytes] | None = None,
        headers: Mapping[str, str] = {},
    ) -> Any:
        from tracklog.bringing.requests import Refused

        status, answer = self._remote.answer(method, path, query, body, headers)
        if status >= 500 or status in (408, 429):
            raise click.ClickException(f"{_message(answer)} Push again: it goes on where it was.")
        if status >= 400:
            raise Refused(status, _message(answer))
        return json.loads(answer) if answer else None


def _message(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return answer.decode(errors="replace")[:200] or "The server does not say why."
