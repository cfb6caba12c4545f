"""`tracklog keys`: the key that signs checkpoints of the log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracklog.cli.bad_usage import BadUsage
from tracklog.cli.proof_options import with_proof_key_file
from tracklog.cli.store_options import with_event_log
from tracklog.settings.store_uris import EventLogPlace, SqliteFile, Stores

if TYPE_CHECKING:
    from tracklog.proving.key_file import KeyFile
    from tracklog.proving.proof_store import ProofStore


@click.group("keys", short_help="Make, replace and publish the key that signs the log.")
def command() -> None:
    """The key that signs checkpoints of the log.

    It is in a file that its owner alone may read: beside the log where that is in SQLite, else where --proof-key-file
    says.
    """


@command.command("create")
@with_event_log
@with_proof_key_file
@click.option("--name", default="tracklog", show_default=True, help="What the key is called in checkpoints.")
def create(event_log: EventLogPlace, stores: Stores | None, proof_key_file: Path | None, name: str) -> None:
    """Make a key where there is none, and print its public part."""
    from event_log.proof.note import BadKey
    from tracklog.proving.key_file import KeyRefused

    try:
        click.echo(str(_file(event_log, proof_key_file).create(name).public))
    except (KeyRefused, BadKey, OSError) as error:
        raise BadUsage(str(error)) from error


@command.command("rotate")
@with_event_log
@with_proof_key_file
@click.option("--name", default=None, help="What the new key is called in checkpoints.  [default: as the old one]")
def rotate(event_log: EventLogPlace, stores: Stores | None, proof_key_file: Path | None, name: str | None) -> None:
    """Put a new key in the place of the key, which signs that it does, and print its public part.

    Servers that read the file sign with the new key from their next checkpoint on. The old key is gone.
    """
    from event_log.port import ForeignLog
    from event_log.proof.note import BadKey
    from schemas.errors import Retryable
    from tracklog.cli.log_reading import NoLog
    from tracklog.proving.key_file import KeyRefused

    try:
        click.echo(asyncio.run(_rotate(event_log, stores, _file(event_log, proof_key_file), name)))
    except (KeyRefused, BadKey, NoLog, ForeignLog, OSError) as error:
        raise BadUsage(str(error)) from error
    except Retryable as error:
        raise click.ClickException(error.message) from error


@command.command("publish")
@with_event_log
def publish(event_log: EventLogPlace, stores: Stores | None) -> None:
    """Print the first public key, and the notes by which each key named the next: what to give to others."""
    from event_log.port import ForeignLog
    from schemas.errors import Retryable
    from tracklog.cli.log_reading import NoLog

    try:
        click.echo("\n".join(asyncio.run(_known(event_log, stores))))
    except (NoLog, ForeignLog) as error:
        raise BadUsage(str(error)) from error
    except Retryable as error:
        raise click.ClickException(error.message) from error


def _file(place: EventLogPlace, named: Path | None) -> "KeyFile":
    from tracklog.proving.key_file import KeyFile
    from tracklog.proving.places import proof_key_file_of

    if named is not None:
        return KeyFile(named)
    if isinstance(place, SqliteFile):
        return KeyFile(proof_key_file_of(place.path))
    raise BadUsage("The log is not in a file of this machine: say where its key is by --proof-key-file.")


async def _rotate(place: EventLogPlace, stores: Stores | None, file: "KeyFile", name: str | None) -> str:
    from event_log.proof.note import PrivateKey
    from event_log.proof.rotation import rotation

    old = file.key()
    new = PrivateKey.generate(name or old.name)
    async with _proofs(place, stores) as store:
        # First that: a key of which nobody knows signs nothing.
        await store.add_key(rotation(old, new.public))
        file.replace(new)
    return str(new.public)


async def _known(place: EventLogPlace, stores: Stores | None) -> list[str]:
    async with _proofs(place, stores) as store:
        return await store.keys()


@asynccontextmanager
async def _proofs(place: EventLogPlace, stores: Stores | None) -> "AsyncIterator[ProofStore]":
    from tracklog.cli.log_reading import reading_log
    from tracklog.proving.places import kept_proofs

    async with reading_log(place) as log, kept_proofs(place, stores, await log.identity()) as store:
        if store is None or not await store.keys():
            raise BadUsage(
                "Nothing was signed of this log yet, so the key may be put in a file by `tracklog keys create`, and be"
                " replaced by deleting that."
            )
        yield store
