"""What an event can be found by: its terms, each a number of 64 bits made of a name.

A number is kept in the place of the name, so that a name takes no room however long it is. Two names come to one number
once in a log of billions of names.
"""

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from schemas.envelope import RecordedEvent
from schemas.events import (
    AnyEvent,
    ArtifactDeleted,
    ArtifactUploaded,
    LoggedModelCreated,
    RunCreated,
    RunDataLogged,
    TraceSpansLogged,
    TraceStarted,
)
from schemas.events.experiments import ExperimentEvent
from schemas.events.logged_models import LOGGED_MODELS
from schemas.events.runs import RUNS
from schemas.touched_fields import METRIC, PARAM, TAG, TouchedField, touched_fields

MAX_FIELDS: Final = 64
"""Of so many fields of one event each has a term, and one of its value. One with more has ANY_FIELD in their place, and
is looked at whenever a field is asked for."""

MAX_FOLDERS: Final = 16
"""Of the path of an artifact: so many folders, from the root on, find what is in them."""

_RUN_ID_CHARACTERS: Final = 32
_REMEMBERED: Final = 50_000


def _number(name: str) -> int:
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), signed=True)


_term: Final = lru_cache(_REMEMBERED)(_number)


def stream_term(stream: str) -> int:
    return _term(f"s:{stream}")


def type_term(event_type: str) -> int:
    return _term(f"t:{event_type}")


def actor_term(user: str) -> int:
    return _term(f"u:{user}")


def experiment_term(experiment_id: int) -> int:
    """Of an experiment, its runs, its logged models, its traces and the artifacts of all of them."""
    return _term(f"e:{experiment_id}")


def artifact_term(path: str) -> int:
    """Of an artifact, or a folder with all that is in it. `path` has no slash at its ends.

    Outside of the destination it begins with the URI of its root.
    """
    return _term(f"f:{path}")


def field_term(kind: str, key: str) -> int:
    return _term(f"k:{kind}:{key}")


def value_term(kind: str, key: str, value: str) -> int:
    """Of a field and what it was set to. Metrics have none: their values are all different, and seldom asked for."""
    return _number(f"v:{kind}:{key}\0{value}")


ANY_FIELD: Final = _term("k:")


def kind_of(stream: str) -> str:
    return stream.partition("/")[0]


def is_owned(stream: str) -> bool:
    """Whether a stream is of something that lies in an experiment: of which one, its first event says."""
    return stream.startswith(("run/", "logged-model/", "trace/"))


def owned_stream(event: RecordedEvent, decoded: AnyEvent | None) -> str | None:
    """The stream of the run, logged model or trace that an event is about; None for one about none."""
    if is_owned(event.stream):
        return event.stream
    if isinstance(decoded, ArtifactUploaded | ArtifactDeleted):
        return _owner_of_path(decoded.path)
    return None


def owner_made(decoded: AnyEvent | None) -> int | None:
    """The experiment of the run, logged model or trace that an event makes; None for every other event."""
    makes = RunCreated | LoggedModelCreated | TraceStarted | TraceSpansLogged
    return decoded.experiment_id if isinstance(decoded, makes) else None


def experiment_of_path(event: ArtifactUploaded | ArtifactDeleted) -> int | None:
    """The experiment in whose folder an artifact lies, by the layout `<experiment>/…` below the destination."""
    first = event.path.partition("/")[0]
    return int(first) if not event.root and first.isascii() and first.isdigit() and len(first) < 19 else None


def terms_of(event: RecordedEvent, decoded: AnyEvent | None, experiment_id: int | None) -> Iterable[int]:
    """The terms of an event, each once. `decoded` is None for one that cannot be decoded.

    `experiment_id` is that of the run or logged model that it is about.
    """
    return (*terms_of_place(event, decoded, experiment_id), *terms_of_content(decoded))


def terms_of_place(event: RecordedEvent, decoded: AnyEvent | None, experiment_id: int | None) -> tuple[int, ...]:
    """Those that say where an event belongs and whose it is: those of one stream differ by type and user alone."""
    if experiment_id is None:
        if isinstance(decoded, ExperimentEvent):
            experiment_id = decoded.experiment_id
        elif isinstance(decoded, ArtifactUploaded | ArtifactDeleted):
            experiment_id = experiment_of_path(decoded)
    terms = (_term(f"s:{event.stream}"), _term(f"t:{event.type}"), _term(f"u:{event.actor.user}"))
    return terms if experiment_id is None else (*terms, _term(f"e:{experiment_id}"))


def terms_of_content(decoded: AnyEvent | None) -> Collection[int]:
    """Those of the fields or the artifact that an event is about."""
    if type(decoded) is RunDataLogged and len(decoded.metrics) == 1 and not decoded.params and not decoded.tags:
        return (_term(f"k:metric:{decoded.metrics[0].key}"),)  # most events are such
    if isinstance(decoded, ArtifactUploaded | ArtifactDeleted):
        return _of_artifact(decoded)
    names, valued = _fields(decoded)
    different = {*names, *(f"k:{kind}:{key}" for kind, key, _ in valued)}
    if len(different) > MAX_FIELDS:
        return (ANY_FIELD,)
    values = {value_term(kind, key, value) for kind, key, value in valued if value is not None and kind != METRIC}
    return [*map(_term, different), *values]


def _fields(decoded: AnyEvent | None) -> tuple[list[str], Sequence[TouchedField]]:
    """The names of metrics, and all other fields: most events are about metrics alone, whose values have no terms."""
    if not isinstance(decoded, RunDataLogged):
        return [], () if decoded is None else list(touched_fields(decoded))
    names = [f"k:metric:{one.key}" for one in decoded.metrics]
    if not decoded.params and not decoded.tags:
        return names, ()
    params = [TouchedField(PARAM, one.key, one.value) for one in decoded.params]
    return names, [*params, *(TouchedField(TAG, one.key, one.value) for one in decoded.tags)]


def _of_artifact(event: ArtifactUploaded | ArtifactDeleted) -> Collection[int]:
    path = f"{event.root}/{event.path}" if event.root else event.path
    segments = path.split("/")
    terms = {artifact_term("/".join(segments[:depth])) for depth in range(1, min(len(segments), MAX_FOLDERS) + 1)}
    terms.add(artifact_term(path))
    owner = _owner_of_path(event.path)
    if owner is not None:
        terms.add(stream_term(owner))
    return terms


def _owner_of_path(path: str) -> str | None:
    """The stream of the run or logged model whose artifact lies at a path. Source: the layouts of MLflow."""
    segments = path.split("/", 3)[:3]
    for number, segment in enumerate(segments):
        if segment == "models" and number + 1 < len(segments):
            return LOGGED_MODELS.stream(segments[number + 1])
        if len(segment) == _RUN_ID_CHARACTERS and segment.isalnum():
            return RUNS.stream(segment)
    return None
