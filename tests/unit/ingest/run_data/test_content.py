"""What commands say about the data of a run: metrics, params, tags, inputs and outputs."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.run_data import content
from ingest.run_data.content import RunData, RunInputs
from schemas.errors import BadRequest, InvalidParameterValue, TracklogError
from schemas.events import (
    DatasetInput,
    MetricSeries,
    ModelMetric,
    ModelOutput,
    Param,
    Tag,
)
from schemas.messages import run_data
from schemas.messages.message import KeyValue
from schemas.messages.run_data import (
    InputTag,
    LogBatch,
    LogInputs,
    LogMetric,
    LogModel,
    LogOutputs,
    LogParam,
    Metric,
    ModelInput,
    PlainLogBatch,
    PlainMetric,
    SetTag,
)
from schemas.messages.run_data import ModelOutput as ModelOutputMessage


def metric(key: str = "m", step: int = 0, value: float | str | None = 1.0, timestamp: int | None = 1) -> Metric:
    return Metric(key=key, value=value, timestamp=timestamp, step=step)


# --- one at a time ------------------------------------------------------------------------------------------------


def test_a_metric_is_a_series_of_one_point() -> None:
    data = content.metric(LogMetric(run_id="r", key="m", value=0.5, timestamp=9, step=-3))
    assert data == RunData(metrics=[MetricSeries("m", [0.5], [9], [-3])])


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_a_value_json_has_no_number_for_stays_a_word(value: str) -> None:
    data = content.metric(LogMetric(run_id="r", key="m", value=value, timestamp=9))
    assert data.metrics == [MetricSeries("m", [value], [9], [0])]


def test_a_metric_of_a_model_is_one_of_its_run_too() -> None:
    command = LogMetric(
        run_uuid="r", key="m", value=True, timestamp=9, step=2, model_id="m-1", dataset_name="d", dataset_digest="1"
    )
    assert content.metric(command) == RunData(
        metrics=[MetricSeries("m", [1.0], [9], [2])],
        model_metrics=[
            ModelMetric(
                model_id="m-1", key="m", value=1.0, timestamp_ms=9, step=2, dataset_name="d", dataset_digest="1"
            )
        ],
    )


@pytest.mark.parametrize(
    "command",
    [
        LogMetric(run_id="r", key="a?", value=1.0, timestamp=1),
        LogMetric(run_id="r", key="m", value="abc", timestamp=1),
        LogMetric(run_id="r", key="m", value=1.0, timestamp=-1),
        LogMetric(run_id="r", key="m", value=1.0, timestamp=None),
    ],
)
def test_bad_fields_of_a_metric_are_refused(command: LogMetric) -> None:
    with pytest.raises(InvalidParameterValue):
        content.metric(command)


def test_a_param_is_cut_at_6000_and_a_tag_at_8000_characters() -> None:
    param = content.param(LogParam(run_id="r", key="p", value="ä" * 6001))
    tag = content.tag(SetTag(run_id="r", key="t", value="ä" * 8001))
    assert param == RunData(params=[Param("p", "ä" * 6000)])
    assert tag == RunData(tags=[Tag("t", "ä" * 8000)])


# --- batches ------------------------------------------------------------------------------------------------------


def test_a_batch_is_one_content() -> None:
    command = LogBatch(
        run_id="r",
        metrics=[metric("a", 1), metric("b", 1), metric("a", 2, "NaN")],
        params=[KeyValue(key="p", value="1")],
        tags=[KeyValue(key="t", value="x"), KeyValue(key="t", value="y")],
    )
    assert content.batch(command) == RunData(
        params=[Param("p", "1")],
        metrics=[MetricSeries("a", [1.0, "NaN"], [1, 1], [1, 2]), MetricSeries("b", [1.0], [1], [1])],
        tags=[Tag("t", "y")],
    )


points = st.builds(
    metric, st.sampled_from(["a", "b/c", "d"]), st.integers(-5, 5), st.floats(-1, 1), st.integers(0, 2**62)
)


@given(st.lists(points, max_size=30))
def test_a_batch_keeps_every_point_in_the_order_of_its_key(sent: list[Metric]) -> None:
    data = content.batch(LogBatch(run_id="r", metrics=sent))
    kept = {
        series.key: list(zip(series.value, series.timestamp_ms, series.step, strict=True)) for series in data.metrics
    }
    assert list(kept) == list(dict.fromkeys(one.key for one in sent))
    for key, rows in kept.items():
        assert rows == [(one.value, one.timestamp, one.step) for one in sent if one.key == key]


@given(st.lists(points, min_size=1, max_size=10), st.data())
def test_one_bad_point_refuses_the_whole_batch(sent: list[Metric], data: st.DataObject) -> None:
    bad = data.draw(
        st.sampled_from([metric("a?"), metric(""), metric(value=None), metric(value="x"), metric(timestamp=-1)])
    )
    sent.insert(data.draw(st.integers(0, len(sent))), bad)
    with pytest.raises(InvalidParameterValue):
        content.batch(LogBatch(run_id="r", metrics=sent))


def test_a_point_without_a_time_refuses_the_batch() -> None:
    with pytest.raises(InvalidParameterValue, match="timestamp"):
        content.batch(LogBatch(run_id="r", metrics=[metric(), metric(timestamp=None)]))


def test_points_of_models_stand_beside_those_of_the_run() -> None:
    of_model = Metric(key="m", value="-Infinity", timestamp=1, model_id="m-1")
    data = content.batch(LogBatch(run_id="r", metrics=[metric(), of_model]))
    assert data.metrics == [MetricSeries("m", [1.0, "-Infinity"], [1, 1], [0, 0])]
    assert data.model_metrics == [ModelMetric("m-1", "m", "-Infinity", 1, 0)]


def keyed(count: int) -> list[KeyValue]:
    return [KeyValue(key=f"k{number}") for number in range(count)]


@pytest.mark.parametrize(("metrics", "params", "tags"), [(1000, 0, 0), (800, 100, 100), (0, 100, 100), (900, 0, 100)])
def test_the_largest_batches_are_taken(metrics: int, params: int, tags: int) -> None:
    data = content.batch(LogBatch(run_id="r", metrics=[metric()] * metrics, params=keyed(params), tags=keyed(tags)))
    assert (len(data.params), len(data.tags)) == (params, tags)


@pytest.mark.parametrize(("metrics", "params", "tags"), [(1000, 1, 0), (900, 51, 50)])
def test_larger_batches_are_refused(metrics: int, params: int, tags: int) -> None:
    with pytest.raises(InvalidParameterValue, match="at most"):
        content.batch(LogBatch(run_id="r", metrics=[metric()] * metrics, params=keyed(params), tags=keyed(tags)))


@pytest.mark.parametrize(
    "command",
    [
        LogBatch(run_id="r", params=[KeyValue(key="p"), KeyValue(key="p")]),
        LogBatch(run_id="r", params=[KeyValue(value="x")]),
        LogBatch(run_id="r", params=[KeyValue(key="/p")]),
        LogBatch(run_id="r", tags=[KeyValue(value="x")]),
        LogBatch(run_id="r", tags=[KeyValue(key="t//t")]),
    ],
)
def test_bad_params_and_tags_refuse_the_batch(command: LogBatch) -> None:
    with pytest.raises(InvalidParameterValue):
        content.batch(command)


# --- inputs and outputs -------------------------------------------------------------------------------------------


def inputs(tags: list[InputTag] | None = None, **fields: str) -> LogInputs:
    dataset = run_data.DatasetInput(dataset=run_data.Dataset(**fields), tags=tags or [])
    return LogInputs(run_id="r", datasets=[dataset])


@pytest.mark.parametrize(("name", "digest"), [("d", ""), ("", "1")], ids=["no digest", "no name"])
def test_half_a_dataset_of_a_metric_is_refused(name: str, digest: str) -> None:
    with pytest.raises(InvalidParameterValue, match="belong together"):
        content.metric(LogMetric(run_id="r", key="m", value=1.0, timestamp=9, dataset_name=name, dataset_digest=digest))
    point = Metric(key="m", value=1.0, timestamp=9, dataset_name=name, dataset_digest=digest)
    with pytest.raises(InvalidParameterValue, match="belong together"):
        content.batch(LogBatch(run_id="r", metrics=[point]))


def test_inputs_are_kept_as_sent_and_a_dataset_may_be_empty() -> None:
    command = LogInputs(
        run_id="r",
        datasets=[
            run_data.DatasetInput(
                dataset=run_data.Dataset(name="n", digest="d", source_type="local", source="s", schema="{}"),
                tags=[InputTag(key="mlflow.data.context", value="train")],
            ),
            run_data.DatasetInput(),
        ],
        models=[ModelInput(model_id="m-1"), ModelInput(model_id="m-1")],
    )
    assert content.inputs(command) == RunInputs(
        datasets=[
            DatasetInput("n", "d", "local", "s", schema="{}", tags=[Tag("mlflow.data.context", "train")]),
            DatasetInput("", ""),
        ],
        model_ids=["m-1"],
    )


@pytest.mark.parametrize(
    ("tags", "error"),
    [
        ([InputTag(value="v")], InvalidParameterValue),
        ([InputTag(key="k"), InputTag(key="k")], BadRequest),
    ],
)
def test_bad_tags_of_an_input_are_refused(tags: list[InputTag], error: type[TracklogError]) -> None:
    with pytest.raises(error):
        content.inputs(inputs(tags))


def test_outputs_are_kept_with_their_steps() -> None:
    command = LogOutputs(run_id="r", models=[ModelOutputMessage(model_id="m-1", step=-1)])
    assert content.outputs(command) == [ModelOutput("m-1", -1)]


def test_an_output_twice_is_refused_in_one_request() -> None:
    twice = LogOutputs(run_id="r", models=[ModelOutputMessage(model_id="m"), ModelOutputMessage(model_id="m", step=1)])
    with pytest.raises(BadRequest):
        content.outputs(twice)


def test_model_ids_are_needed() -> None:
    with pytest.raises(InvalidParameterValue):
        content.inputs(LogInputs(run_id="r", models=[ModelInput()]))
    with pytest.raises(InvalidParameterValue):
        content.outputs(LogOutputs(run_id="r", models=[ModelOutputMessage()]))


def noted(**fields: object) -> LogModel:
    model = {"run_id": "r", "artifact_path": "m", "utc_time_created": "2026", "flavors": {}} | fields
    return LogModel(run_id="r", model_json=json.dumps(model))


def test_what_is_kept_of_a_model_of_an_older_client_is_what_mlflow_keeps() -> None:
    model_json = content.model_json(
        noted(signature="s", flavors={"sklearn": {"config": {"a": 1}, "code": "c"}, "odd": 3})
    )
    assert model_json == (
        '{"run_id": "r", "artifact_path": "m", "utc_time_created": "2026", "model_uuid": null,'
        ' "flavors": {"sklearn": {"code": "c"}, "odd": 3}}'
    )


@pytest.mark.parametrize("text", ["", "{", "[]", "1", "null", '"x"', '{"artifact_path": "m"}', "[" * 60_000])
def test_what_is_no_model_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameterValue):
        content.model_json(LogModel(run_id="r", model_json=text))


def test_flavors_that_are_no_object_are_refused() -> None:
    assert '"flavors": {}' in content.model_json(noted(flavors=None))
    with pytest.raises(InvalidParameterValue, match="flavors"):
        content.model_json(noted(flavors=[1]))


def test_an_empty_name_is_no_name_whichever_way_it_comes() -> None:
    name, no_name = KeyValue(key="mlflow.runName", value="m"), KeyValue(key="mlflow.runName")
    assert content.tag(SetTag(run_id="r", key="mlflow.runName", value="")) == RunData()
    assert content.batch(LogBatch(run_id="r", tags=[no_name])) == RunData()
    assert content.batch(LogBatch(run_id="r", tags=[name, no_name])).tags == [Tag("mlflow.runName", "m")]
    assert content.tag(SetTag(run_id="r", key="other", value="")).tags == [Tag("other", "")]


@pytest.mark.parametrize("text", ["1.79769313486232e+308", "1e400", "9" * 400, "inf", "+Infinity"])
@pytest.mark.parametrize(("sign", "kept"), [("", "Infinity"), ("-", "-Infinity")])
def test_a_number_in_text_that_is_too_large_is_the_infinity_of_its_sign(text: str, sign: str, kept: str) -> None:
    value = sign + text.removeprefix("+") if sign else text
    assert content.metric(LogMetric(run_id="r", key="m", value=value, timestamp=1)).metrics[0].value == [kept]
    point = PlainMetric(key="m", value=value, timestamp=1)
    assert content.batch(PlainLogBatch(run_id="r", metrics=[point])).metrics[0].value == [kept]


@pytest.mark.parametrize("timestamp_ms", [None, -1, -(2**63)])
def test_a_timestamp_is_neither_missing_nor_negative(timestamp_ms: int | None) -> None:
    with pytest.raises(InvalidParameterValue, match="timestamp"):
        content.check_timestamp(timestamp_ms, "timestamp")
