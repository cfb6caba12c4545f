"""`tracklog certificate`: what was erased, when, by whom and why, with the proof of it."""

import asyncio

import click

from tracklog.cli.bad_usage import BadUsage
from tracklog.cli.store_options import with_event_log
from tracklog.settings.store_uris import EventLogPlace, Stores


@click.command("certificate", short_help="Print the certificate of an erasure.")
@click.argument("stream")
@with_event_log
def command(stream: str, event_log: EventLogPlace, stores: Stores | None) -> None:
    """Print, as JSON, what was erased of STREAM, such as run/0123… or experiment/3, when, by whom and why.

    With it is the proof that the erasure is in the log, and the hash of each event that was erased. `tracklog verify
    FILE` checks it anywhere, by the public key alone. A server may have the log open.
    """
    from event_log.port import ForeignLog
    from schemas.errors import Retryable
    from tracklog.cli.log_reading import NoLog
    from tracklog.proving.certificate import NoCertificate

    try:
        text = asyncio.run(_certificate(event_log, stores, stream))
    except (NoLog, ForeignLog, NoCertificate) as error:
        raise BadUsage(str(error)) from error
    except Retryable as error:
        raise click.ClickException(error.message) from error
    click.echo(text)


async def _certificate(place: EventLogPlace, stores: Stores | None, stream: str) -> bytes:
    import msgspec

    from tracklog.cli.log_reading import reading_log
    from tracklog.proving.certificate import NoCertificate, certificate
    from tracklog.proving.places import kept_proofs

    async with reading_log(place) as log, kept_proofs(place, stores, await log.identity()) as store:
        if store is None:
            raise NoCertificate("Nothing was signed of this log here, and so there is no certificate.")
        found = await certificate(log, store, stream)
    return msgspec.json.format(msgspec.json.encode(found), indent=1)
