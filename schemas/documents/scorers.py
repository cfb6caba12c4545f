"""A version of a scorer as MLflow answers it: an experiment's id is a number here, and text in other answers."""

from typing import Any, Final

from schemas.documents.shape import Document, Integer, Object, Source, Text

SCORER_VERSIONS: Final = Source("scorer_versions", "v", joined=Source("scorers", "s"))

SCORER: Final = Document(
    SCORER_VERSIONS,
    Object(
        Integer("experiment_id"),
        Text("scorer_name", "name"),
        Integer("scorer_version", "version"),
        Text("serialized_scorer"),
        Integer("creation_time", "creation_time_ms"),
        Text("scorer_id"),
    ),
)


def online_config(
    config_id: str, scorer_id: str, sample_rate: float, experiment_id: int, filter_string: str | None
) -> dict[str, Any]:
    """How a scorer is scored online, as MLflow answers it."""
    config: dict[str, Any] = {
        "online_scoring_config_id": config_id,
        "scorer_id": scorer_id,
        "sample_rate": sample_rate,
        "experiment_id": str(experiment_id),
    }
    return config if filter_string is None else {**config, "filter_string": filter_string}
