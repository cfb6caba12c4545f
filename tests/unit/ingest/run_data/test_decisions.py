"""History, command, expected event: the data of a run."""

from collections.abc import Callable

import pytest

from ingest.experiments.state import KnownExperiment
from ingest.run_data import content, decisions
from ingest.run_data.content import RunData, RunInputs
from ingest.runs.state import KnownRun
from schemas.errors import BadRequest, InvalidParameterValue, ResourceDoesNotExist
from schemas.events import (
    DatasetInput,
    MetricSeries,
    ModelMetric,
    ModelOutput,
    Param,
    RunDataLogged,
    RunInputsLogged,
    RunModelLogged,
    RunOutputsLogged,
    RunTagDeleted,
    Tag,
)
from schemas.messages.run_data import LogBatch, LogInputs, LogMetric, LogOutputs

EXPERIMENT = KnownExperiment(7, "n", "loc", True, 100, 4)
DELETED_EXPERIMENT = KnownExperiment(7, "n", "loc", False, 300, 5)
RUN = KnownRun("r", 7, True, 200, 4)
DELETED_RUN = KnownRun("r", 7, False, 200, 4)

INPUTS = RunInputs([DatasetInput("n", "d")], ["m-1"])
OUTPUTS = [ModelOutput("m", 0)]

DECISIONS: dict[str, Callable[[KnownRun, KnownExperiment], object]] = {
    "log_metric": lambda run, experiment: decisions.log_data(
        content.metric(LogMetric(run_id="r", key="m", value=0.5, timestamp=9)), run, experiment
    ),
    "log_data of nothing": lambda run, experiment: decisions.log_data(RunData(), run, experiment),
    "delete_tag": lambda run, experiment: decisions.delete_tag("t", run, experiment, is_set=True),
    "log_model": lambda run, experiment: decisions.log_model("{}", run, experiment),
    "log_inputs": lambda run, experiment: decisions.log_inputs(INPUTS, run, experiment),
    "log_outputs": lambda run, experiment: decisions.log_outputs(OUTPUTS, run, experiment, ()),
    "log_outputs of nothing": lambda run, experiment: decisions.log_outputs([], run, experiment, ()),
}


@pytest.mark.parametrize("decide", DECISIONS.values(), ids=DECISIONS.keys())
def test_a_run_that_is_deleted_by_itself_or_with_its_experiment_takes_no_data(
    decide: Callable[[KnownRun, KnownExperiment], object],
) -> None:
    decide(RUN, EXPERIMENT)
    for run, experiment in ((DELETED_RUN, EXPERIMENT), (RUN, DELETED_EXPERIMENT)):
        with pytest.raises(InvalidParameterValue, match="The run r must be in the 'active' state"):
            decide(run, experiment)


def test_a_metric_of_an_active_run_is_logged() -> None:
    data = content.metric(LogMetric(run_id="r", key="m", value=0.5, timestamp=9, step=-3))
    event = decisions.log_data(data, RUN, EXPERIMENT)
    assert event == RunDataLogged(run_id="r", metrics=[MetricSeries("m", [0.5], [9], [-3])])


def test_only_a_tag_that_is_set_can_be_deleted() -> None:
    assert decisions.delete_tag("a?", RUN, EXPERIMENT, is_set=True) == RunTagDeleted(run_id="r", key="a?")
    with pytest.raises(ResourceDoesNotExist):
        decisions.delete_tag("a?", RUN, EXPERIMENT, is_set=False)


# --- params and what is known of them -----------------------------------------------------------------------------

BATCH = RunData(params=[Param("a", "1"), Param("b", "2")], tags=[Tag("t", "x")])


def test_a_param_that_is_known_is_left_out() -> None:
    event = decisions.log_data(BATCH, RUN, EXPERIMENT, {"a": "1"})
    assert event == RunDataLogged(run_id="r", params=[Param("b", "2")], tags=[Tag("t", "x")])


def test_with_nothing_known_everything_is_logged() -> None:
    event = decisions.log_data(BATCH, RUN, EXPERIMENT, {})
    assert event == RunDataLogged(run_id="r", params=BATCH.params, tags=BATCH.tags)


def test_a_batch_of_what_is_known_is_no_event() -> None:
    assert decisions.log_data(RunData(params=[Param("a", "")]), RUN, EXPERIMENT, {"a": ""}) is None


@pytest.mark.parametrize("known", ["", "3"])
def test_another_value_refuses_the_whole_batch(known: str) -> None:
    with pytest.raises(InvalidParameterValue, match="'b'"):
        decisions.log_data(BATCH, RUN, EXPERIMENT, {"b": known})


# --- models -------------------------------------------------------------------------------------------------------


def test_a_metric_needs_the_model_it_names() -> None:
    of_models = [ModelMetric(model_id, "m", 1.0, 1, 0) for model_id in ("m-1", "m-2")]
    data = RunData(metrics=[MetricSeries("m", [1.0, 1.0], [1, 1], [0, 0])], model_metrics=of_models)
    event = decisions.log_data(data, RUN, EXPERIMENT, model_ids=["m-1", "m-2"])
    assert event == RunDataLogged(run_id="r", metrics=data.metrics, model_metrics=of_models)
    with pytest.raises(BadRequest, match="'m-2'"):
        decisions.log_data(data, RUN, EXPERIMENT, model_ids=["m-1"])


def test_models_are_logged_as_inputs_outputs_and_by_older_clients() -> None:
    assert decisions.log_model("{}", RUN, EXPERIMENT) == RunModelLogged(run_id="r", model_json="{}")
    assert decisions.log_inputs(INPUTS, RUN, EXPERIMENT) == RunInputsLogged(
        run_id="r", datasets=INPUTS.datasets, model_ids=["m-1"]
    )
    assert decisions.log_outputs(OUTPUTS, RUN, EXPERIMENT, ()) == RunOutputsLogged(run_id="r", models=OUTPUTS)


def test_an_output_that_the_run_has_is_refused() -> None:
    with pytest.raises(BadRequest):
        decisions.log_outputs(OUTPUTS, RUN, EXPERIMENT, {"m"})


def test_nothing_logged_is_no_event() -> None:
    assert decisions.log_inputs(content.inputs(LogInputs(run_id="r")), RUN, EXPERIMENT) is None
    assert decisions.log_outputs(content.outputs(LogOutputs(run_id="r", models=[])), RUN, EXPERIMENT, ()) is None
    assert decisions.log_data(content.batch(LogBatch(run_id="r")), RUN, EXPERIMENT) is None
