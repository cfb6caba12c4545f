"""`tracklog webhooks`: the role that tells webhooks, and what is done to their secrets."""

import asyncio
from typing import TYPE_CHECKING

import click

from tracklog.cli.bad_usage import BadUsage, reporting_bad_settings
from tracklog.cli.listen_options import with_listening
from tracklog.cli.running import announce, run_until_signal
from tracklog.cli.store_options import shared, with_stores
from tracklog.cli.webhook_options import with_webhooks
from tracklog.settings.process import ListenSettings, Settings, WebSettings
from tracklog.settings.store_uris import EmbeddedStores, Stores
from tracklog.settings.webhooks import WebhookSettings

if TYPE_CHECKING:
    from tracklog.secret_store.store import SecretStore
    from tracklog.webhooks.secrets import Keys


@click.command("webhooks")
@click.argument("task", type=click.Choice(["reseal"]), required=False)
@with_stores
@with_listening
@with_webhooks
def command(
    *, task: str | None, stores: Stores, listen: ListenSettings, access_log: bool, webhooks: WebhookSettings
) -> None:
    """Tell webhooks what happened, and call their receivers.

    Several share the work, and take over from one another. What is listened for is only how it is.

    With `reseal` nothing is called: the secrets of all webhooks are sealed anew with the first key.
    """
    if task == "reseal":
        reseal(stores, webhooks)
        return
    settings = Settings(listen=listen, stores=shared(stores), web=WebSettings(access_log=access_log), webhooks=webhooks)
    from tracklog.distributed.webhooks_role import serve_webhooks

    run_until_signal(serve_webhooks, settings, announce)


def reseal(stores: Stores, webhooks: WebhookSettings) -> None:
    """Seal every secret of a webhook anew with the first key, and say how many there are.

    Raises BadUsage without a key, ClickException when a secret is sealed with a key that is not there.
    """
    from event_log.port import ForeignLog
    from schemas.errors import InvalidParameterValue, Retryable
    from tracklog.serving.services import CannotStart

    try:
        with reporting_bad_settings():
            resealed, unreadable = asyncio.run(_resealed(stores, webhooks))
    except InvalidParameterValue as error:
        raise BadUsage(error.message) from error
    except Retryable as error:
        raise click.ClickException(error.message) from error
    except (ForeignLog, CannotStart) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Secrets of webhooks that are sealed with the first key now: {resealed}.", err=True)
    if unreadable:
        raise click.ClickException(f"No key opens {unreadable} more, which stay as they are.")


async def _resealed(stores: Stores, webhooks: WebhookSettings) -> tuple[int, int]:
    from tracklog.webhooks.secrets import SealedSecrets
    from tracklog.webhooks.stores import given

    store, keys = await _opened(stores, webhooks)
    try:
        keys.to_seal()  # also where there is no secret yet: who replaces a key learns that it is none
        return await SealedSecrets(given(store), keys).reseal()
    finally:
        await store.close()


async def _opened(stores: Stores, webhooks: WebhookSettings) -> "tuple[SecretStore, Keys]":
    if isinstance(stores, EmbeddedStores):
        from tracklog.embedded.files import secrets_file_of
        from tracklog.embedded.webhook_stores import keys_beside
        from tracklog.secret_store.store import SqliteSecretStore

        log = stores.event_log.path
        if not log.exists():
            raise BadUsage(f"There is no log at {log}.")
        keys = keys_beside(log, webhooks)
        return SqliteSecretStore(secrets_file_of(log)), keys
    from tracklog.distributed.own_stores import opened_store
    from tracklog.secret_store.store import PostgresqlSecretStore
    from tracklog.webhooks.secrets import keys_of

    keys = keys_of(webhooks)
    return await opened_store(PostgresqlSecretStore, stores.read_model.dsn), keys
