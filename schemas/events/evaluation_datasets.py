"""The events of an evaluation dataset, in the stream evaluation-dataset/<id>.

Its records are examples to evaluate with. What they hold is any JSON of a client's, and is kept as text: a NaN in it,
which JSON does not have, comes back as it came.
"""

from typing import Final

import msgspec

from schemas.events.erasures import Erasure
from schemas.events.event import Event, StreamKind, Tag

EVALUATION_DATASETS: Final = StreamKind("evaluation-dataset")


class DatasetRecord(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A record as it came, each part the text of JSON; None where nothing was said of it.

    `inputs`, `expectations` and `tags` are objects. `outputs` is "null" where they are to be none.
    `source` is an object with `source_type` and `source_data`. `record_id` is that of a record which has one already,
    elsewhere; None: it is made of the event.
    """

    inputs: str
    outputs: str | None = None
    expectations: str | None = None
    tags: str | None = None
    source: str | None = None
    record_id: str | None = None


class WholeRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """All of a record as it is, its parts as in `DatasetRecord`. Outputs that are None are none.

    Nothing of it is left out of its JSON, of which digests are made.
    """

    record_id: str
    inputs: str
    outputs: str | None = None
    expectations: str | None = None
    tags: str = "{}"
    source: str | None = None
    created_time_ms: int
    last_update_time_ms: int
    created_by: str | None = None
    last_updated_by: str | None = None


class EvaluationDatasetEvent(Event, frozen=True):
    kind = EVALUATION_DATASETS

    dataset_id: str

    @property
    def stream_key(self) -> str:
        return self.dataset_id


class EvaluationDatasetCreated(EvaluationDatasetEvent, frozen=True):
    event_type = "evaluation-dataset.created"

    name: str
    experiment_ids: list[int] = []
    tags: list[Tag] = []


class EvaluationDatasetDeleted(EvaluationDatasetEvent, frozen=True):
    """The dataset is gone with its records."""

    event_type = "evaluation-dataset.deleted"


class EvaluationDatasetTagsSet(EvaluationDatasetEvent, frozen=True):
    event_type = "evaluation-dataset.tags-set"

    tags: list[Tag]


class EvaluationDatasetTagDeleted(EvaluationDatasetEvent, frozen=True):
    event_type = "evaluation-dataset.tag-deleted"

    key: str


class EvaluationDatasetExperimentsAdded(EvaluationDatasetEvent, frozen=True):
    event_type = "evaluation-dataset.experiments-added"

    experiment_ids: list[int]


class EvaluationDatasetExperimentsRemoved(EvaluationDatasetEvent, frozen=True):
    event_type = "evaluation-dataset.experiments-removed"

    experiment_ids: list[int]


class EvaluationDatasetRecordsUpserted(EvaluationDatasetEvent, frozen=True):
    """Records, each merged into the one with the same inputs, or a new one where the dataset has none.

    The id of a new one is made of the event's own id and of its place in the list.
    """

    event_type = "evaluation-dataset.records-upserted"

    records: list[DatasetRecord]


class EvaluationDatasetRecordsDeleted(EvaluationDatasetEvent, frozen=True):
    event_type = "evaluation-dataset.records-deleted"

    record_ids: list[str]


class EvaluationDatasetRecordsSet(EvaluationDatasetEvent, frozen=True):
    """Records as they are from now on, each in the place of the one with the same inputs. Only an undo says so."""

    event_type = "evaluation-dataset.records-set"

    records: list[WholeRecord]


class EvaluationDatasetRestored(EvaluationDatasetEvent, frozen=True):
    """The dataset is there again, without records, which are set after it. Only undoing its delete says so."""

    event_type = "evaluation-dataset.restored"

    name: str
    created_time_ms: int
    created_by: str | None = None
    experiment_ids: list[int] = []
    tags: list[Tag] = []


class EvaluationDatasetErased(EvaluationDatasetEvent, frozen=True):
    """Nothing of the dataset is there any more, for good: it went with the last of its experiments."""

    event_type = "evaluation-dataset.erased"

    erasure: Erasure


AnyEvaluationDatasetEvent = (
    EvaluationDatasetCreated
    | EvaluationDatasetDeleted
    | EvaluationDatasetTagsSet
    | EvaluationDatasetTagDeleted
    | EvaluationDatasetExperimentsAdded
    | EvaluationDatasetExperimentsRemoved
    | EvaluationDatasetRecordsUpserted
    | EvaluationDatasetRecordsDeleted
    | EvaluationDatasetRecordsSet
    | EvaluationDatasetRestored
    | EvaluationDatasetErased
)
