"""The commands about traces, and about what is said of them.

Each takes a request message, the actor and the id of the request, and answers with JSON. A command about a trace that
was just written waits for the read model before it refuses. Raises ResourceDoesNotExist when there is no such trace or
experiment, and what KnownEntities and LogWriter raise.
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from ingest.admission.known_entities import KnownEntities
from ingest.answers import EMPTY
from ingest.experiments.lookups import EXPERIMENTS
from ingest.log_writer import LogWriter
from ingest.traces import assessments, decisions
from ingest.traces.lookups import ASSESSMENT, OLDEST_TRACES, TRACE, TRACE_TAG, TRACES
from ingest.traces.state import KnownTrace
from schemas.artifact_uris import below
from schemas.documents.traces import TraceValues, assessment_json, trace_info, trace_info_v2
from schemas.envelope import Actor
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.events import (
    Assessment,
    TraceAssessmentCreated,
    TraceAssessmentDeleted,
    TraceDeleted,
    TraceLinkedToRun,
    TraceStarted,
    TraceTagDeleted,
    TraceTagSet,
)
from schemas.messages.experiments import experiment_id_of
from schemas.messages.traces import (
    MAX_LINKED_TRACES,
    CreateAssessment,
    DeleteAssessment,
    DeleteTraces,
    DeleteTraceTag,
    DeleteTraceTagV3,
    EndTrace,
    LinkPromptsToTrace,
    LinkTracesToRun,
    SetTraceTag,
    SetTraceTagV3,
    StartTrace,
    StartTraceV3,
    UpdateAssessment,
)
from schemas.traces import ARTIFACT_LOCATION_TAG, assessment_not_found, trace_folder, trace_not_found

TRACES_AT_ONCE: Final = 500
"""So many traces are deleted side by side."""

MOST_TRACES: Final = 100_000
"""That one request deletes by their time. Who wants more gone asks again."""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class TraceCommands:
    def __init__(self, writer: LogWriter, known: KnownEntities, now_ms: Callable[[], int] = _now_ms) -> None:
        self._writer = writer
        self._known = known
        self._now_ms = now_ms

    # --- traces -------------------------------------------------------------------------------------------------------

    async def start_v3(self, command: StartTraceV3, actor: Actor, request_id: str) -> bytes:
        """Tell of a trace, or tell it anew. Answered when durable. Raises InvalidParameterValue."""
        if command.trace is None or command.trace.trace_info is None:
            raise InvalidParameterValue("Missing value for required parameter 'trace.trace_info'.")
        info = command.trace.trace_info
        experiment = await self._known.existing(EXPERIMENTS, experiment_id_of(decisions.experiment_of(info)))
        event = decisions.start_v3(info, experiment, self._now_ms())
        await self._writer.append(event, actor, request_id)
        return _json({"trace": {"trace_info": trace_info(_values(event, experiment.artifact_location))}})

    async def start(self, command: StartTrace, actor: Actor, request_id: str) -> bytes:
        """Begin a trace, for clients of MLflow 2. Answered when durable. Raises InvalidParameterValue."""
        experiment = await self._known.existing(EXPERIMENTS, experiment_id_of(command.experiment_id))
        event = decisions.start(command, experiment, uuid.uuid4().hex)
        await self._writer.append(event, actor, request_id)
        return _json({"trace_info": trace_info_v2(_values(event, experiment.artifact_location))})

    async def end(self, command: EndTrace, actor: Actor, request_id: str) -> bytes:
        """End a trace, which may be done again. Answered when projected. Raises InvalidParameterValue."""
        event = decisions.end(command)
        trace = await self._trace(command.request_id)
        await self._writer.append_and_wait(event, actor, request_id)
        ended = TraceValues(trace.trace_id, trace.experiment_id, trace.request_time_ms, None, event.state)
        ended.execution_duration_ms = event.end_time_ms - trace.request_time_ms
        ended.tags, ended.metadata = event.tags, event.metadata
        return _json({"trace_info": trace_info_v2(ended)})

    async def set_tag(self, command: SetTraceTag, actor: Actor, request_id: str) -> bytes:
        return await self._set_tag(command.request_id, command.key, command.value, actor, request_id)

    async def set_tag_v3(self, command: SetTraceTagV3, actor: Actor, request_id: str) -> bytes:
        return await self._set_tag(command.trace_id, command.key, command.value, actor, request_id)

    async def delete_tag(self, command: DeleteTraceTag, actor: Actor, request_id: str) -> bytes:
        return await self._delete_tag(command.request_id, command.key, actor, request_id)

    async def delete_tag_v3(self, command: DeleteTraceTagV3, actor: Actor, request_id: str) -> bytes:
        return await self._delete_tag(command.trace_id, command.key, actor, request_id)

    async def link_to_run(self, command: LinkTracesToRun, actor: Actor, request_id: str) -> bytes:
        """Have traces found by a run, those of them that there are. Answered when durable.

        Raises InvalidParameterValue for too many.
        """
        if len(command.trace_ids) > MAX_LINKED_TRACES:
            raise InvalidParameterValue(
                f"At most {MAX_LINKED_TRACES} traces can be linked to a run in one request, got"
                f" {len(command.trace_ids)}."
            )
        for trace in await self._traces(command.trace_ids):
            event = TraceLinkedToRun(trace_id=trace.trace_id, run_id=command.run_id)
            await self._writer.append(event, actor, request_id)
        return EMPTY

    async def link_prompts(self, command: LinkPromptsToTrace, actor: Actor, request_id: str) -> bytes:
        """Have a trace found by versions of prompts. Answered when durable. Raises InvalidParameterValue."""
        event = decisions.link_prompts(command)
        await self._trace(command.trace_id)
        if event is not None:
            await self._writer.append(event, actor, request_id)
        return EMPTY

    async def delete(self, command: DeleteTraces, actor: Actor, request_id: str) -> bytes:
        """Delete traces of one experiment, by their ids or up to a time, the oldest first. Answered when durable.

        Raises InvalidParameterValue.
        """
        decisions.check_delete(command)
        experiment_id = experiment_id_of(command.experiment_id)
        await self._known.catch_up()
        if command.max_timestamp_millis is None:
            traces = await self._known.lookups.all(TRACES, command.request_ids)
            wanted = [trace.trace_id for trace in traces if trace.experiment_id == experiment_id]
        else:
            most = min(command.max_traces or MOST_TRACES, MOST_TRACES)
            wanted = await self._known.lookups.all(OLDEST_TRACES, experiment_id, command.max_timestamp_millis, most)
        for first in range(0, len(wanted), TRACES_AT_ONCE):
            await asyncio.gather(
                *(
                    self._writer.append(TraceDeleted(trace_id=trace_id), actor, request_id)
                    for trace_id in wanted[first : first + TRACES_AT_ONCE]
                )
            )
        return _json({"traces_deleted": len(wanted)})

    # --- what is said of traces ---------------------------------------------------------------------------------------

    async def create_assessment(self, command: CreateAssessment, actor: Actor, request_id: str) -> bytes:
        """Say something of a trace. Answered when projected.

        Raises InvalidParameterValue, and ResourceAlreadyExists for an id that its trace has.
        """
        assert command.assessment is not None, "it is required"
        made = assessments.assessment(command.assessment, self._now_ms(), f"a-{uuid.uuid4().hex}")
        await self._trace(command.trace_id)
        event = TraceAssessmentCreated(trace_id=command.trace_id, assessment=made)
        await self._writer.append_and_wait(event, actor, request_id)
        return _assessment(command.trace_id, made)

    async def update_assessment(self, command: UpdateAssessment, actor: Actor, request_id: str) -> bytes:
        """Change what was said. Answered when projected. Raises InvalidParameterValue."""
        await self._trace(command.trace_id)
        before = await self._assessment(command.trace_id, command.assessment_id)
        event = assessments.update(command, before, self._now_ms())
        await self._writer.append_and_wait(event, actor, request_id)
        return _assessment(command.trace_id, await self._assessment(command.trace_id, command.assessment_id))

    async def delete_assessment(self, command: DeleteAssessment, actor: Actor, request_id: str) -> bytes:
        """Take back what was said, which may be done again. Answered when projected."""
        if await self._known.look_up(ASSESSMENT, command.trace_id, command.assessment_id) is not None:
            event = TraceAssessmentDeleted(trace_id=command.trace_id, assessment_id=command.assessment_id)
            await self._writer.append_and_wait(event, actor, request_id)
        return EMPTY

    # --- parts of these -----------------------------------------------------------------------------------------------

    async def _set_tag(self, trace_id: str, key: str, value: str, actor: Actor, request_id: str) -> bytes:
        """Set a tag. Answered when durable. Raises InvalidParameterValue for a key that no client may write."""
        decisions.check_tag(key)
        await self._trace(trace_id)
        await self._writer.append(TraceTagSet(trace_id=trace_id, key=key, value=value), actor, request_id)
        return EMPTY

    async def _delete_tag(self, trace_id: str, key: str, actor: Actor, request_id: str) -> bytes:
        """Delete a tag that is set. Answered when projected."""
        decisions.check_tag(key)
        await self._trace(trace_id)
        if await self._known.look_up(TRACE_TAG, trace_id, key) is None:
            raise ResourceDoesNotExist(f"No tag with key {key!r} on the trace {trace_id!r}.")
        await self._writer.append_and_wait(TraceTagDeleted(trace_id=trace_id, key=key), actor, request_id)
        return EMPTY

    async def _trace(self, trace_id: str) -> KnownTrace:
        found = await self._known.look_up(TRACE, trace_id)
        if found is None:
            raise trace_not_found(trace_id)
        return found

    async def _traces(self, trace_ids: Sequence[str]) -> list[KnownTrace]:
        """Those of some that there are; it waits for the others."""
        wanted = sorted(set(trace_ids))
        found = await self._known.lookups.all(TRACES, wanted)
        if len(found) < len(wanted):
            await self._known.catch_up()
            found = await self._known.lookups.all(TRACES, wanted)
        return found

    async def _assessment(self, trace_id: str, assessment_id: str) -> Assessment:
        found = await self._known.look_up(ASSESSMENT, trace_id, assessment_id)
        if found is None:
            raise assessment_not_found(trace_id, assessment_id)
        return found


def _values(event: TraceStarted, experiment_location: str) -> TraceValues:
    location = below(experiment_location, trace_folder(event.trace_id))
    return TraceValues(
        trace_id=event.trace_id,
        experiment_id=event.experiment_id,
        request_time_ms=event.request_time_ms,
        execution_duration_ms=event.execution_duration_ms,
        state=event.state,
        client_request_id=event.client_request_id,
        request_preview=event.request_preview,
        response_preview=event.response_preview,
        tags=event.tags | {ARTIFACT_LOCATION_TAG: location},
        metadata=event.metadata,
        assessments=[(one, True) for one in event.assessments],
    )


def _assessment(trace_id: str, assessment: Assessment) -> bytes:
    return _json({"assessment": assessment_json(trace_id, assessment, is_valid=True)})


def _json(value: Any) -> bytes:
    return msgspec.json.encode(value)
