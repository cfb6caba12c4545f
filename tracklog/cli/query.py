"""`tracklog query`: the role that answers reads, and shows the page."""

import click

from tracklog.cli.running import announce, run_until_signal
from tracklog.cli.store_options import with_shared_stores
from tracklog.cli.web_options import with_web
from tracklog.settings.process import ListenSettings, Settings, WebSettings
from tracklog.settings.store_uris import Stores


@click.command("query")
@with_shared_stores
@with_web
def command(*, stores: Stores, listen: ListenSettings, web: WebSettings) -> None:
    """Answer reads from the read model, and show the page.

    As many as one likes run side by side on the same stores.
    """
    from tracklog.distributed.roles import serve_query

    run_until_signal(serve_query, Settings(listen=listen, stores=stores, web=web), announce)
