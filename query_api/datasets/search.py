"""The search of datasets: which ones the runs of some experiments were given, and for what."""

from typing import Final

import orjson

from query_api.filter.sql import Sql
from query_api.filter.value_test import is_one_of
from query_api.port import ReadModel
from schemas.errors import InvalidParameterValue
from schemas.messages.experiments import SearchDatasets, experiment_id_of

MAX_EXPERIMENTS: Final = 20
MAX_SUMMARIES: Final = 1000
"""MLflow's limits; there are no pages."""


async def search_datasets(read_model: ReadModel, message: SearchDatasets) -> bytes:
    """`{"dataset_summaries": […]}`, deleted runs and experiments included; `{}` without any.

    Raises InvalidParameterValue.
    """
    if not 1 <= len(message.experiment_ids) <= MAX_EXPERIMENTS:
        raise InvalidParameterValue(
            f"Invalid value for parameter 'experiment_ids': 1 to {MAX_EXPERIMENTS} are expected,"
            f" got {len(message.experiment_ids)}."
        )
    experiment_ids = sorted({experiment_id_of(text) for text in message.experiment_ids})
    where = is_one_of(read_model.dialect, "experiment_id", experiment_ids)
    columns = "experiment_id, name, digest, coalesce(context, '')"
    rows = await read_model.fetch(
        *read_model.dialect.assembled(
            Sql(
                f"SELECT DISTINCT {columns} FROM dataset_inputs WHERE {where.text} ORDER BY {columns} LIMIT ?",
                (*where.parameters, MAX_SUMMARIES),
            )
        )
    )
    summaries = [
        {"experiment_id": str(experiment_id), "name": name, "digest": digest}
        | ({"context": context} if context else {})
        for experiment_id, name, digest, context in rows
    ]
    return orjson.dumps({"dataset_summaries": summaries} if summaries else {})
