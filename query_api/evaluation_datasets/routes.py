"""The read routes of evaluation datasets."""

from collections.abc import Iterable

from query_api.evaluation_datasets.document import get_evaluation_dataset, get_experiment_ids, get_records
from query_api.evaluation_datasets.search import search_evaluation_datasets
from query_api.reads import Reads
from schemas.events.evaluation_datasets import EVALUATION_DATASETS
from schemas.messages.evaluation_datasets import (
    EvaluationDatasetMessage,
    GetDatasetRecords,
    GetEvaluationDataset,
    GetEvaluationDatasetExperimentIds,
    SearchEvaluationDatasets,
)
from schemas.rest.route import V3, Permission, Route
from schemas.rest.rules import READ_EVALUATION_DATASET


def evaluation_dataset_routes(reads: Reads) -> tuple[Route, ...]:
    one, read = "datasets/{dataset_id}", READ_EVALUATION_DATASET
    return (
        *(
            reads.route(
                method,
                "datasets/search",
                SearchEvaluationDatasets,
                search_evaluation_datasets,
                Permission.SEEN,
                prefixes=V3,
            )
            for method in ("POST", "GET")
        ),
        reads.route("GET", one, GetEvaluationDataset, get_evaluation_dataset, read, _unit, prefixes=V3),
        reads.route(
            "GET",
            f"{one}/experiment-ids",
            GetEvaluationDatasetExperimentIds,
            get_experiment_ids,
            read,
            _unit,
            prefixes=V3,
        ),
        reads.route("GET", f"{one}/records", GetDatasetRecords, get_records, read, _unit, prefixes=V3),
    )


def _unit(wanted: EvaluationDatasetMessage) -> Iterable[str]:
    return (EVALUATION_DATASETS.ordering_unit(wanted.dataset_id),)
