"""The services of an embedded server, built on its log and read model."""

from contextlib import AsyncExitStack
from functools import partial

from prometheus_client.core import Metric

from ingest.admission.sqlite_lookups import SqliteLookups
from query_api.sqlite.read_model import SqliteReadModel
from query_api.sqlite.text_match import register_functions
from read_model.history.sqlite import SqliteHistoryIndex
from read_model.sqlite_link import link_of
from schemas.envelope import PARTITION
from tracklog.background import in_background
from tracklog.embedded.files import erasures_file_of, history_file_of, secrets_file_of
from tracklog.embedded.proving import proofs_beside
from tracklog.embedded.system import EmbeddedSystem
from tracklog.embedded.webhook_stores import webhook_stores_beside
from tracklog.sending.sender_messages import ChildSettings
from tracklog.sending.supervised_sender import SupervisedSender, has_webhooks
from tracklog.serving.erasure_list import ErasureList
from tracklog.serving.proof_services import proof_services
from tracklog.serving.role_services import artifact_services, known_by, read_services, together, write_services
from tracklog.serving.services import Services
from tracklog.settings.process import Settings
from tracklog.web.metrics import LogState, log_metrics
from tracklog.webhooks.account import needs_of


async def embedded_services(settings: Settings, system: EmbeddedSystem, stack: AsyncExitStack) -> Services:
    """All services, which are ready; what they hold is let go of when `stack` is left."""
    link = link_of(system.log_path)
    lookups = SqliteLookups(link, system.read_model_damaged)
    stack.callback(lookups.close)
    read_model = SqliteReadModel(link, register_functions, system.read_model_damaged)
    stack.push_async_callback(read_model.close)

    index = SqliteHistoryIndex(history_file_of(system.log_path), system.flush_history)
    stack.push_async_callback(index.close)

    async def measured() -> list[Metric]:
        report = system.progress.report()
        return log_metrics(LogState({PARTITION: system.log.newest_end}, report.checkpoint, report.set_aside))

    async def read_model_answers() -> None:
        await read_model.fetch("SELECT count(*) FROM facts")

    needs = {
        "event log": system.log.check_appendable,
        "read model": read_model_answers,
        "projector": system.check_projector,
    }
    sender = SupervisedSender(
        "tracklog.embedded.sender_child",
        ChildSettings.of({"log": str(system.log_path)}, settings.webhooks),
        partial(has_webhooks, read_model),
    )
    await stack.enter_async_context(in_background(sender.keep_running()))
    stores = webhook_stores_beside(system.log_path, settings.webhooks, stack)
    authentication = None
    if settings.web.authentication is not None:
        from tracklog.secret_store.store import SqliteSecretStore
        from tracklog.serving.authentication import open_authentication

        secrets = SqliteSecretStore(secrets_file_of(system.log_path))
        stack.push_async_callback(secrets.close)
        authentication = await stack.enter_async_context(
            open_authentication(
                settings.web,
                settings.web.authentication,
                system.log,
                system.progress,
                read_model,
                secrets,
                settings.artifacts,
                is_alone=True,
            )
        )
    writes = await write_services(
        system.log,
        system.progress,
        lookups,
        settings.artifacts,
        shared=False,
        authentication=authentication,
        webhooks=needs_of(stores),
        forgetting=system.log,
        stack=stack,
        note_erasure=ErasureList(erasures_file_of(system.log_path)).note,
        index=index,
    )
    artifacts, list_artifacts = await artifact_services(
        system.log, system.progress, read_model, settings.artifacts, stack
    )
    return together(
        writes,
        read_services(
            system.log,
            system.log,
            system.progress,
            read_model,
            index,
            stores.deliveries,
            list_artifacts,
            authentication=authentication,
        ),
        artifacts,
        proof_services(proofs_beside(system.log_path, system.log.identity, stack)),
        Services(routes=(), metrics=[measured, sender.measured], needs=needs),
        known_by(authentication),
    )
