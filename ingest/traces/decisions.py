"""What commands about traces become."""

from collections.abc import Iterable, Mapping

from ingest.experiments.state import KnownExperiment, require_active_experiment
from ingest.keys import check_key
from ingest.traces.assessments import assessment, id_of_told
from read_model.spans.usage import with_known_sums
from schemas.errors import InvalidParameterValue
from schemas.events import PromptVersion, TraceEnded, TracePromptsLinked, TraceStarted
from schemas.messages.bounds import shown
from schemas.messages.traces import DeleteTraces, EndTrace, LinkPromptsToTrace, StartTrace, TraceInfo, TracePair
from schemas.protobuf_times import duration_milliseconds, milliseconds
from schemas.traces import (
    FINAL,
    IN_PROGRESS,
    MAX_TRACE_NAME_CHARACTERS,
    MAX_TRACE_SESSION_CHARACTERS,
    NAME_TAG,
    SESSION,
    STATE_UNSPECIFIED,
    STATES,
    is_reserved_tag,
    is_trace_id,
)


def experiment_of(info: TraceInfo) -> str:
    """The id of the experiment that a trace is to be in. Raises InvalidParameterValue."""
    location = info.trace_location
    if location is None or location.mlflow_experiment is None or not location.mlflow_experiment.experiment_id:
        raise InvalidParameterValue("A trace has to have a trace_location of type MLFLOW_EXPERIMENT.")
    return location.mlflow_experiment.experiment_id


def check_trace_id(trace_id: str) -> None:
    """Refuse an id that could not be a folder. Raises InvalidParameterValue."""
    if not is_trace_id(trace_id):
        raise InvalidParameterValue(
            f"Invalid trace_id {shown(trace_id)}: it has to be of letters, digits, dots, dashes and underscores,"
            " at most 100 of them, and to begin with a letter or a digit."
        )


def start_v3(info: TraceInfo, experiment: KnownExperiment, now_ms: int) -> TraceStarted:
    """What a client of MLflow 3 tells of a trace. Raises InvalidParameterValue."""
    require_active_experiment(experiment)
    check_trace_id(info.trace_id)
    return TraceStarted(
        trace_id=info.trace_id,
        experiment_id=experiment.experiment_id,
        request_time_ms=milliseconds(info.request_time, "request_time") if info.request_time else 0,
        execution_duration_ms=(
            None
            if info.execution_duration is None
            else duration_milliseconds(info.execution_duration, "execution_duration")
        ),
        state=_state(info.state),
        client_request_id=info.client_request_id,
        request_preview=info.request_preview,
        response_preview=info.response_preview,
        tags=_tags(info.tags),
        metadata=_metadata(info.trace_metadata) | {FINAL: "true"},
        assessments=[
            assessment(one, now_ms, id_of_told(info.trace_id, place, one)) for place, one in enumerate(info.assessments)
        ],
        is_final=True,
    )


def start(command: StartTrace, experiment: KnownExperiment, trace_id: str) -> TraceStarted:
    """What a client of MLflow 2 tells of a new trace. Raises InvalidParameterValue."""
    require_active_experiment(experiment)
    return TraceStarted(
        trace_id=trace_id,
        experiment_id=experiment.experiment_id,
        request_time_ms=command.timestamp_ms,
        state=IN_PROGRESS,
        tags=_tags(_pairs(command.tags)),
        metadata=_metadata(_pairs(command.request_metadata)),
    )


def end(command: EndTrace) -> TraceEnded:
    """Raises InvalidParameterValue."""
    state = _state(command.status)
    if state == STATE_UNSPECIFIED:
        raise InvalidParameterValue(f"Invalid value {shown(str(command.status))} for parameter 'status'.")
    return TraceEnded(
        trace_id=command.request_id,
        end_time_ms=command.timestamp_ms,
        state=state,
        tags=_tags(_pairs(command.tags)),
        metadata=_metadata(_pairs(command.request_metadata)),
    )


def check_tag(key: str) -> None:
    """Refuse a key that no client may write. Raises InvalidParameterValue."""
    check_key(key, "key")
    if is_reserved_tag(key):
        raise InvalidParameterValue(f"The tag {key!r} is the server's own: no client can change it.")


def link_prompts(command: LinkPromptsToTrace) -> TracePromptsLinked | None:
    """None when none are named. Raises InvalidParameterValue for a version that is no number."""
    prompts = []
    for ref in command.prompt_versions:
        if not (ref.version.isascii() and ref.version.isdigit() and len(ref.version) < 19):
            raise InvalidParameterValue(f"Invalid version {shown(ref.version)} of the prompt {shown(ref.name)}.")
        prompts.append(PromptVersion(ref.name, int(ref.version)))
    return TracePromptsLinked(trace_id=command.trace_id, prompts=prompts) if prompts else None


def check_delete(command: DeleteTraces) -> None:
    """Raises InvalidParameterValue. Source: MLflow's check of what selects traces."""
    by_time, by_id = command.max_timestamp_millis is not None, bool(command.request_ids)
    if by_time == by_id:
        raise InvalidParameterValue("Exactly one of `max_timestamp_millis` and `request_ids` must be specified.")
    if by_id and command.max_traces is not None:
        raise InvalidParameterValue("`max_traces` can't be specified if `request_ids` is specified.")
    if command.max_traces is not None and command.max_traces <= 0:
        raise InvalidParameterValue(f"`max_traces` must be a positive integer, received {command.max_traces}.")


def _state(given: str | int | None) -> str:
    """A state by its name or number; what is none is unspecified."""
    if isinstance(given, str) and given.isascii() and given.isdigit():
        given = int(given[:2])
    if isinstance(given, int):
        return STATES[given] if 0 <= given < len(STATES) else STATE_UNSPECIFIED
    return given if given in STATES else STATE_UNSPECIFIED


def _pairs(pairs: Iterable[TracePair]) -> dict[str, str]:
    return {pair.key: pair.value for pair in pairs}


def _tags(given: Mapping[str, str]) -> dict[str, str]:
    """Without those that are the server's own, which clients send back as they got them."""
    tags = {key: value for key, value in given.items() if not is_reserved_tag(key)}
    _check_length(tags, NAME_TAG, MAX_TRACE_NAME_CHARACTERS)
    return tags


def _metadata(given: Mapping[str, str]) -> dict[str, str]:
    _check_length(given, SESSION, MAX_TRACE_SESSION_CHARACTERS)
    return with_known_sums(given)


def _check_length(given: Mapping[str, str], key: str, most: int) -> None:
    if len(given.get(key, "")) > most:
        raise InvalidParameterValue(f"The value of {key!r} exceeds the maximum length of {most} characters.")
