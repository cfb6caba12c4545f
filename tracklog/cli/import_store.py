"""`tracklog import`: what an MLflow store holds, as events of a log."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracklog.cli.artifact_options import DEFAULT_ARTIFACTS
from tracklog.cli.bad_usage import BadUsage, reporting_bad_settings
from tracklog.cli.mapped_roots import with_mapped_roots
from tracklog.cli.progress_bar import Show, progress_bar
from tracklog.cli.store_options import with_event_log
from tracklog.settings.process import artifacts_destination_of
from tracklog.settings.store_uris import EmbeddedStores, EventLogPlace, SqliteFile, Stores, redacted

if TYPE_CHECKING:
    from event_log.port import EventLog
    from tracklog.moving.report import Report
    from tracklog.moving.target import Target
    from tracklog.secret_store.store import SecretStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactOptions:
    """What is to be done about artifacts: their locations mapped, and, where `destination` is one, their files copied
    to it; `root` is where those lie that the old server passed."""

    mapped: tuple[tuple[str, str], ...]
    root: str | None
    destination: str | None


@click.command("import", short_help="Take over what an MLflow store holds.")
@click.argument("source", metavar="SOURCE")
@with_event_log
@click.option(
    "--to",
    metavar="URL",
    help="A running Tracklog to import into, in the place of a log that only this command writes. Who asks is said by "
    "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN: an administrator.",
)
@click.option("--dry-run", is_flag=True, help="Read everything and report, and write nothing.")
@with_mapped_roots
@click.option("--copy-artifacts", is_flag=True, help="Copy artifacts to --artifacts-destination, and verify each.")
@click.option(
    "--artifacts-root",
    metavar="URI",
    help="Where the old server keeps what clients send through it (mlflow-artifacts:/), its --artifacts-destination.",
)
@click.option(
    "--artifacts-destination",
    envvar="MLFLOW_ARTIFACTS_DESTINATION",
    default=str(DEFAULT_ARTIFACTS),
    show_default=True,
    metavar="URI",
    help="Where --copy-artifacts copies to: what the server has by this name.",
)
@click.option(
    "--auth-db",
    metavar="URI",
    help="MLflow's database of users (sqlite:///basic_auth.db), whose accounts, roles and grants come too.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Where to write the report as JSON, with every oddity.",
)
@click.option("--progress/--no-progress", default=True, help="Show a progress bar on a terminal.")
def command(
    source: str,
    event_log: EventLogPlace,
    stores: Stores | None,
    to: str | None,
    dry_run: bool,
    map_root: tuple[tuple[str, str], ...],
    copy_artifacts: bool,
    artifacts_root: str | None,
    artifacts_destination: str,
    auth_db: str | None,
    report: Path | None,
    progress: bool,
) -> None:
    """Take over what an MLflow store holds: SOURCE is a folder (./mlruns), a file of SQLite, the URI of a database
    (postgresql://…, mysql://…), written by MLflow 1.0 to 3.17, which need not be installed, or the address of a running
    MLflow (http://…), which is asked with the credentials of MLflow's clients.

    The store is only read. An embedded server must not run meanwhile. An import that was broken off goes on where it
    was, and one that is repeated adds what is new.
    """
    from event_log.port import ForeignLog, LogInUse, OutcomeUnknown
    from schemas.errors import TracklogError
    from tracklog.memory.collector import collecting_seldom
    from tracklog.moving.stores import NoStore

    if to is not None and auth_db is not None:
        raise BadUsage("--auth-db needs the log itself: a running server takes no users from elsewhere.")
    with reporting_bad_settings():
        artifacts = ArtifactOptions(
            mapped=map_root,
            root=_artifacts_root(artifacts_root, source),
            destination=(to or artifacts_destination_of(artifacts_destination)) if copy_artifacts else None,
        )
    bar, show = progress_bar(shown=progress, label="rows")
    try:
        with bar, collecting_seldom():
            made = asyncio.run(_import(source, to or event_log, stores, show, artifacts, auth_db, dry_run=dry_run))
    except NoStore as error:
        raise BadUsage(f"{redacted(source)}: {error}") from error
    except (ForeignLog, LogInUse) as error:
        raise BadUsage(str(error)) from error
    except OutcomeUnknown as error:
        raise click.ClickException(f"{error.message} Start the import again: it goes on where it was.") from error
    except TracklogError as error:
        raise click.ClickException(error.message) from error
    if report is not None:
        report.write_text(json.dumps(made.document(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for line in made.lines():
        click.echo(line)


def _artifacts_root(given: str | None, source: str) -> str | None:
    """Where what lay behind the old server's proxy is read: a running server passes it itself."""
    if given is None:
        return source if source.startswith(("http://", "https://")) else None
    if given.startswith(("http://", "https://")):
        return given
    return artifacts_destination_of(given, "--artifacts-root")


async def _import(
    source: str,
    place: EventLogPlace | str,
    stores: Stores | None,
    show: Show,
    artifacts: ArtifactOptions,
    auth_db: str | None,
    *,
    dry_run: bool,
) -> "Report":
    from tracklog.moving.artifact_copying import ArtifactCopying
    from tracklog.moving.artifact_sources import opened_place, opened_sources
    from tracklog.moving.auth_database import auth_records
    from tracklog.moving.copied_roots import CopiedRoots
    from tracklog.moving.database_store import database_store_of
    from tracklog.moving.reading_apart import apart_if_large
    from tracklog.moving.report import Report
    from tracklog.moving.roots import Roots
    from tracklog.moving.sources import folder_beside, store_of

    store = apart_if_large(await asyncio.to_thread(store_of, source))
    report = Report(str(store), redacted(str(place)), dry_run)
    beside = folder_beside(source)
    async with AsyncExitStack() as stack:
        read: dict[str, Any] = {"store": store, "report": report, "show": show, "now_ms": time.time_ns() // 1_000_000}
        if auth_db is not None:
            read["accounts"] = database_store_of(auth_db, auth_records)
            if stores is not None:
                read["keep_secret"] = _secret_keeper(stores, stack)
        here = artifacts.destination is None
        sources = await stack.enter_async_context(opened_sources(artifacts.mapped, beside, artifacts.root, here=here))
        read["places"] = sources.places
        if artifacts.destination is None:
            await _import_rows(place, roots=Roots(artifacts.mapped, beside), **read)
            return report
        roots = CopiedRoots(artifacts.mapped, beside, sources.places)
        await _import_rows(place, roots=roots, **read)
        copying = ArtifactCopying(
            destination=await opened_place(artifacts.destination, stack, sweeps=not dry_run),
            report=report,
            show=show,
            dry=dry_run,
            folders=sources.folders,
        )
        await copying.run(sources.wanted(roots))
    return report


def _secret_keeper(stores: Stores, stack: AsyncExitStack) -> "Callable[[str, bytes], Awaitable[None]]":
    """What keeps hashes of passwords; their store is opened, and made, when the first comes: the log was by then."""
    opened: list[SecretStore] = []

    async def keep(secret_id: str, secret: bytes) -> None:
        if not opened:
            opened.append(await _secret_store(stores))
            stack.push_async_callback(opened[0].close)
        await opened[0].put(secret_id, secret)

    return keep


async def _secret_store(stores: Stores) -> "SecretStore":
    from tracklog.distributed.own_stores import opened_store
    from tracklog.embedded.files import secrets_file_of
    from tracklog.secret_store.store import PostgresqlSecretStore, SqliteSecretStore

    if isinstance(stores, EmbeddedStores):
        return SqliteSecretStore(secrets_file_of(stores.event_log.path))
    return await opened_store(PostgresqlSecretStore, stores.read_model.dsn)


async def _import_rows(place: EventLogPlace | str, report: "Report", **read: Any) -> None:
    """Everything but artifacts. `place` is a log, or the address of a running Tracklog."""
    from tracklog.moving.importing import Import
    from tracklog.moving.target import look_at

    if isinstance(place, str):
        await _import_rows_to(place, report, **read)
        return
    if report.dry_run:
        target = await _target_of(place)
        await Import(target=target, report=report, **read).run()
        return
    async with _writing_log(place) as log:
        target = await look_at(log)
        await Import(target=target, report=report, log=log, **read).run()


async def _import_rows_to(url: str, report: "Report", **read: Any) -> None:
    """Everything but artifacts, into a running Tracklog."""
    from tracklog.moving.importing import Import
    from tracklog.moving.rest_client import RestClient
    from tracklog.moving.running_tracklog import RunningTracklog, takes

    client = RestClient(url)
    try:
        log = RunningTracklog(client, report)
        target = await asyncio.to_thread(log.look)
        await Import(target=target, report=report, send=None if report.dry_run else log.send, takes=takes, **read).run()
    finally:
        client.close()


async def _target_of(place: EventLogPlace) -> "Target":
    from tracklog.cli.log_reading import NoLog, reading_log
    from tracklog.moving.target import Target, look_at

    try:
        async with reading_log(place) as log:
            return await look_at(log)
    except NoLog:
        return Target()


@asynccontextmanager
async def _writing_log(place: EventLogPlace) -> "AsyncIterator[EventLog]":
    """The log at `place`, made where there is none. Raises LogInUse, ForeignLog, LogUnavailable."""
    if not isinstance(place, SqliteFile):
        from tracklog.distributed.shared_log import open_shared_log

        shared = await open_shared_log(place)
        try:
            yield shared
        finally:
            await shared.close()
        return
    from event_log.sqlite.event_log import SqliteEventLog

    with ThreadPoolExecutor(1, thread_name_prefix="event-log-reader") as executor:
        log = SqliteEventLog.open(place.path, executor)
        try:
            yield log
        finally:
            await log.close()
