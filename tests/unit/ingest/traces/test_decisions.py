"""What may be told of traces, and what is said of them, as events."""

from typing import Any

import pytest

from ingest.experiments.state import KnownExperiment
from ingest.traces import assessments, decisions
from schemas.errors import InvalidParameterValue
from schemas.messages.traces import (
    AssessmentGiven,
    AssessmentSource,
    DeleteTraces,
    EndTrace,
    ExpectationGiven,
    FeedbackGiven,
    LinkPromptsToTrace,
    PromptVersionRef,
    SerializedValue,
    TraceInfo,
    UpdateAssessment,
)
from schemas.protobuf_times import duration_milliseconds, duration_text, milliseconds, time_text

HERE = KnownExperiment(3, "e", "mlflow-artifacts:/3", active=True, lifecycle_us=0, lifecycle_revision=0)


def started(**given: Any) -> Any:
    return decisions.start_v3(TraceInfo(**({"trace_id": "tr-1"} | given)), HERE, now_ms=9)


def test_what_a_client_tells_of_a_trace() -> None:
    event = started(
        request_time="2026-01-01T00:00:00.123456789Z",
        execution_duration="1.5s",
        state="OK",
        trace_metadata={"mlflow.trace.tokenUsage": '{"output_tokens": 2, "input_tokens": 1, "other": 5}'},
        assessments=[AssessmentGiven(assessment_name="good", feedback=FeedbackGiven(value=1))],
    )
    assert (event.request_time_ms, event.execution_duration_ms, event.state) == (1767225600123, 1500, "OK")
    assert event.metadata == {
        "mlflow.trace.infoFinalized": "true",
        "mlflow.trace.tokenUsage": '{"input_tokens": 1, "output_tokens": 2}',
    }
    assert (event.assessments[0].value, event.assessments[0].create_time_ms) == ("1.0", 9)


def test_the_same_trace_told_again_has_the_same_assessments() -> None:
    given = [AssessmentGiven(assessment_name="good", feedback=FeedbackGiven(value=True))]
    ids = {started(assessments=given, state=state).assessments[0].assessment_id for state in ("IN_PROGRESS", "OK")}
    assert len(ids) == 1


def test_no_tag_that_says_where_something_lies_is_taken() -> None:
    told = {"mlflow.artifactLocation": "file:///etc", "mlflow.trace.spansLocation": "ARTIFACT_REPO", "mine": "1"}
    assert started(tags=told).tags == {"mine": "1"}
    for key in told:
        if key != "mine":
            with pytest.raises(InvalidParameterValue):
                decisions.check_tag(key)


@pytest.mark.parametrize("trace_id", ["", "..", "a/b", "a b", "ä", "x" * 101, "-a", "a\\b"])
def test_an_id_that_could_not_be_a_folder_is_refused(trace_id: str) -> None:
    with pytest.raises(InvalidParameterValue):
        started(trace_id=trace_id)


@pytest.mark.parametrize(
    "wrong",
    [
        {"request_time": "yesterday"},
        {"execution_duration": "5"},
        {"tags": {"mlflow.traceName": "n" * 4097}},
        {"trace_metadata": {"mlflow.trace.session": "s" * 251}},
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterValue):
        started(**wrong)


def test_an_end_needs_a_status_that_there_is() -> None:
    assert decisions.end(EndTrace(request_id="t", timestamp_ms=5, status="ERROR")).state == "ERROR"
    with pytest.raises(InvalidParameterValue):
        decisions.end(EndTrace(request_id="t", status="DONE"))


@pytest.mark.parametrize(
    "command",
    [
        {},
        {"max_timestamp_millis": 1, "request_ids": ["a"]},
        {"request_ids": ["a"], "max_traces": 1},
        {"max_timestamp_millis": 1, "max_traces": 0},
    ],
)
def test_what_to_delete_is_said_in_one_way(command: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterValue):
        decisions.check_delete(DeleteTraces(experiment_id="1", **command))


def test_a_version_of_a_prompt_is_a_number() -> None:
    with pytest.raises(InvalidParameterValue):
        decisions.link_prompts(
            LinkPromptsToTrace(trace_id="t", prompt_versions=[PromptVersionRef(name="p", version="x")])
        )


def made(**given: Any) -> Any:
    return assessments.assessment(AssessmentGiven(assessment_name="n", **given), 5, "a-1")


def test_numbers_that_are_said_are_doubles() -> None:
    assert made(feedback=FeedbackGiven(value={"a": [1, True, "x"]})).value == '{"a":[1.0,true,"x"]}'


def test_an_expectation_is_the_same_however_it_is_sent() -> None:
    serialized = ExpectationGiven(serialized_value=SerializedValue(serialization_format="JSON_FORMAT", value="[1]"))
    assert made(expectation=serialized).value == made(expectation=ExpectationGiven(value=[1])).value == "[1.0]"


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"expectation": ExpectationGiven()},
        {"expectation": ExpectationGiven(serialized_value=SerializedValue(serialization_format="X", value="1"))},
        {"expectation": ExpectationGiven(serialized_value=SerializedValue(serialization_format="JSON_FORMAT"))},
        {"feedback": FeedbackGiven(value=1), "create_time": "now"},
    ],
)
def test_an_assessment_that_says_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterValue):
        made(**wrong)


def test_a_source_that_is_not_known_is_none() -> None:
    assert made(feedback=FeedbackGiven(), source=AssessmentSource(source_type="OTHER")).source_type == ""


def test_a_mask_says_what_is_updated() -> None:
    given = AssessmentGiven(assessment_name="new", feedback=FeedbackGiven(value=2), rationale="r", metadata={"k": "v"})
    before = made(feedback=FeedbackGiven(value=1))
    event = assessments.update(UpdateAssessment(assessment=given, update_mask="feedback,metadata"), before, 7)
    assert (event.name, event.value, event.rationale, event.metadata) == (None, "2.0", None, {"k": "v"})
    with pytest.raises(InvalidParameterValue):
        assessments.update(UpdateAssessment(assessment=given, update_mask="expectation"), before, 7)


def test_times_and_durations_are_read_as_they_are_written() -> None:
    for time_ms in (-62_135_596_800_000, 0, 1_767_225_600_123, 253_402_300_799_999):
        assert milliseconds(time_text(time_ms), "t") == time_ms
    for duration_ms in (-5_250, 0, 1, 1500):
        assert duration_milliseconds(duration_text(duration_ms), "d") == duration_ms
    assert milliseconds("2026-01-01T01:00:00+01:00", "t") == milliseconds("2026-01-01T00:00:00Z", "t")
