"""What a request for the history wants, in the words of the index."""

from collections.abc import Sequence
from dataclasses import replace

from query_api.events.history import time_us
from query_api.events.spans import Span, spans_of
from query_api.history.wanted import AnyOf, FieldWanted, Source, Wanted
from query_api.port import ReadModel
from read_model.history.terms import actor_term, artifact_term, experiment_term, stream_term, type_term
from schemas.errors import InvalidParameterValue
from schemas.events import EVENT_TYPES, REGISTERED_MODELS, STREAM_KINDS
from schemas.events.logged_models import LOGGED_MODELS
from schemas.events.runs import RUNS
from schemas.messages.bounds import shown
from schemas.messages.history import HistoryFilter


def registered_model_of(asked: HistoryFilter) -> str:
    """The stream of the registered model whose history is asked for, empty without one."""
    if asked.model:
        return REGISTERED_MODELS.stream(asked.model)
    return asked.stream if asked.stream.startswith(REGISTERED_MODELS.stream("")) else ""


async def wanted_of(asked: HistoryFilter, read_model: ReadModel) -> Wanted:
    """What is asked for. The read model is asked for the former names of a registered model alone.

    Raises InvalidParameterValue, TemporarilyUnavailable.
    """
    wanted = wanted_without_renames(asked)
    model = registered_model_of(asked)
    spans = await spans_of(read_model, model) if model else ()
    return replace(wanted, conditions=[*wanted.conditions, _of_spans(spans, model)]) if model else wanted


def wanted_of_one_name(asked: HistoryFilter) -> Wanted:
    """What is asked for, of a registered model under the one name alone. Raises InvalidParameterValue."""
    wanted = wanted_without_renames(asked)
    model = registered_model_of(asked)
    return replace(wanted, conditions=[*wanted.conditions, _of_spans((), model)]) if model else wanted


def wanted_without_renames(asked: HistoryFilter) -> Wanted:
    """What is asked for of everything but a registered model. Raises InvalidParameterValue."""
    conditions: list[AnyOf] = []
    if asked.experiment_id:
        if not asked.experiment_id.isascii() or not asked.experiment_id.isdigit() or len(asked.experiment_id) > 19:
            raise InvalidParameterValue(f"experiment_id must be a number, got {shown(asked.experiment_id)}.")
        conditions.append([Source(experiment_term(int(asked.experiment_id)))])
    if asked.run_id:
        conditions.append([Source(stream_term(RUNS.stream(asked.run_id)))])
    if asked.logged_model_id:
        conditions.append([Source(stream_term(LOGGED_MODELS.stream(asked.logged_model_id)))])
    if asked.artifact:
        conditions.append([Source(artifact_term(asked.artifact.strip("/")))])
    if asked.stream:
        kind, _, key = asked.stream.partition("/")
        if kind not in STREAM_KINDS or not key:
            raise InvalidParameterValue(f"{shown(asked.stream)} is no name of a stream, such as run/<id>.")
        if not registered_model_of(asked):
            conditions.append([Source(stream_term(asked.stream))])
    if asked.actor:
        conditions.append([Source(actor_term(asked.actor))])
    if asked.type:
        for one in asked.type:
            if one not in EVENT_TYPES:
                raise InvalidParameterValue(f"{shown(one)} is no type of events, such as run.created.")
        conditions.append([Source(type_term(one)) for one in asked.type])
    field = None
    if asked.field or asked.value is not None:
        field = FieldWanted.parse(asked.field, asked.value)
        conditions.append(field.sources())
    return Wanted(
        conditions,
        asked.request_id or None,
        field,
        time_us("since", asked.since),
        time_us("until", asked.until),
    )


def _of_spans(spans: Sequence[Span], stream: str) -> AnyOf:
    """The names that a registered model had, each as long as it had it."""
    if not spans:
        return [Source(stream_term(stream))]
    sources: list[Source] = []
    first = 0
    for span in spans:
        sources += [Source(stream_term(one), first, span.before_offset) for one in span.streams if one is not None]
        first = span.before_offset or first
    return sources
