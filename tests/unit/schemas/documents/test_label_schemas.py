"""The id of the label schema that each experiment has tells which experiment that is."""

import pytest

from schemas.documents.label_schemas import default_schema, experiment_of_default


@pytest.mark.parametrize("experiment_id", [0, 1, 2**63 - 1])
def test_it_leads_to_its_experiment(experiment_id: int) -> None:
    assert experiment_of_default(default_schema(experiment_id, 0).schema_id) == experiment_id


@pytest.mark.parametrize("number", [2**63, 2**80 - 1, 2**127])
def test_none_leads_to_an_experiment_that_there_cannot_be(number: int) -> None:
    assert experiment_of_default(f"ls-{number:032x}") is None
