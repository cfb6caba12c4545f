"""`tracklog export audit`: an archive that proves what the log holds of a run or of a version of a model."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracklog.cli.bad_usage import BadUsage
from tracklog.cli.store_options import with_event_log
from tracklog.settings.store_uris import EventLogPlace, Stores

if TYPE_CHECKING:
    from tracklog.exporting.lineage import Lineage


@click.command("audit", short_help="An archive that proves what the log holds of a run or a version of a model.")
@click.argument("subject", metavar="SUBJECT")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.zip",
    help="The archive, in the place of any file of that name.",
)
@with_event_log
def audit(subject: str, output: Path, event_log: EventLogPlace, stores: Stores | None) -> None:
    """Write an archive of SUBJECT: run/ID, or model-version/NAME/VERSION.

    It holds the events of the run, its logged models, their versions and their experiment, the points of metrics, the
    artifacts with their digests, and for each event the proof that it is under the newest checkpoint. `tracklog verify
    FILE.zip` checks it anywhere, without the log. A checkpoint gives the same bytes every time.
    """
    from event_log.port import ForeignLog
    from schemas.errors import TracklogError
    from tracklog.cli.log_reading import NoLog
    from tracklog.exporting.lineage import NoSubject

    try:
        lineage = asyncio.run(_write(subject, output, event_log, stores))
    except (NoLog, ForeignLog, NoSubject, NothingSigned) as error:
        raise BadUsage(str(error)) from error
    except TracklogError as error:
        raise click.ClickException(error.message) from error
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error}.") from error
    counts = (
        f"{len(lineage.runs)} runs, {len(lineage.logged_models)} logged models and {len(lineage.versions)} versions"
    )
    click.echo(f"{output} has what is signed of {subject}: {counts}.", err=True)


class NothingSigned(Exception):
    """Nothing of the log was signed, so nothing of it can be proven."""


async def _write(subject: str, output: Path, place: EventLogPlace, stores: Stores | None) -> "Lineage":
    from event_log.sealing.unsealed_reads import UnsealedReads
    from event_log.streams import SearchingStreamReader
    from tracklog.cli.log_reading import reading_log
    from tracklog.exporting.audit_archive import AuditArchive, Signed
    from tracklog.exporting.stored_proofs import StoredProofs
    from tracklog.proving.places import kept_proofs

    async with reading_log(place) as log, kept_proofs(place, stores, await log.identity()) as store:
        signed = {} if store is None else await store.newest()
        if store is None or not signed:
            raise NothingSigned("Nothing of this log is signed, so nothing can be proven: see `tracklog keys create`.")
        checkpoints = {partition: Signed(one.size, one.note) for partition, one in signed.items()}
        keys = "\n".join(await store.keys())
        keys_of = log.keys_of if isinstance(log, UnsealedReads) else None
        archive = AuditArchive(log, SearchingStreamReader(log), checkpoints, keys, StoredProofs(store), keys_of)
        beside = output.with_name(f".{output.name}.part")
        try:
            lineage = await archive.write(subject, beside)
            beside.replace(output)
        finally:
            beside.unlink(missing_ok=True)
        return lineage
