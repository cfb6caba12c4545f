"""The search of datasets: which ones the runs of some experiments were given, and for what."""

from typing import Final

import orjson
from sqlalchemy import func, select

from query_api.experiments.ids import experiment_id_of
from query_api.filter.table_search import fetch
from query_api.port import ReadModel
from read_model.tables.datasets import dataset_inputs
from schemas.errors import InvalidParameterValue
from schemas.messages.experiments import SearchDatasets

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
    inputs = dataset_inputs.c
    context = func.coalesce(inputs.context, "")
    columns = (inputs.experiment_id, inputs.name, inputs.digest, context)
    rows = await fetch(
        read_model,
        select(*columns)
        .where(inputs.experiment_id.in_(experiment_ids))
        .distinct()
        .order_by(*columns)
        .limit(MAX_SUMMARIES),
    )
    summaries = [
        {"experiment_id": str(experiment_id), "name": name, "digest": digest}
        | ({"context": context} if context else {})
        for experiment_id, name, digest, context in rows
    ]
    return orjson.dumps({"dataset_summaries": summaries} if summaries else {})
