"""What requests about scorers mean, and which are refused.

Source of the rules: MLflow 3.17, as observed and in its `genai/scorers/scorer_utils.py` and `utils/validation.py`.
"""

from collections.abc import Iterator
from typing import Any, Final

from ingest.experiments.state import KnownExperiment, require_active_experiment
from ingest.json_texts import parts_of, read_json
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.events import ScorerDeleted, ScorerOnlineConfigSet, ScorerRegistered
from schemas.messages.bounds import shown
from schemas.messages.scorers import DeleteScorer, RegisterScorer, SetOnlineScoringConfig

CODE_REFUSED: Final = (
    "Custom scorers (made by the @scorer decorator) are not registered: they hold source code that whoever reads them"
    " would execute. Import them from your own code instead, or use built-in scorers or make_judge()."
)

CODE: Final = "call_source"
"""The member of a serialized scorer that holds source code."""

DESTINATIONS: Final = frozenset({"api_base", "base_url", "model_list", "fallbacks", "custom_llm_provider"})
"""Options of a library that choose where whoever runs a scorer sends what it judges."""

GATEWAY: Final = "gateway:/"

_WITH_A_MODEL: Final = ("instructions_judge_pydantic_data", "builtin_scorer_pydantic_data", "third_party_scorer_data")


def check_name(name: str) -> None:
    """Raises InvalidParameterValue."""
    if not name.strip():
        raise InvalidParameterValue("The name of a scorer must not be blank.")


def check_serialized(text: str) -> None:
    """Refuse what is no scorer, and what nobody should run.

    Raises InvalidParameterValue, and ResourceDoesNotExist for the endpoint of a gateway: there are none.
    """
    scorer = read_json(text, "serialized_scorer")
    if not isinstance(scorer, dict):
        raise InvalidParameterValue("serialized_scorer must be a JSON object.")
    for part in _objects_in(scorer):
        if part.get(CODE) is not None:
            raise InvalidParameterValue(CODE_REFUSED)
        if (options := part.get("third_party_scorer_data")) is not None:
            _check_third_party(options)
    model = _model_of(scorer)
    if model is None:
        return
    if not isinstance(model, str) or not model.strip():
        raise InvalidParameterValue("Scorer model must be a text that is not empty.")
    if model.startswith(GATEWAY):
        raise ResourceDoesNotExist(f"GatewayEndpoint not found (name={shown(model.removeprefix(GATEWAY))})")


def register(command: RegisterScorer, experiment: KnownExperiment, scorer_id: str, version_id: str) -> ScorerRegistered:
    """Raises InvalidParameterValue."""
    require_active_experiment(experiment)
    return ScorerRegistered(
        experiment_id=experiment.experiment_id,
        name=command.name,
        scorer_id=scorer_id,
        version_id=version_id,
        serialized_scorer=command.serialized_scorer,
    )


def delete(command: DeleteScorer, experiment: KnownExperiment) -> ScorerDeleted:
    """Raises InvalidParameterValue."""
    require_active_experiment(experiment)
    return ScorerDeleted(experiment_id=experiment.experiment_id, name=command.name, version=command.version)


def set_online_config(
    command: SetOnlineScoringConfig, experiment: KnownExperiment, config_id: str
) -> ScorerOnlineConfigSet:
    """Raises InvalidParameterValue, also for every rate but 0: that takes a model of a gateway, and there is none."""
    require_active_experiment(experiment)
    rate = command.sample_rate
    if rate is None or not 0.0 <= rate <= 1.0:
        raise InvalidParameterValue(f"sample_rate must be between 0.0 and 1.0, got {rate}")
    if rate > 0:
        raise InvalidParameterValue(
            f"The scorer {shown(command.name)} asks no model of a gateway: only one that does can run by itself."
        )
    return ScorerOnlineConfigSet(
        experiment_id=experiment.experiment_id,
        name=command.name,
        online_scoring_config_id=config_id,
        sample_rate=rate,
        filter_string=command.filter_string,
    )


def _check_third_party(data: Any) -> None:
    options = data.get("kwargs") if isinstance(data, dict) else None
    if options is None:
        return
    if not isinstance(options, dict):
        raise InvalidParameterValue("third_party_scorer_data.kwargs must be a JSON object.")
    names = {key for part in _objects_in(options) for key in part} | set(_first_of_pairs(options))
    if found := sorted(names & DESTINATIONS):
        raise InvalidParameterValue(
            f"third_party_scorer_data.kwargs must not contain {', '.join(map(repr, found))}: these options choose where"
            " whoever runs the scorer sends requests."
        )


def _first_of_pairs(value: Any) -> Iterator[str]:
    """The first of every pair in a list: a list of pairs is taken for an object too."""
    for part in parts_of(value):
        if isinstance(part, list) and len(part) == 2 and isinstance(part[0], str):
            yield part[0]


def _objects_in(value: Any) -> Iterator[dict[str, Any]]:
    return (part for part in parts_of(value) if isinstance(part, dict))


def _model_of(scorer: Any) -> Any:
    """The model that a serialized scorer judges with, None without one."""
    while isinstance(scorer, dict):
        for name in _WITH_A_MODEL:
            data = scorer.get(name)
            if isinstance(data, dict):
                return data.get("model")
        judge = scorer.get("memory_augmented_judge_data")
        scorer = judge.get("base_judge") if isinstance(judge, dict) else None
    return None
