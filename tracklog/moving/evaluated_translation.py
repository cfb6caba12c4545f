"""Datasets to evaluate with, of a store, as events."""

from collections.abc import Iterator, Sequence

from schemas.dataset_records import MAX_RECORDS_OF_AN_EVENT
from schemas.events import (
    DatasetRecord,
    EvaluationDatasetCreated,
    EvaluationDatasetExperimentsAdded,
    EvaluationDatasetRecordsUpserted,
)
from tracklog.moving.experiment_translation import ExperimentTranslation
from tracklog.moving.facts import LAST_MS, Facts, Made
from tracklog.moving.records import EvaluatedRecord, ExampleRecord
from tracklog.moving.run_translation import TEXT_PER_EVENT

_EXAMPLES = "records of evaluation datasets"


class EvaluatedTranslation:
    """One dataset at a time: it is made, its examples come, and what changed last in it is said.

    Examples that came at one time are one event of that time; one that was changed later is named again by an event of
    then, which says nothing new.
    """

    def __init__(self, facts: Facts, experiments: ExperimentTranslation) -> None:
        self._facts = facts
        self._experiments = experiments
        self._dataset: EvaluatedRecord | None = None  # whose examples come now
        self._experiment_ids: list[int] = []
        self._waiting: list[ExampleRecord] = []  # of one time
        self._characters = 0
        self._events = 0

    def begin(self, record: EvaluatedRecord) -> Iterator[Made]:
        """A dataset without its examples."""
        facts, where, about = self._facts, record.where, f"evaluation-dataset\0{record.dataset_id}\0created"
        self._events = 0
        self._dataset = None
        if not record.dataset_id or (record.dataset_id in facts.target.evaluated and not facts.is_there(about)):
            facts.lost("evaluation datasets", where, "left: it has no id, or one that was there before", 1)
            facts.lost("tags of evaluation datasets", where, "left: of a dataset that is", len(record.tags))
            facts.lost("links between things", where, "left: of a dataset that is", len(record.experiment_keys))
            return
        self._dataset = record
        known = [key for key in record.experiment_keys if self._experiments.knows(key)]
        self._experiment_ids = [self._experiments.id_of(key) for key in known]
        gone = len(record.experiment_keys) - len(known)
        facts.lost("links between things", where, "left: an experiment that is not there", gone)
        created = EvaluationDatasetCreated(
            dataset_id=record.dataset_id,
            name=record.name,
            experiment_ids=self._experiment_ids,
            tags=list(record.tags),
        )
        counted = {
            "evaluation datasets": 1,
            "tags of evaluation datasets": len(record.tags),
            "links between things": len(known),
        }
        yield from facts.event(about, created, record.creation_time_ms, counted, where)

    def example(self, record: ExampleRecord) -> Iterator[Made]:
        """The next example of the dataset."""
        if self._dataset is None:
            self._facts.lost(_EXAMPLES, record.where, "left: of a dataset that is", 1)
            return
        size = len(record.example.inputs) + len(record.example.outputs or "") + len(record.example.expectations or "")
        if self._waiting and (
            record.creation_time_ms != self._waiting[0].creation_time_ms
            or self._characters + size > TEXT_PER_EVENT
            or len(self._waiting) == MAX_RECORDS_OF_AN_EVENT
        ):
            yield from self._send()
        self._waiting.append(record)
        self._characters += size

    def end(self) -> Iterator[Made]:
        """What is left to say of the dataset whose examples were the last ones."""
        yield from self._send()
        record, self._dataset = self._dataset, None
        if record is not None and (changed_ms := record.last_update_time_ms or 0) > (record.creation_time_ms or 0):
            added = EvaluationDatasetExperimentsAdded(dataset_id=record.dataset_id, experiment_ids=self._experiment_ids)
            about = f"evaluation-dataset\0{record.dataset_id}\0changed"
            yield from self._facts.event(about, added, changed_ms, where=record.where)

    def _send(self) -> Iterator[Made]:
        some, self._waiting, self._characters = self._waiting, [], 0
        if not some or self._dataset is None:
            return
        created_ms = some[0].creation_time_ms
        yield from self._upserted([one.example for one in some], created_ms, some[0].where, len(some))
        changed: dict[int, list[DatasetRecord]] = {}
        for one in some:
            # MLflow changes a record some ms after the time that it then gives its dataset, and makes the digest of.
            changed_ms = min(one.last_update_time_ms or 0, self._dataset.last_update_time_ms or LAST_MS)
            if changed_ms > (created_ms or 0):
                changed.setdefault(changed_ms, []).append(DatasetRecord(inputs=one.example.inputs))
        for changed_ms, examples in sorted(changed.items()):
            yield from self._upserted(examples, changed_ms, some[0].where, 0)

    def _upserted(self, examples: Sequence[DatasetRecord], time_ms: int | None, where: str, new: int) -> Iterator[Made]:
        assert self._dataset is not None
        dataset_id = self._dataset.dataset_id
        about = f"evaluation-dataset\0{dataset_id}\0examples\0{self._events}"
        self._events += 1
        upserted = EvaluationDatasetRecordsUpserted(dataset_id=dataset_id, records=list(examples))
        yield from self._facts.event(about, upserted, time_ms, {_EXAMPLES: new} if new else {}, where)
