"""The commands about evaluation datasets.

Each takes a request message, the actor and the id of the request, and answers with JSON when its events are projected.
Raises InvalidParameterValue, ResourceDoesNotExist for a dataset or experiment that there is not, and what
KnownEntities and LogWriter raise.
"""

import asyncio
import uuid
from collections.abc import Sequence
from typing import Final

import orjson

from ingest.admission.known_entities import KnownEntities
from ingest.answers import EMPTY
from ingest.evaluation_datasets import decisions
from ingest.evaluation_datasets.lookups import (
    EVALUATION_DATASET,
    EXPERIMENTS_OF_DATASET,
    RECORDS_BETWEEN,
    RECORDS_NAMED,
    DatasetInfo,
)
from ingest.experiments.lookups import EXPERIMENTS
from ingest.log_writer import LogWriter, in_the_log
from schemas.dataset_records import record_ids_of
from schemas.documents.evaluation_datasets import EVALUATION_DATASET_CHANGED
from schemas.documents.rendering import Renderer
from schemas.envelope import Actor
from schemas.events import (
    EvaluationDatasetCreated,
    EvaluationDatasetDeleted,
    EvaluationDatasetExperimentsAdded,
    EvaluationDatasetExperimentsRemoved,
    EvaluationDatasetRecordsDeleted,
    EvaluationDatasetTagDeleted,
    EvaluationDatasetTagsSet,
)
from schemas.messages.evaluation_datasets import (
    AddDatasetToExperiments,
    CreateEvaluationDataset,
    DeleteDatasetRecords,
    DeleteEvaluationDataset,
    DeleteEvaluationDatasetTag,
    RemoveDatasetFromExperiments,
    SetEvaluationDatasetTags,
    UpsertDatasetRecords,
    evaluation_dataset_not_found,
)
from schemas.messages.experiments import experiment_id_of

_CHANGED: Final = Renderer(EVALUATION_DATASET_CHANGED)


class EvaluationDatasetCommands:
    def __init__(self, writer: LogWriter, known: KnownEntities) -> None:
        self._writer = writer
        self._known = known

    async def create(self, command: CreateEvaluationDataset, actor: Actor, request_id: str) -> bytes:
        """A dataset without records, for some experiments or none. Names are not unique."""
        event = EvaluationDatasetCreated(
            dataset_id=f"d-{uuid.uuid4().hex}",
            name=command.name,
            experiment_ids=await self._existing(command.experiment_ids),
            tags=decisions.tags_of(command.tags),
        )
        await self._writer.append_and_wait(event, actor, request_id)
        return await self._shown(event.dataset_id, with_experiments=True)

    async def delete(self, command: DeleteEvaluationDataset, actor: Actor, request_id: str) -> bytes:
        """Delete a dataset for good with its records; one that is not there need not be."""
        if await self._known.look_up(EVALUATION_DATASET, command.dataset_id) is not None:
            event = EvaluationDatasetDeleted(dataset_id=command.dataset_id)
            await self._writer.append_and_wait(event, actor, request_id)
        return EMPTY

    async def set_tags(self, command: SetEvaluationDatasetTags, actor: Actor, request_id: str) -> bytes:
        """Set tags, others stay. Answered with the dataset."""
        tags = decisions.tags_of(command.tags)
        await self._dataset(command.dataset_id)
        if tags:
            event = EvaluationDatasetTagsSet(dataset_id=command.dataset_id, tags=tags)
            await self._writer.append_and_wait(event, actor, request_id)
        return await self._shown(command.dataset_id)

    async def delete_tag(self, command: DeleteEvaluationDatasetTag, actor: Actor, request_id: str) -> bytes:
        """Delete a tag; neither it nor the dataset need be there."""
        if await self._known.look_up(EVALUATION_DATASET, command.dataset_id) is not None:
            event = EvaluationDatasetTagDeleted(dataset_id=command.dataset_id, key=command.key)
            await self._writer.append_and_wait(event, actor, request_id)
        return EMPTY

    async def add_experiments(self, command: AddDatasetToExperiments, actor: Actor, request_id: str) -> bytes:
        """The dataset is for these experiments too. Answered with it."""
        await self._dataset(command.dataset_id)
        experiment_ids = await self._existing(command.experiment_ids)
        if experiment_ids:
            event = EvaluationDatasetExperimentsAdded(dataset_id=command.dataset_id, experiment_ids=experiment_ids)
            await self._writer.append_and_wait(event, actor, request_id)
        return await self._shown(command.dataset_id, with_experiments=True)

    async def remove_experiments(self, command: RemoveDatasetFromExperiments, actor: Actor, request_id: str) -> bytes:
        """The dataset is no more for these experiments, whether it was or not. Answered with it."""
        await self._dataset(command.dataset_id)
        experiment_ids = [experiment_id_of(one) for one in dict.fromkeys(command.experiment_ids)]
        if experiment_ids:
            event = EvaluationDatasetExperimentsRemoved(dataset_id=command.dataset_id, experiment_ids=experiment_ids)
            await self._writer.append_and_wait(event, actor, request_id)
        return await self._shown(command.dataset_id, with_experiments=True)

    async def upsert_records(self, command: UpsertDatasetRecords, actor: Actor, request_id: str) -> bytes:
        """Records, each merged into the one with the same inputs if there is one.

        Many make several events, of which some hold where one is refused; a request may be repeated.
        """
        records = await asyncio.to_thread(decisions.records_of, command.records)  # up to 16 MiB of JSON
        await self._dataset(command.dataset_id)
        events = list(decisions.upserts(command.dataset_id, records))
        inserted = 0
        for stamped, _, refusal in await self._writer.append_together(events, actor, request_id) if events else ():
            if refusal is not None:
                raise refusal
            with in_the_log():
                made = await self._known.lookups.one(RECORDS_BETWEEN, command.dataset_id, *record_ids_of(stamped.id))
            inserted += made or 0
        return orjson.dumps({"inserted_count": inserted, "updated_count": len(records) - inserted})

    async def delete_records(self, command: DeleteDatasetRecords, actor: Actor, request_id: str) -> bytes:
        """Delete records for good. Answered with how many there were."""
        found: list[str] = []
        if command.dataset_record_ids:
            await self._known.catch_up()
            named = sorted(set(command.dataset_record_ids))
            found = await self._known.lookups.all(RECORDS_NAMED, command.dataset_id, named)
        if found:
            event = EvaluationDatasetRecordsDeleted(dataset_id=command.dataset_id, record_ids=found)
            await self._writer.append_and_wait(event, actor, request_id)
        return orjson.dumps({"deleted_count": len(found)})

    async def _existing(self, texts: Sequence[str]) -> list[int]:
        """The ids of experiments that there are, each once."""
        found = [await self._known.existing(EXPERIMENTS, experiment_id_of(text)) for text in dict.fromkeys(texts)]
        return [one.experiment_id for one in found]

    async def _dataset(self, dataset_id: str) -> DatasetInfo:
        dataset = await self._known.look_up(EVALUATION_DATASET, dataset_id)
        if dataset is None:
            raise evaluation_dataset_not_found(dataset_id)
        return dataset

    async def _shown(self, dataset_id: str, *, with_experiments: bool = False) -> bytes:
        """The dataset after its event."""
        with in_the_log():
            dataset = await self._dataset(dataset_id)
            if with_experiments:
                experiments = await self._known.lookups.all(EXPERIMENTS_OF_DATASET, dataset_id)
                dataset = dataset._replace(experiment_ids=experiments)
        return _CHANGED.render(dataset)
