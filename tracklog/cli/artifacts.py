"""`tracklog artifacts`: the role that passes artifacts between clients and their store."""

import click

from tracklog.cli.artifact_options import with_artifacts
from tracklog.cli.running import announce, run_until_signal
from tracklog.cli.store_options import with_shared_stores
from tracklog.cli.web_options import with_web
from tracklog.settings.process import ArtifactSettings, ListenSettings, Settings, WebSettings
from tracklog.settings.store_uris import Stores


@click.command("artifacts")
@with_shared_stores
@with_artifacts
@with_web
def command(*, stores: Stores, artifacts: ArtifactSettings, listen: ListenSettings, web: WebSettings) -> None:
    """Pass artifacts between clients and their store.

    As many as one likes run side by side on the same stores.
    """
    from tracklog.distributed.roles import serve_artifacts

    run_until_signal(serve_artifacts, Settings(listen=listen, stores=stores, artifacts=artifacts, web=web), announce)
