"""Scorers, as MLflow's client registers, lists and deletes them."""

from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.genai.judges import make_judge
from mlflow.genai.scorers import Safety, delete_scorer, get_scorer, list_scorers, scorer
from mlflow.genai.scorers.base import Scorer
from mlflow.genai.scorers.registry import list_scorer_versions

from tests.compatibility.rest import Rest

pytestmark = pytest.mark.usefixtures("followed")


def judge(instructions: str) -> Scorer:
    return make_judge(name="kind", instructions=f"{instructions} {{{{ outputs }}}}", model="openai:/gpt-5")


def test_a_judge_is_registered_in_versions_and_read_back(experiment_id: str) -> None:
    first = judge("Is this kind?").register(experiment_id=experiment_id)
    judge("Is this very kind?").register(experiment_id=experiment_id)
    Safety(model="openai:/gpt-5").register(name="safety", experiment_id=experiment_id)
    assert first.name == "kind"
    assert [one.name for one in list_scorers(experiment_id=experiment_id)] == ["kind", "safety"]
    latest: Any = get_scorer(name="kind", experiment_id=experiment_id)
    assert "very kind" in latest.instructions
    oldest: Any = get_scorer(name="kind", experiment_id=experiment_id, version=1)
    assert "very" not in oldest.instructions
    assert [version for _, version in list_scorer_versions(name="kind", experiment_id=experiment_id)] == [1, 2]
    delete_scorer(name="kind", experiment_id=experiment_id, version=1)
    assert [version for _, version in list_scorer_versions(name="kind", experiment_id=experiment_id)] == [2]
    delete_scorer(name="kind", experiment_id=experiment_id, version="all")
    with pytest.raises(MlflowException, match="not found"):
        get_scorer(name="kind", experiment_id=experiment_id)


def test_source_code_is_refused(rest: Rest, experiment_id: str) -> None:
    nested = '{"ensemble_scorer_data":{"scorers":[{"name":"x","call_source":"return 1"}]}}'
    body = {"experiment_id": experiment_id, "name": "x", "serialized_scorer": nested}
    answer = rest.send("POST", "/api/3.0/mlflow/scorers/register", json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")

    @scorer
    def exact(outputs: str) -> bool:
        return outputs == "x"

    with pytest.raises(MlflowException, match="ustom scorer"):
        exact.register(experiment_id=experiment_id)
