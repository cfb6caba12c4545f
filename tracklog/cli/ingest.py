"""`tracklog ingest`: the role that takes writes."""

import click

from tracklog.cli.artifact_options import with_default_artifact_root
from tracklog.cli.listen_options import with_otlp_grpc
from tracklog.cli.running import announce, run_until_signal
from tracklog.cli.store_options import with_shared_stores
from tracklog.cli.web_options import with_web
from tracklog.cli.webhook_options import with_webhooks
from tracklog.settings.process import ArtifactSettings, ListenSettings, Settings, WebSettings
from tracklog.settings.store_uris import Stores
from tracklog.settings.webhooks import WebhookSettings


@click.command("ingest")
@with_shared_stores
@with_default_artifact_root
@with_web
@with_otlp_grpc
@with_webhooks
def command(
    *,
    stores: Stores,
    artifacts: ArtifactSettings,
    listen: ListenSettings,
    web: WebSettings,
    webhooks: WebhookSettings,
) -> None:
    """Take writes: check them, and append them to the log.

    As many as one likes run side by side on the same stores.
    """
    from tracklog.distributed.roles import serve_ingest

    settings = Settings(listen=listen, stores=stores, artifacts=artifacts, web=web, webhooks=webhooks)
    run_until_signal(serve_ingest, settings, announce)
