"""The ingest role: every command, over one log and one cache of known entities."""

import os
import time
from collections.abc import Callable

from event_log.port import EventLog
from event_log.streams import SearchingStreamReader, StreamReader
from ingest.admission.known_entities import KnownEntities
from ingest.admission.lookups import Lookups
from ingest.corrections.commands import CorrectionCommands
from ingest.erasures.carrying_out import CarryingOut
from ingest.erasures.commands import ErasureCommands
from ingest.erasures.port import ErasureNeeds
from ingest.evaluation_datasets.commands import EvaluationDatasetCommands
from ingest.experiments.commands import ExperimentCommands
from ingest.imports.commands import ImportCommands
from ingest.issues.commands import IssueCommands
from ingest.label_schemas.commands import LabelSchemaCommands
from ingest.log_writer import NOT_OBSERVED, LogWriter, WriteObserver
from ingest.logged_models.commands import LoggedModelCommands
from ingest.model_versions.commands import ModelVersionCommands
from ingest.model_versions.source_policy import SourcePolicy
from ingest.otlp.commands import OtlpCommands
from ingest.registered_models.commands import RegisteredModelCommands
from ingest.review_queues.commands import ReviewQueueCommands
from ingest.rights.commands import RightCommands
from ingest.run_data.commands import RunDataCommands
from ingest.runs.commands import RunCommands
from ingest.scorers.commands import ScorerCommands
from ingest.traces.commands import TraceCommands
from ingest.undo.commands import UndoCommands
from ingest.undo.event_finder import EventFinder, ScanningEventFinder
from ingest.users.commands import UserCommands
from ingest.users.owners import Owners
from ingest.users.port import CredentialStore
from ingest.webhooks.commands import WebhookCommands
from ingest.webhooks.port import WebhookNeeds
from read_model.progress import ProjectionProgress
from schemas.envelope import EventClock


class IngestService:
    """Commands by what they are about; each takes its request message, and answers with JSON bytes or a TracklogError.

    A refused command leaves no event when what refuses it is known before the append; a race that the fold decides
    leaves an event that changes nothing.
    `shared`: other processes write to the same log. `source_policy` is what the operator says of the sources of model
    versions, None for nothing. `credentials`: users are known, by what is in there. `webhooks` is what those stand
    on, where they are served. `streams` finds the events of one stream, and `finder` those of a request or a user,
    where the log itself would be slow to. `erasing`: what is deleted can be erased, by what is in there. `observer`
    counts what is written. `now_s` returns seconds, for the age of what is known.
    """

    def __init__(
        self,
        log: EventLog,
        progress: ProjectionProgress,
        lookups: Lookups,
        artifact_root: str,
        clock: EventClock,
        *,
        shared: bool = False,
        source_policy: SourcePolicy | None = None,
        credentials: CredentialStore | None = None,
        webhooks: WebhookNeeds | None = None,
        streams: StreamReader | None = None,
        finder: EventFinder | None = None,
        erasing: ErasureNeeds | None = None,
        observer: WriteObserver = NOT_OBSERVED,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.known = KnownEntities(log, progress, lookups, shared=shared, clock=now_s)
        writer = LogWriter(log, progress, self.known, clock, observer)
        owners = Owners(self.known, has_users=credentials is not None)
        self.experiments = ExperimentCommands(writer, self.known, artifact_root, os.getcwd(), owners)
        self.runs = RunCommands(writer, self.known)
        self.run_data = RunDataCommands(writer, self.known)
        self.logged_models = LoggedModelCommands(writer, self.known)
        self.traces = TraceCommands(writer, self.known)
        self.otlp = OtlpCommands(writer, self.known)
        self.registered_models = RegisteredModelCommands(writer, self.known, owners)
        self.evaluation_datasets = EvaluationDatasetCommands(writer, self.known)
        self.issues = IssueCommands(writer, self.known)
        self.label_schemas = LabelSchemaCommands(writer, self.known)
        self.review_queues = ReviewQueueCommands(writer, self.known)
        self.scorers = ScorerCommands(writer, self.known)
        policy = source_policy or SourcePolicy(own_roots=(artifact_root,))
        self.users = None if credentials is None else UserCommands(writer, self.known, credentials)
        self.rights = None if credentials is None else RightCommands(writer, self.known, credentials.users_changed)
        self.webhooks = None if webhooks is None else WebhookCommands(writer, self.known, webhooks)
        self.model_versions = ModelVersionCommands(writer, self.known, policy)
        self.corrections = CorrectionCommands(writer, self.known)
        self.imports = ImportCommands(writer, self.known, owners, artifact_root)
        users_changed = (lambda: None) if credentials is None else credentials.users_changed
        self.undo = UndoCommands(
            *(writer, self.known, log),
            finder or ScanningEventFinder(log),
            streams or SearchingStreamReader(log),
            users_changed,
        )
        self.erasures: ErasureCommands | None = None
        if erasing is not None:
            self.erasures = ErasureCommands(
                *(writer, self.known, log),
                streams or SearchingStreamReader(log),
                erasing.artifacts,
                CarryingOut(log, lookups, erasing.forgetting, erasing.artifacts, erasing.note),
            )

    async def ensure_default_experiment(self) -> None:
        """Create experiment 0 in an empty log; to be called before the first request is served.

        Raises LogUnavailable, LogOverloaded, OutcomeUnknown.
        """
        await self.experiments.ensure_default()
