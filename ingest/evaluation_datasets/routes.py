"""The routes of the commands about evaluation datasets."""

from typing import Final

from ingest.evaluation_datasets.commands import EvaluationDatasetCommands
from ingest.write_route import write_route
from schemas.levels import EXPERIMENT, Level
from schemas.messages.evaluation_datasets import (
    AddDatasetToExperiments,
    CreateEvaluationDataset,
    DeleteDatasetRecords,
    DeleteEvaluationDataset,
    DeleteEvaluationDatasetTag,
    RemoveDatasetFromExperiments,
    SetEvaluationDatasetTags,
    UpsertDatasetRecords,
)
from schemas.rest.access import On, Rule
from schemas.rest.handler import command_handler
from schemas.rest.route import DATA_LIMITS, V3, WRITE_LIMITS, Handler, Limits, Route
from schemas.rest.rules import EDIT_EVALUATION_DATASET, MANAGE_EVALUATION_DATASET

_CREATE: Final[Rule] = (On(Level.EDIT, EXPERIMENT, "experiment_ids"),)
_ADD: Final[Rule] = (*EDIT_EVALUATION_DATASET, On(Level.EDIT, EXPERIMENT, "experiment_ids", optional=True))


def evaluation_dataset_routes(commands: EvaluationDatasetCommands) -> tuple[Route, ...]:
    """Every route of these commands."""

    def route(method: str, path: str, handler: Handler, rule: Rule, limits: Limits = WRITE_LIMITS) -> Route:
        return write_route(method, f"datasets/{path}", handler, rule, limits, prefixes=V3)

    one, edit = "{dataset_id}", EDIT_EVALUATION_DATASET
    create = command_handler(CreateEvaluationDataset, commands.create)
    delete = command_handler(DeleteEvaluationDataset, commands.delete)
    delete_tag = command_handler(DeleteEvaluationDatasetTag, commands.delete_tag)
    upsert = command_handler(UpsertDatasetRecords, commands.upsert_records)
    delete_records = command_handler(DeleteDatasetRecords, commands.delete_records)
    add = command_handler(AddDatasetToExperiments, commands.add_experiments)
    remove = command_handler(RemoveDatasetFromExperiments, commands.remove_experiments)
    return (
        route("POST", "create", create, _CREATE, DATA_LIMITS),
        route("DELETE", one, delete, MANAGE_EVALUATION_DATASET),
        route("PATCH", f"{one}/tags", command_handler(SetEvaluationDatasetTags, commands.set_tags), edit, DATA_LIMITS),
        # A key may hold slashes, with which MLflow finds no route.
        route("DELETE", f"{one}/tags/{{key:.+}}", delete_tag, edit),
        route("POST", f"{one}/records", upsert, edit, DATA_LIMITS),
        route("DELETE", f"{one}/records", delete_records, edit, DATA_LIMITS),
        route("POST", f"{one}/add-experiments", add, _ADD),
        route("POST", f"{one}/remove-experiments", remove, edit),
    )
