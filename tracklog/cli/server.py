"""`tracklog server`: the options of `mlflow server` by the same names, where they mean something here."""

from functools import partial

import click

from tracklog.cli.artifact_options import with_artifacts
from tracklog.cli.bad_usage import BadUsage, reporting_bad_settings
from tracklog.cli.given_options import given_options
from tracklog.cli.listen_options import with_otlp_grpc
from tracklog.cli.past_options import with_past
from tracklog.cli.proof_options import with_proof
from tracklog.cli.running import announce, run_until_signal
from tracklog.cli.store_options import with_stores
from tracklog.cli.unsupported_options import unsupported_options
from tracklog.cli.web_options import with_web
from tracklog.cli.webhook_options import with_webhooks
from tracklog.settings.past import PastSettings
from tracklog.settings.process import ArtifactSettings, ListenSettings, Settings, WebSettings
from tracklog.settings.proof import ProofSettings
from tracklog.settings.store_uris import EmbeddedStores, SettingRefused, Stores
from tracklog.settings.webhooks import WebhookSettings


@click.command("server", short_help="Serve everything: the API, the artifacts and the page.")
@with_stores
@with_artifacts
@click.option(
    "--artifacts-only",
    envvar="MLFLOW_ARTIFACTS_ONLY",
    is_flag=True,
    help="Pass artifacts and do nothing else: no log is opened.",
)
@with_past
@with_web
@with_otlp_grpc
@with_webhooks
@with_proof
@unsupported_options
def command(
    *,
    stores: Stores,
    artifacts: ArtifactSettings,
    artifacts_only: bool,
    past: PastSettings | None,
    listen: ListenSettings,
    web: WebSettings,
    webhooks: WebhookSettings,
    proof: ProofSettings,
) -> None:
    """Serve the tracking API, the artifacts and the page from one process tree.

    Without options everything is kept in ./tracklog-data and served at http://127.0.0.1:5000.
    """
    with reporting_bad_settings():
        if artifacts_only and not artifacts.serve:
            raise SettingRefused("--artifacts-only and --no-serve-artifacts together leave nothing to serve.")
        if artifacts_only and web.authentication is not None:
            raise SettingRefused("--artifacts-only has no log, and so no users that --app-name could let in.")
        if artifacts_only and past is not None:
            raise SettingRefused("--artifacts-only has no log, and so no past that --as-of could show.")
        if (artifacts_only or past is not None) and listen.otlp_grpc_port is not None:
            raise SettingRefused(
                "--otlp-grpc-port has nothing to do here: a server without a log to write takes no spans."
            )
        if past is not None and web.authentication is not None and web.authentication.oidc is not None:
            raise SettingRefused(
                "--as-of lets in by passwords and access tokens: leave --oidc-issuer-url out, whose sessions it would"
                " have to write."
            )
    run(
        Settings(
            listen=listen,
            stores=stores,
            artifacts=artifacts,
            web=web,
            webhooks=webhooks,
            proof=proof,
            artifacts_only=artifacts_only,
            past=past,
            options=given_options(),
        )
    )


def run(settings: Settings) -> None:
    """Serve until a signal says to stop."""
    if settings.artifacts_only:
        from tracklog.serving.artifacts_only import serve_artifacts_only

        run_until_signal(serve_artifacts_only, settings, announce)
    elif settings.past is not None:
        _run_past(settings)
    elif isinstance(settings.stores, EmbeddedStores):
        from tracklog.memory.sqlite_statistics import count_no_memory

        count_no_memory()  # before anything imports sqlite3
        from tracklog.embedded.server import serve_embedded

        run_until_signal(serve_embedded, settings, announce)
    else:
        from tracklog.distributed.server import serve_shared

        run_until_signal(serve_shared, settings, announce)


def _run_past(settings: Settings) -> None:
    from event_log.port import LogUnavailable
    from tracklog.cli.log_reading import NoLog, reading_log
    from tracklog.cli.past_users import todays_users
    from tracklog.past.server import serve_past

    try:
        run_until_signal(
            serve_past,
            settings,
            partial(reading_log, settings.stores.event_log),
            partial(todays_users, settings),
            announce,
        )
    except NoLog as error:
        raise BadUsage(str(error)) from error
    except LogUnavailable as error:
        raise click.ClickException(error.message) from error
