"""`tracklog verify`: whether a log is what was signed."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tracklog.cli.bad_usage import BadUsage
from tracklog.cli.progress_bar import Show, progress_bar
from tracklog.cli.store_options import with_event_log
from tracklog.settings.store_uris import EventLogPlace, Stores

if TYPE_CHECKING:
    from event_log.proof.note import PublicKey
    from tracklog.proving.verification import Report


SHOWN_ERASURES: Final = 20


@click.command("verify", short_help="Say whether the log, or an archive of it, is what was signed.")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path), metavar="[FILE]")
@with_event_log
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A checkpoint that was kept elsewhere; may be given several times.",
)
@click.option(
    "--public-key",
    metavar="KEY",
    help="The key that is trusted, or a file of it, as `tracklog keys publish` printed it.  [default: the one that is "
    "kept beside the log, which whoever changes the log may change too]",
)
@click.option("--progress/--no-progress", default=True, help="Show a progress bar on a terminal.")
def command(
    file: Path | None,
    event_log: EventLogPlace,
    stores: Stores | None,
    checkpoints: tuple[Path, ...],
    public_key: str | None,
    progress: bool,
) -> None:
    """Compare the log with the checkpoints that were signed of it, and name what is otherwise.

    A server may have the log open. A copy that `tracklog backup` made is a log, too. Exit code 0: every event up to the
    newest checkpoint is what was signed. 1: something is not, each on a line. 2: there is no such log, or no key.

    FILE is an archive that `tracklog export audit` made, or the certificate of an erasure that `tracklog certificate`
    printed: it is checked by itself, without the log.
    """
    if file is not None and _is_certificate(file):
        _verify_certificate(file, public_key)
        return
    if file is not None:
        _verify_archive(file, checkpoints, public_key)
        return
    from event_log.port import ForeignLog, LostEvents
    from schemas.errors import Retryable
    from tracklog.cli.log_reading import NoLog

    given = [_text_of(file) for file in checkpoints]
    bar, show = progress_bar(shown=progress)
    try:
        with bar:
            report = asyncio.run(_verify(event_log, stores, given, public_key, show))
    except LostEvents as error:
        click.echo(f"dropped: {error}")
        raise click.exceptions.Exit(1) from error
    except (NoLog, ForeignLog) as error:
        raise BadUsage(str(error)) from error
    except Retryable as error:
        raise click.ClickException(error.message) from error
    _tell(report)
    raise click.exceptions.Exit(1 if report.findings else 0)


def _verify_archive(file: Path, checkpoints: tuple[Path, ...], public_key: str | None) -> None:
    from tracklog.exporting.audit_verification import NoArchive, keys_in, verify_archive

    if checkpoints:
        raise BadUsage("--checkpoint is of a log: an archive has the checkpoint that it is proven by.")
    try:
        if public_key is None:
            click.echo("The key in the archive is trusted; to be sure of it, name one by --public-key.", err=True)
        known = keys_in(file)
        report = verify_archive(file, _trusted(known if public_key is None else public_key, _notes_of(known)))
    except NoArchive as error:
        raise BadUsage(str(error)) from error
    for finding in report.findings:
        click.echo(finding)
    erased = f", of which {report.forgotten} were erased since" if report.forgotten else ""
    click.echo(f"{report.subject}: {report.proven} events are what was signed{erased}", err=True)
    raise click.exceptions.Exit(1 if report.findings else 0)


def _notes_of(published: str) -> list[str]:
    """The notes by which keys hand over, from what somebody published, whatever key it begins with."""
    from event_log.proof.note import BadKey
    from event_log.proof.rotation import parse_published

    try:
        return parse_published(published)[1]
    except BadKey:
        return []


def _is_certificate(file: Path) -> bool:
    """Whether a file is the text of a certificate; archives are none."""
    try:
        with file.open("rb") as opened:
            return opened.read(1) == b"{"
    except OSError as error:
        raise BadUsage(f"{file} cannot be read: {error}.") from error


def _verify_certificate(file: Path, public_key: str | None) -> None:
    from tracklog.proving.certificate import NoCertificate, faults, parse

    if public_key is None:
        raise BadUsage("A certificate is verified by --public-key, which `tracklog keys publish` prints.")
    try:
        found = parse(_text_of(file).encode())
    except NoCertificate as error:
        raise BadUsage(f"{file}: {error}.") from error
    wrong = faults(found, _trusted(public_key, []))
    for fault in wrong:
        click.echo(f"{file}: {fault}")
    if wrong:
        raise click.exceptions.Exit(1)
    click.echo(
        f"{found.erasure.stream} was erased on {found.time} by {found.by}: {found.reason}."
        f" {len(found.events)} events were of it; that is what was signed.",
        err=True,
    )


async def _verify(
    place: EventLogPlace, stores: Stores | None, given: list[str], public_key: str | None, show: Show
) -> "Report":
    from tracklog.cli.log_reading import reading_log
    from tracklog.proving.places import kept_proofs
    from tracklog.proving.verification import verify

    async with reading_log(place) as log, kept_proofs(place, stores, await log.identity()) as store:
        known = [] if store is None else await store.keys()
        trusted = _trusted(public_key, known)
        return await verify(log, store, given, trusted, show)


def _trusted(public_key: str | None, known: list[str]) -> "frozenset[PublicKey]":
    """The key that is named, else the one that is kept, and those to which each handed over."""
    from event_log.proof.note import BadKey
    from event_log.proof.rotation import parse_published, trusted_from

    if public_key is None:
        if not known:
            raise BadUsage("Nothing was signed of this log here: name the key that is trusted by --public-key.")
        click.echo("The key beside the log is trusted; to be sure of it, name one by --public-key.", err=True)
        public_key = known[0]
    elif Path(public_key).is_file():
        public_key = _text_of(Path(public_key))
    try:
        first, rotations = parse_published(public_key)
    except BadKey as error:
        raise BadUsage(f"--public-key {public_key[:100]!r} is no public key: {error}.") from error
    return trusted_from(first, [*rotations, *known])


def _tell(report: "Report") -> None:
    for finding in report.findings:
        click.echo(str(finding))
    for partition, size in sorted(report.proven.items()):
        unsigned = report.unsigned.get(partition, 0)
        more = f"; {unsigned} more are not signed yet" if unsigned else ""
        click.echo(f"partition {partition}: {size} events are what was signed{more}", err=True)
    if report.forgotten:
        total = sum(report.forgotten.values())
        click.echo(f"{total} events were forgotten, and their hashes are what was signed:", err=True)
        for stream, count in report.forgotten.most_common(SHOWN_ERASURES):
            click.echo(f"  {count} by the erasure of {stream}", err=True)
    if report.sealed:
        click.echo(
            f"{report.sealed} events are sealed, and no keys are named by --backend-store-uri: which of them were"
            " forgotten cannot be told.",
            err=True,
        )
    if report.unreadable:
        click.echo(f"{report.unreadable} events cannot be read.", err=True)


def _text_of(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadUsage(f"{file} cannot be read: {error}.") from error
