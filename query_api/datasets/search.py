"""The search of datasets: which ones the runs of some experiments were given, and for what."""

from typing import Final, NamedTuple

from query_api.filter.sql import Sql
from query_api.filter.value_test import is_one_of
from query_api.port import ReadModel
from schemas.documents.datasets import DATASETS_FOUND
from schemas.documents.rendering import Renderer
from schemas.errors import InvalidParameterValue
from schemas.messages.experiments import SearchDatasets, experiment_id_of

MAX_EXPERIMENTS: Final = 20
MAX_SUMMARIES: Final = 1000
"""MLflow's limits; there are no pages."""

_FOUND: Final = Renderer(DATASETS_FOUND)


class _Summary(NamedTuple):
    experiment_id: int
    name: str
    digest: str
    context: str


class _Found(NamedTuple):
    dataset_summaries: list[_Summary]


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
    return _FOUND.render(_Found(list(map(_Summary._make, rows))))
