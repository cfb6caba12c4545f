"""Issues, label schemas and review queues of a store as events: each at once as it is by now.

Of what was changed since it was made one more event says when that was last; nobody knows what the change was.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from schemas.documents.label_schemas import DEFAULT_NAME, default_schema
from schemas.events import (
    IssueCreated,
    IssueUpdated,
    LabelSchemaCreated,
    LabelSchemaUpdated,
    ReviewQueueCreated,
    ReviewQueueItemsAdded,
    ReviewQueueItemStatusSet,
    ReviewQueueUpdated,
)
from schemas.mlflow import ISSUE_SEVERITIES, ISSUE_STATUSES, REVIEW_STATUSES
from tracklog.moving.experiment_translation import ExperimentTranslation
from tracklog.moving.facts import Facts, Made
from tracklog.moving.records import (
    IssueRecord,
    LabelSchemaRecord,
    ReviewItem,
    ReviewItemsRecord,
    ReviewQueueRecord,
)

_TYPES: Final = ("FEEDBACK", "EXPECTATION")
_QUEUE_TYPES: Final = ("USER", "CUSTOM")

_PENDING, _COMPLETE, _ = REVIEW_STATUSES

_INPUTS: Final[Mapping[str, Sequence[str]]] = {
    "pass_fail": ("positive_label", "negative_label"),
    "categorical": ("options",),
    "numeric": (),
    "text": (),
}
"""The kinds of answers, and what each has to say."""

_ITEMS: Final = "items of review queues"


class ReviewTranslation:
    """What of an id or a name is taken, and was not imported, stays in the store."""

    def __init__(self, facts: Facts, experiments: ExperimentTranslation) -> None:
        self._facts = facts
        self._experiments = experiments
        self._named: set[tuple[str, int, str]] = set()
        self._defaults: dict[str, str] = {}  # ids of default label schemas here, by those in the store
        self._queue: str | None = None  # whose items come
        self._sent = 0  # events of items of it

    # --- issues ---------------------------------------------------------------------------------------------------

    def issue(self, record: IssueRecord) -> Iterator[Made]:
        """What an issue comes to."""
        facts, where, about = self._facts, record.where, f"issue\0{record.issue_id}"
        yield from self._experiments.ensure(record.experiment_key, where, record.creation_time_ms)
        if self._is_taken(record.issue_id, about):
            facts.lost("issues", where, "left: it has no id, or one that was there before", 1)
            return
        status, severity = record.status, record.severity
        if status not in ISSUE_STATUSES:
            facts.report.odd(
                "issues", where, f"its status {status!r:.50} is no word that is known: {ISSUE_STATUSES[0]}"
            )
            status = ISSUE_STATUSES[0]
        if severity is not None and severity not in ISSUE_SEVERITIES:
            facts.report.odd("issues", where, f"its severity {severity!r:.50} is no word that is known; left out")
            severity = None
        created = IssueCreated(
            issue_id=record.issue_id,
            experiment_id=self._experiments.id_of(record.experiment_key),
            name=record.name,
            description=record.description,
            status=status,
            severity=severity,
            root_causes=list(record.root_causes),
            categories=list(record.categories),
            source_run_id=record.source_run_id,
            created_by=record.created_by,
        )
        yield from facts.event(f"{about}\0created", created, record.creation_time_ms, {"issues": 1}, where)
        if _changed(record):
            updated = IssueUpdated(issue_id=record.issue_id, name=record.name)
            yield from facts.event(f"{about}\0changed", updated, record.last_update_time_ms, where=where)

    # --- label schemas --------------------------------------------------------------------------------------------

    def label_schema(self, record: LabelSchemaRecord) -> Iterator[Made]:
        """What a label schema comes to. The default one is here without an event, by an id of ours."""
        facts, where, about = self._facts, record.where, f"label-schema\0{record.schema_id}"
        yield from self._experiments.ensure(record.experiment_key, where, record.creation_time_ms)
        experiment_id = self._experiments.id_of(record.experiment_key)
        if record.is_default:
            self._defaults[record.schema_id] = default_schema(experiment_id, 0).schema_id
            facts.report.tally("label schemas").imported += 1
            return
        if reason := self._refused(record, experiment_id, about):
            facts.lost("label schemas", where, f"left: {reason}", 1)
            return
        created = LabelSchemaCreated(
            schema_id=record.schema_id,
            experiment_id=experiment_id,
            name=record.name,
            type=record.type,
            input=record.input,
            instruction=record.instruction,
            enable_comment=record.enable_comment,
        )
        yield from facts.event(f"{about}\0created", created, record.creation_time_ms, {"label schemas": 1}, where)
        if _changed(record):
            updated = LabelSchemaUpdated(schema_id=record.schema_id, name=record.name)
            yield from facts.event(f"{about}\0changed", updated, record.last_update_time_ms, where=where)

    def _refused(self, record: LabelSchemaRecord, experiment_id: int, about: str) -> str | None:
        """Why a label schema stays behind; None where it does not."""
        if self._is_taken(record.schema_id, about):
            return "it has no id, or one that was there before"
        if record.type not in _TYPES or not _is_input(record.input):
            return f"nobody knows its type {record.type!r:.50}, or the answers that it wants: {record.input!r:.200}"
        if record.name == DEFAULT_NAME or self._is_name_taken("label-schema", experiment_id, record.name, about):
            return f"its experiment has a question of the name {record.name!r:.100} already"
        return None

    # --- review queues --------------------------------------------------------------------------------------------

    def review_queue(self, record: ReviewQueueRecord) -> Iterator[Made]:
        """What a review queue comes to, without its items."""
        facts, where, about = self._facts, record.where, f"review-queue\0{record.queue_id}"
        self._queue, self._sent = None, 0
        yield from self._experiments.ensure(record.experiment_key, where, record.creation_time_ms)
        experiment_id = self._experiments.id_of(record.experiment_key)
        if (
            record.queue_type not in _QUEUE_TYPES
            or self._is_taken(record.queue_id, about)
            or self._is_name_taken("review-queue", experiment_id, record.name.lower(), about)
        ):
            what = f"left: nobody knows its type {record.queue_type!r:.50}, or its id or name is there already"
            facts.lost("review queues", where, what, 1)
            return
        self._queue = record.queue_id
        created = ReviewQueueCreated(
            queue_id=record.queue_id,
            experiment_id=experiment_id,
            name=record.name,
            queue_type=record.queue_type,
            users=list(record.users),
            schema_ids=sorted(self._defaults.get(one, one) for one in record.schema_ids),  # as MLflow answers
            created_by=record.created_by,
        )
        yield from facts.event(f"{about}\0created", created, record.creation_time_ms, {"review queues": 1}, where)
        if _changed(record):
            updated = ReviewQueueUpdated(queue_id=record.queue_id, name=record.name)
            yield from facts.event(f"{about}\0changed", updated, record.last_update_time_ms, where=where)

    def items(self, record: ReviewItemsRecord) -> Iterator[Made]:
        """The next items of the review queue; those that came at one time are one event."""
        facts, queue_id = self._facts, record.queue_id
        where, about = f"review queue {queue_id!r:.50}", f"review-queue\0{queue_id}\0items"
        if self._queue != queue_id:
            facts.lost(_ITEMS, where, "left: of a queue that is", len(record.items))
            return
        of_time: list[ReviewItem] = []
        for item in record.items:
            if item.status not in REVIEW_STATUSES:
                facts.lost(_ITEMS, where, f"left: {item.item_id!r:.60} has no status but {item.status!r:.50}", 1)
                continue
            if of_time and of_time[0].creation_time_ms != item.creation_time_ms:
                yield from self._added(queue_id, of_time, where, about)
                of_time = []
            of_time.append(item)
        yield from self._added(queue_id, of_time, where, about)

    def _added(self, queue_id: str, items: Sequence[ReviewItem], where: str, about: str) -> Iterator[Made]:
        if not items:
            return
        self._sent += 1
        added = ReviewQueueItemsAdded(queue_id=queue_id, item_ids=[one.item_id for one in items])
        counted = {_ITEMS: len(items)}
        yield from self._facts.event(f"{about}\0{self._sent}", added, items[0].creation_time_ms, counted, where)
        for item in items:
            yield from self._looked_at(queue_id, item, where, f"{about}\0{item.item_id}")

    def _looked_at(self, queue_id: str, item: ReviewItem, where: str, about: str) -> Iterator[Made]:
        """That somebody was done with an item. One that was opened again was done before, nobody knows by whom."""
        if item.status != _PENDING:
            done = ReviewQueueItemStatusSet(
                queue_id=queue_id, item_id=item.item_id, status=item.status, completed_by=item.completed_by
            )
            time_ms = item.completed_time_ms or item.last_update_time_ms
            yield from self._facts.event(f"{about}\0done", done, time_ms, where=where)
        elif _changed(item):
            done = ReviewQueueItemStatusSet(queue_id=queue_id, item_id=item.item_id, status=_COMPLETE)
            yield from self._facts.event(f"{about}\0done before", done, item.creation_time_ms, where=where)
            opened = ReviewQueueItemStatusSet(queue_id=queue_id, item_id=item.item_id, status=_PENDING)
            yield from self._facts.event(f"{about}\0opened", opened, item.last_update_time_ms, where=where)

    # --- ids and names --------------------------------------------------------------------------------------------

    def _is_taken(self, identity: str, about: str) -> bool:
        """Whether an id is none, or was there before and not by an import."""
        return not identity or (
            identity in self._facts.target.reviewed and not self._facts.is_there(f"{about}\0created")
        )

    def _is_name_taken(self, kind: str, experiment_id: int, name: str, about: str) -> bool:
        named = kind, experiment_id, name
        taken = not name or named in self._named
        if named in self._facts.target.review_names and not self._facts.is_there(f"{about}\0created"):
            taken = True
        self._named.add(named)
        return taken


def _changed(record: IssueRecord | LabelSchemaRecord | ReviewQueueRecord | ReviewItem) -> bool:
    return (record.last_update_time_ms or 0) > (record.creation_time_ms or 0)


def _is_input(text: str) -> bool:
    """Whether this says what answers are wanted."""
    found: Any = json.loads(text or "{}")
    [(kind, said)] = found.items() if len(found) == 1 else [("", {})]
    return kind in _INPUTS and all(name in said for name in _INPUTS[kind])
