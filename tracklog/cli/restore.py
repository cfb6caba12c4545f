"""`tracklog restore`: a log from a copy that `tracklog backup` made."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracklog.cli.backup import refuse_damage, said_of
from tracklog.cli.bad_usage import BadUsage
from tracklog.cli.progress_bar import Show, progress_bar
from tracklog.cli.store_options import with_event_log
from tracklog.settings.store_uris import EventLogPlace, PostgresqlDatabase, SqliteFile, Stores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from event_log.copying import Copied
    from event_log.port import EventLogReader
    from schemas.envelope import RecordedEvent


@click.command("restore", short_help="Make a log from a copy.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@with_event_log
@click.option(
    "--erasures",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What was erased since the copy was made, as lines of JSON.  [default: FILE.erasures beside a log in SQLite]",
)
@click.option("--progress/--no-progress", default=True, help="Show a progress bar on a terminal.")
def command(file: Path, event_log: EventLogPlace, stores: Stores | None, erasures: Path | None, progress: bool) -> None:
    """Make the log from FILE, which `tracklog backup` made. No log is overwritten: one in SQLite must not be there, one
    in PostgreSQL must be empty.

    It gets the id of the log that was copied, and appears whole or not at all. What was erased since the copy was made
    is erased in it. The read model is folded from it when a server starts. What lies beside FILE and is of another log
    is refused. Artifacts are put back by other means; FILE.artifacts lists those that the log names.
    """
    from event_log.port import ForeignLog, LogInUse
    from schemas.errors import Retryable
    from tracklog.cli.artifact_list import artifact_list_of, read_artifact_list
    from tracklog.serving.erasure_list import NotAnErasureList

    try:
        listed = read_artifact_list(artifact_list_of(file))
    except ValueError as error:
        raise BadUsage(str(error)) from error
    bar, show = progress_bar(shown=progress)
    try:
        with bar:
            identity, copied, said = asyncio.run(_restore(file, event_log, erasures, show))
    except (ForeignLog, LogInUse, NotAnErasureList, ValueError) as error:
        raise BadUsage(str(error)) from error
    except Retryable as error:
        raise click.ClickException(error.message) from error
    click.echo(f"{event_log} holds {said_of(copied, identity)}.", err=True)
    if listed is not None:
        click.echo(f"It names {listed}, which {artifact_list_of(file)} lists; put them back too.", err=True)
    for line in said:
        click.echo(line, err=True)
    refuse_damage(copied)


async def _restore(
    file: Path, place: EventLogPlace, listed: Path | None, show: Show
) -> tuple[str, "Copied", list[str]]:
    """The id of the log, what it holds, and what is to be said of what lies beside it.

    The log is there when all that belongs to it is: where that is broken off, the same command does it.
    """
    from event_log.copying import bring_up_to_date
    from event_log.erased_reads import WithoutErased, erasure_in
    from event_log.port import ForeignLog
    from event_log.sqlite.copy import filling_sqlite_log
    from event_log.sqlite.event_log import SqliteEventLogReader
    from event_log.sqlite.log_file import check_is_log
    from tracklog.cli.copied_files import check_files, restore_files

    said: list[str] = []
    if not check_is_log(file):
        raise ForeignLog(f"There is no copy of a log at {file}.")
    reader = SqliteEventLogReader(file)
    try:
        identity = await reader.identity()
        check_files(file, identity, place.path if isinstance(place, SqliteFile) else None)
        erased = await _erased_since(reader, place, listed)
        source = WithoutErased(reader, [found for one in erased if (found := erasure_in(one)) is not None])
        if isinstance(place, SqliteFile):
            with filling_sqlite_log(place.path, identity) as file_copy:
                copied = await bring_up_to_date(file_copy, source, show)
                await file_copy.add(_at(erased, file_copy.end))
                said = restore_files(file, place.path, identity)
                await _restore_proofs(file, place, identity, copied.end)
        elif isinstance(place, PostgresqlDatabase):
            from event_log.postgresql.copy import filling_postgresql_log

            async with filling_postgresql_log(place.dsn, identity) as copy:
                copied = await bring_up_to_date(copy, source, show)
                await copy.add(_at(erased, copy.end))
                await _restore_proofs(file, place, identity, copied.end)
        else:
            raise ForeignLog("A log in Kafka is not made from a copy: start the servers on a mirror of its topic.")
    finally:
        await reader.close()
    return identity, copied, said


async def _erased_since(copy: "EventLogReader", place: EventLogPlace, listed: Path | None) -> "list[RecordedEvent]":
    """The erasures of the list that the copy does not know."""
    from event_log.port import EventFilter
    from schemas.envelope import PARTITION
    from tracklog.embedded.files import erasures_file_of
    from tracklog.serving.erasure_list import ErasureList, NotAnErasureList

    if listed is None:
        if not isinstance(place, SqliteFile):
            return []
        listed = erasures_file_of(place.path)
    elif not listed.exists():
        raise NotAnErasureList(f"There is no list of erasures at {listed}")
    found: list[RecordedEvent] = []
    for event in ErasureList(listed).events():
        of_stream = EventFilter(stream=event.stream, event_type=event.type)
        known = {one.id for one in await copy.read(PARTITION, 0, limit=100, matching=of_stream)}
        if event.id not in known:
            found.append(event)
    return found


def _at(events: "Sequence[RecordedEvent]", offset: int) -> "list[RecordedEvent]":
    """The events, at offsets from this one on."""
    from msgspec.structs import replace

    return [replace(event, offset=number) for number, event in enumerate(events, offset)]


async def _restore_proofs(file: Path, place: SqliteFile | PostgresqlDatabase, identity: str, end: int) -> None:
    """Have the proofs that lie beside the copy with the log, unless there are some that know better."""
    from tracklog.proving.copied_proofs import copy_proofs
    from tracklog.proving.places import kept_proofs, new_proofs

    async with kept_proofs(SqliteFile(file), None, identity) as copied:
        if copied is not None:
            async with new_proofs(place, identity) as proofs:
                if not await proofs.keys():
                    await copy_proofs(copied, proofs, end)
