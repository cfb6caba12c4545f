"""`tracklog backup`: a copy of the log in one file, which is itself a log."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tracklog.cli.bad_usage import BadUsage
from tracklog.cli.progress_bar import Show, progress_bar
from tracklog.cli.store_options import with_event_log
from tracklog.settings.store_uris import EventLogPlace, SqliteFile, Stores

if TYPE_CHECKING:
    from event_log.copying import Copied
    from tracklog.cli.artifact_list import Listed

SHOWN_DAMAGE: Final = 20


@click.command("backup", short_help="Copy the log to a file, or bring such a copy up to date.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@with_event_log
@click.option("--progress/--no-progress", default=True, help="Show a progress bar on a terminal.")
def command(file: Path, event_log: EventLogPlace, stores: Stores | None, progress: bool) -> None:
    """Copy the log to FILE while servers go on, or add to FILE what the log has more than it.

    FILE is a log in SQLite with the same id and the same events, whatever the log is in: every command reads it, and
    `tracklog restore` puts it back. It holds the events that were there when the command began, and no others. A copy
    that was broken off is gone on with; what was erased since is erased in it. Artifacts are not in it: FILE.artifacts
    beside it lists them. What was signed of the events lies in FILE.proof, for `tracklog verify`. Of a log in SQLite
    FILE.configuration says how its server was started, and FILE.secrets holds hashes of passwords and sealed secrets
    of webhooks; the keys are not copied.
    """
    from event_log.port import ForeignLog, LogInUse
    from schemas.errors import Retryable
    from tracklog.cli.artifact_list import artifact_list_of
    from tracklog.cli.copied_files import back_up_files
    from tracklog.cli.log_reading import NoLog

    if isinstance(event_log, SqliteFile) and event_log.path.resolve() == file.resolve():
        raise BadUsage(f"{file} is the log itself; name another file for its copy.")
    bar, show = progress_bar(shown=progress)
    try:
        with bar:
            identity, copied, listed = asyncio.run(_back_up(event_log, stores, file, show))
            beside = back_up_files(event_log.path, file, identity) if isinstance(event_log, SqliteFile) else []
    except (NoLog, ForeignLog, LogInUse, ValueError) as error:
        raise BadUsage(str(error)) from error
    except Retryable as error:
        raise click.ClickException(error.message) from error
    click.echo(f"{file} holds {said_of(copied, identity)}; {copied.end - copied.first} are new.", err=True)
    click.echo(f"{artifact_list_of(file)} lists {listed}.", err=True)
    if beside:
        click.echo(f"Beside it: {', '.join(map(str, beside))}. Keys are not copied.", err=True)
    refuse_damage(copied)


async def _back_up(
    place: EventLogPlace, stores: Stores | None, file: Path, show: Show
) -> tuple[str, "Copied", "Listed"]:
    from event_log.copying import bring_up_to_date
    from event_log.erased_reads import NotingErasures
    from event_log.sqlite.copy import SqliteCopy
    from event_log.sqlite.event_log import SqliteEventLogReader
    from schemas.envelope import PARTITION
    from tracklog.cli.log_reading import reading_log

    async with reading_log(place) as log:
        identity = await log.identity()
        copy = SqliteCopy.open(file, identity)
        try:
            reader = SqliteEventLogReader(file)
            try:
                last = await reader.read(PARTITION, copy.end - 1, limit=1) if copy.end else []
            finally:
                await reader.close()
            reads = NotingErasures(log)
            copied = await bring_up_to_date(copy, reads, show, last[0] if last else None)
            if erasures := await reads.carried_out():
                streams = [stream for one in erasures for stream in one.streams]
                copy.forget(streams, [offset for one in erasures for offset in one.refused])
        finally:
            copy.close()
    await _back_up_proofs(place, stores, file, identity, copied.end)
    return identity, copied, await _list_artifacts(file)


async def _list_artifacts(file: Path) -> "Listed":
    """List the artifacts that the copy names, beside it."""
    from event_log.sqlite.event_log import SqliteEventLogReader
    from tracklog.cli.artifact_list import artifact_list_of, write_artifact_list

    reader = SqliteEventLogReader(file)
    try:
        return await write_artifact_list(reader, artifact_list_of(file))
    finally:
        await reader.close()


async def _back_up_proofs(place: EventLogPlace, stores: Stores | None, file: Path, identity: str, end: int) -> None:
    """Have the proofs of the log beside the copy, where there are some, in one file."""
    from tracklog.proving.copied_proofs import copy_proofs
    from tracklog.proving.places import kept_proofs, proof_file_of
    from tracklog.proving.sqlite_proof_store import SqliteProofStore, in_one_file

    async with kept_proofs(place, stores, identity) as proofs:
        if proofs is not None:
            copy = SqliteProofStore(proof_file_of(file), identity)
            try:
                await copy_proofs(proofs, copy, end)
            finally:
                await copy.close()
            in_one_file(proof_file_of(file))


def said_of(copied: "Copied", identity: str) -> str:
    """Which events a copy holds."""
    if copied.last is None:
        return f"no event of the log {identity}"
    time = datetime.fromtimestamp(copied.last.time_us // 1_000_000, UTC)
    return f"the events 0 to {copied.end - 1} of the log {identity}, the last of {time:%Y-%m-%d %H:%M:%S} UTC"


def refuse_damage(copied: "Copied") -> None:
    """Raise ClickException where events that were copied are damaged, so that whoever reads exit codes notices."""
    if not copied.damaged:
        return
    named = ", ".join(map(str, copied.damaged[:SHOWN_DAMAGE]))
    more = " and others" if len(copied.damaged) > SHOWN_DAMAGE else ""
    raise click.ClickException(
        f"{len(copied.damaged)} events are damaged in the log, and so in the copy: {named}{more}. An older copy may"
        " hold them whole."
    )
