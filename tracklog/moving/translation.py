"""From the records of a store to the events that would have made them: each at the time that the store has for it.

Nothing is looked at but the records and what the target holds, so the same store gives the same events. Accounts and
rights, of which MLflow keeps no time, have that of the import.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias

from tracklog.moving.account_translation import AccountTranslation, KeepSecret
from tracklog.moving.evaluated_translation import EvaluatedTranslation
from tracklog.moving.experiment_translation import ExperimentTranslation
from tracklog.moving.facts import Facts, Made
from tracklog.moving.logged_model_translation import LoggedModelTranslation
from tracklog.moving.records import (
    AccountRecord,
    EvaluatedRecord,
    ExampleRecord,
    ExperimentRecord,
    IssueRecord,
    LabelSchemaRecord,
    LoggedModelRecord,
    OddityRecord,
    PointsRecord,
    Record,
    RegisteredRecord,
    ReviewItemsRecord,
    ReviewQueueRecord,
    RoleRecord,
    RunRecord,
    ScorerRecord,
    SizeRecord,
    SpansRecord,
    TraceRecord,
    UnreadRecord,
    WebhookRecord,
)
from tracklog.moving.registry_translation import RegistryTranslation
from tracklog.moving.review_translation import ReviewTranslation
from tracklog.moving.run_translation import RunTranslation
from tracklog.moving.trace_files import ReadSpans, nothing_read
from tracklog.moving.trace_translation import TraceTranslation
from tracklog.moving.webhook_translation import ScorerTranslation, WebhookTranslation

_Others: TypeAlias = (
    RunRecord
    | LoggedModelRecord
    | RegisteredRecord
    | TraceRecord
    | SpansRecord
    | EvaluatedRecord
    | WebhookRecord
    | ScorerRecord
    | IssueRecord
    | LabelSchemaRecord
    | ReviewQueueRecord
    | ReviewItemsRecord
    | AccountRecord
    | RoleRecord
)
"""What comes when all experiments did."""

_FOLLOWED: Final = (RunRecord, PointsRecord, LoggedModelRecord, RegisteredRecord)
_FOLLOWED_KINDS: Final = (
    *("experiments", "experiment tags", "runs", "params", "tags", "metric points", "datasets", "dataset inputs"),
    *("tags of dataset inputs", "model inputs", "model outputs", "logged models", "params of logged models"),
    *("tags of logged models", "points of logged models", "registered models", "tags of registered models"),
    *("aliases", "model versions", "tags of model versions"),
)
"""What a shadow brings, beside experiments, and how the report calls it."""


class Translation:
    """Makes the events of one store. What it says of them is in `report`."""

    def __init__(
        self, facts: Facts, keep_secret: KeepSecret, now_ms: int, read_spans: ReadSpans = nothing_read
    ) -> None:
        self._report = facts.report
        self._is_followed = facts.target.is_followed_into
        self._unread: UnreadRecord | None = None
        self._experiments = ExperimentTranslation(facts)
        self._runs = RunTranslation(facts, self._experiments)
        self._models = LoggedModelTranslation(facts, self._experiments, self._runs)
        self._registry = RegistryTranslation(facts)
        self._traces = TraceTranslation(facts, self._experiments, read_spans)
        self._evaluated = EvaluatedTranslation(facts, self._experiments)
        self._webhooks = WebhookTranslation(facts)
        self._scorers = ScorerTranslation(facts, self._experiments)
        self._reviews = ReviewTranslation(facts, self._experiments)
        self._accounts = AccountTranslation(facts, self._experiments, self._registry, keep_secret, now_ms)

    def events(self, record: Record) -> Iterator[Made]:
        """What a record comes to, without what is in the log already, or was brought there by a shadow."""
        if self._is_followed and isinstance(record, _FOLLOWED):
            return
        match record:
            case SizeRecord():
                self._report.tally(record.kind).source += record.number
            case OddityRecord():
                self._report.odd(record.kind, record.where, record.what, record.lost)
            case UnreadRecord():
                self._unread = record
            case PointsRecord():
                yield from self._runs.points(record)
            case ExampleRecord():
                yield from self._evaluated.example(record)
            case ExperimentRecord():
                yield from self._runs.end()
                yield from self._experiments.events(record)
            case _:
                yield from self._runs.end()
                yield from self._evaluated.end()
                yield from self._experiments.ensure_default()
                yield from self._of_others(record)

    def _of_others(self, record: _Others) -> Iterator[Made]:
        match record:
            case RunRecord():
                yield from self._runs.begin(record)
            case LoggedModelRecord():
                yield from self._models.events(record)
            case RegisteredRecord():
                yield from self._registry.events(record)
            case TraceRecord():
                yield from self._traces.begin(record)
            case SpansRecord():
                yield from self._traces.spans(record)
            case EvaluatedRecord():
                yield from self._evaluated.begin(record)
            case WebhookRecord():
                yield from self._webhooks.events(record)
            case ScorerRecord():
                yield from self._scorers.events(record)
            case IssueRecord():
                yield from self._reviews.issue(record)
            case LabelSchemaRecord():
                yield from self._reviews.label_schema(record)
            case ReviewQueueRecord():
                yield from self._reviews.review_queue(record)
            case ReviewItemsRecord():
                yield from self._reviews.items(record)
            case AccountRecord():
                yield from self._accounts.account(record)
            case RoleRecord():
                yield from self._accounts.role(record)

    def end(self) -> Iterator[Made]:
        """What is left to say when there are no more records."""
        yield from self._runs.end()
        yield from self._evaluated.end()
        yield from self._experiments.ensure_default()
        if self._is_followed:
            for kind in _FOLLOWED_KINDS:
                if (left := self._report.tally(kind).unexplained) > 0:
                    self._report.odd(kind, "all", "left: a shadow brings them", left)
        if (left := self._report.tally("datasets").unexplained) > 0:
            self._report.odd("datasets", "all runs", "left: only runs that are not there, or are left, read them", left)
        if self._unread is not None:
            self._leave_what_did_not_come(self._unread)

    def _leave_what_did_not_come(self, unread: UnreadRecord) -> None:
        """Account for what was counted in a damaged source, and for what came though it could not be counted."""
        self._report.odd("the source", unread.where, unread.what)
        for kind, tally in self._report.tallies.items():
            if tally.unexplained > 0:
                self._report.odd(kind, unread.where, "left: it cannot be read", tally.unexplained)
            tally.source = max(tally.source, tally.imported + tally.left)
