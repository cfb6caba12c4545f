"""Every text and list of every message has a greatest length, and what is longer is refused by name."""

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
from multidict import MultiDict

import artifact_proxy.http.messages
import query_api.events.history
import query_api.metrics.routes  # the imports know of more messages
from schemas.errors import InvalidParameterValue
from schemas.messages import experiments, metrics, run_data, runs
from schemas.messages.bounds import Cut, alternatives, max_length
from schemas.messages.message import Message
from schemas.rest.decode import MAX_QUERY_FIELDS, check_query, decode_body, decode_query


def every_message(base: type[Message] = Message) -> Iterator[type[Message]]:
    for one in base.__subclasses__():
        # Tests make messages of their own.
        if not one.__module__.startswith("tests."):
            yield one
            yield from every_message(one)


MESSAGES = sorted(set(every_message()), key=lambda one: (one.__module__, one.__name__))


def unbounded(annotation: Any) -> bool:
    """Whether it allows a text or a list without a declared bound, at any depth."""
    for one in alternatives(annotation):
        kind, is_bounded = one, max_length(one) is not None
        if get_origin(one) is Annotated:
            kind = get_args(one)[0]
            is_bounded = is_bounded or any(isinstance(note, Cut) for note in one.__metadata__)
        is_list = get_origin(kind) in (list, Sequence)
        if (kind is str or is_list) and not is_bounded:
            return True
        if is_list and any(map(unbounded, get_args(kind))):
            return True
    return False


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: one.__name__)
def test_every_text_and_list_of_a_message_has_a_greatest_length(message: type[Message]) -> None:
    hints = get_type_hints(message, include_extras=True)
    assert [name for name in message.__struct_fields__ if unbounded(hints[name])] == []


def test_the_messages_are_those_of_every_service() -> None:
    assert {run_data.LogBatch, artifact_proxy.http.messages.CompleteMultipartUpload} <= set(MESSAGES)
    assert {query_api.events.history.ReadEvents, query_api.metrics.routes.GetMetricHistoryBulk} <= set(MESSAGES)


RUN = {"run_id": "r", "key": "k", "value": 1.0, "timestamp": 1}


@pytest.mark.parametrize(
    ("message", "fields", "at", "most"),
    [
        (experiments.CreateExperiment, {"name": "n" * 501}, "name", 500),
        (experiments.CreateExperiment, {"name": "n", "artifact_location": "a" * 2049}, "artifact_location", 2048),
        (experiments.CreateExperiment, {"name": "n", "tags": [{"key": "k" * 251}]}, "tags[0].key", 250),
        (experiments.SetExperimentTag, {"experiment_id": "1", "key": "k", "value": "v" * 20_001}, "value", 20_000),
        (runs.CreateRun, {"experiment_id": "1", "run_name": "n" * 8001}, "run_name", 8000),
        (runs.CreateRun, {"experiment_id": "1", "user_id": "n" * 501}, "user_id", 500),
        (runs.CreateRun, {"experiment_id": "1", "tags": [{"key": "k"}] * 1001}, "tags", 1000),
        (run_data.LogMetric, RUN | {"key": "k" * 251}, "key", 250),
        (run_data.LogMetric, RUN | {"value": "1" * 401}, "value", 400),
        (run_data.LogMetric, RUN | {"modelId": "m" * 251}, "model_id", 250),
        (run_data.LogBatch, {"run_id": "r", "metrics": [RUN] * 1001}, "metrics", 1000),
        (run_data.LogBatch, {"run_id": "r", "metrics": [RUN, RUN | {"key": "k" * 251}]}, "metrics[1].key", 250),
        (run_data.LogBatch, {"run_id": "r", "params": [{"key": "k"}] * 101}, "params", 100),
        (run_data.LogBatch, {"run_id": "r", "tags": [{"key": "k"}] * 101}, "tags", 100),
        (run_data.LogInputs, {"run_id": "r", "datasets": [{}] * 1001}, "datasets", 1000),
        (
            run_data.LogInputs,
            {"run_id": "r", "datasets": [{"dataset": {"schema": "s" * 1_048_576}}]},
            "datasets[0].dataset.schema",
            1_048_575,
        ),
        (
            run_data.LogInputs,
            {"run_id": "r", "datasets": [{"tags": [{"key": "k", "value": "v" * 501}]}]},
            "datasets[0].tags[0].value",
            500,
        ),
        (runs.SearchRuns, {"filter": "f" * 100_001}, "filter", 100_000),
        (runs.SearchRuns, {"order_by": ["a"] * 21}, "order_by", 20),
        (runs.SearchRuns, {"order_by": ["a", "b" * 1001]}, "order_by[1]", 1000),
        (runs.SearchRuns, {"experiment_ids": ["1"] * 20_001}, "experiment_ids", 20_000),
    ],
    ids=str,
)
def test_what_is_too_long_is_refused_by_its_name_and_both_lengths(
    message: type[Message], fields: dict[str, Any], at: str, most: int
) -> None:
    with pytest.raises(InvalidParameterValue) as refused:
        decode_body(json.dumps(fields).encode(), message)
    said = refused.value.message
    assert said.startswith("Invalid value")
    assert f"parameter '{at}'" in said
    assert f"exceeds the maximum length of {most}." in said
    assert str(most + 1) in said
    assert len(said) < 400


def test_the_longest_of_each_is_taken() -> None:
    decode_body(json.dumps(RUN | {"key": "k" * 250, "value": "1" * 400}).encode(), run_data.LogMetric)
    decode_body(json.dumps({"run_id": "r", "metrics": [RUN] * 1000}).encode(), run_data.LogBatch)
    dataset = {"name": "n" * 500, "digest": "d" * 36, "source": "s" * 65_535, "schema": "s" * 1_048_575}
    decode_body(json.dumps({"run_id": "r", "datasets": [{"dataset": dataset}]}).encode(), run_data.LogInputs)


def test_a_text_that_is_cut_may_have_any_length() -> None:
    long = "v" * 1_000_000
    assert decode_body(json.dumps({"run_id": "r", "key": "k", "value": long}).encode(), run_data.SetTag).value == long


def test_what_a_query_string_holds_is_bounded_too() -> None:
    with pytest.raises(InvalidParameterValue, match=r"parameter 'run_id'.* exceeds the maximum length of 250\."):
        decode_query(MultiDict({"run_id": "r" * 251}), runs.GetRun)
    many = MultiDict([("run_ids", "r")] * 1001 + [("metric_key", "k")])
    with pytest.raises(InvalidParameterValue, match=r"parameter 'run_ids'.* exceeds the maximum length of 1000\."):
        decode_query(many, metrics.GetMetricHistoryBulkInterval)


def test_a_query_string_of_more_fields_than_any_request_needs_is_refused_before_it_is_taken_apart() -> None:
    check_query("&".join(["a=1"] * MAX_QUERY_FIELDS))
    with pytest.raises(InvalidParameterValue, match="more than 2000 fields"):
        check_query("&".join(["a=1"] * (MAX_QUERY_FIELDS + 1)))
