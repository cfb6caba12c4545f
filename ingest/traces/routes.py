"""The routes of the commands about traces."""

from collections.abc import Iterable
from typing import Any, Final

from ingest.traces.commands import TraceCommands
from ingest.write_route import write_route
from schemas.levels import EXPERIMENT, Level
from schemas.messages.traces import (
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
from schemas.rest.access import RUN, TRACE, TRACE_IF_ANY, TRACES_OF, On, Rule
from schemas.rest.handler import command_handler
from schemas.rest.route import DATA_LIMITS, V3, Route
from schemas.rest.rules import EDIT_TRACE

_V2_TRACE: Final = "traces/{request_id}"
_V3_TRACE: Final = "traces/{trace_id}"
_ASSESSMENTS: Final = f"{_V3_TRACE}/assessments"
_ASSESSMENT: Final = f"{_ASSESSMENTS}/{{assessment_id}}"


def _experiment_told(message: Any) -> Iterable[str]:
    location = _info(message) and _info(message).trace_location
    return (location.mlflow_experiment.experiment_id,) if location and location.mlflow_experiment else ()


def _trace_told(message: Any) -> Iterable[str]:
    return (_info(message).trace_id,) if _info(message) else ()


def _info(message: Any) -> Any:
    return message.trace and message.trace.trace_info


_START_V3: Final[Rule] = (
    On(Level.EDIT, EXPERIMENT, _experiment_told, unless_denied=TRACE),
    On(Level.EDIT, TRACE_IF_ANY, _trace_told, optional=True),
)
_START: Final[Rule] = (On(Level.EDIT, EXPERIMENT, "experiment_id", unless_denied=TRACE),)
_EDIT_V2: Final[Rule] = (On(Level.EDIT, TRACE, "request_id"),)
_LINK: Final[Rule] = (On(Level.EDIT, RUN, "run_id"), On(Level.READ, TRACE_IF_ANY, "trace_ids", optional=True))
_DELETE: Final[Rule] = (On(Level.MANAGE, TRACES_OF, "experiment_id"),)


def trace_routes(commands: TraceCommands) -> tuple[Route, ...]:
    """Every route of these commands."""
    c = command_handler
    return (
        write_route("POST", "traces", c(StartTraceV3, commands.start_v3), _START_V3, DATA_LIMITS, prefixes=V3),
        write_route("POST", "traces", c(StartTrace, commands.start), _START, DATA_LIMITS),
        write_route("PATCH", _V2_TRACE, c(EndTrace, commands.end), _EDIT_V2, DATA_LIMITS),
        write_route("PATCH", f"{_V2_TRACE}/tags", c(SetTraceTag, commands.set_tag), _EDIT_V2),
        write_route("PATCH", f"{_V3_TRACE}/tags", c(SetTraceTagV3, commands.set_tag_v3), EDIT_TRACE, prefixes=V3),
        write_route("DELETE", f"{_V2_TRACE}/tags", c(DeleteTraceTag, commands.delete_tag), _EDIT_V2),
        write_route(
            "DELETE", f"{_V3_TRACE}/tags", c(DeleteTraceTagV3, commands.delete_tag_v3), EDIT_TRACE, prefixes=V3
        ),
        write_route("POST", "traces/link-to-run", c(LinkTracesToRun, commands.link_to_run), _LINK),
        write_route("POST", "traces/link-prompts", c(LinkPromptsToTrace, commands.link_prompts), EDIT_TRACE),
        write_route("POST", "traces/delete-traces", c(DeleteTraces, commands.delete), _DELETE),
        write_route("POST", "traces/delete-traces", c(DeleteTraces, commands.delete), _DELETE, prefixes=V3),
        write_route(
            "POST", _ASSESSMENTS, c(CreateAssessment, commands.create_assessment), EDIT_TRACE, DATA_LIMITS, prefixes=V3
        ),
        write_route(
            "PATCH", _ASSESSMENT, c(UpdateAssessment, commands.update_assessment), EDIT_TRACE, DATA_LIMITS, prefixes=V3
        ),
        write_route("DELETE", _ASSESSMENT, c(DeleteAssessment, commands.delete_assessment), EDIT_TRACE, prefixes=V3),
    )
