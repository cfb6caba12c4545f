"""The projection of logged models, their params and tags. Their metrics are reported by runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, get_args

from projector.changes import Change, Delete, DeleteBy, Insert, Read, ReadPairs, Update, Upsert
from projector.erasures import refuse_erasure
from projector.model_versions_tag import merged, with_version
from projector.projection import Loading, Orphan, Projection
from schemas.envelope import RecordedEvent
from schemas.errors import BadRequest
from schemas.events import (
    AnyLoggedModelEvent,
    LoggedModelCreated,
    LoggedModelDeleted,
    LoggedModelErased,
    LoggedModelFinalized,
    LoggedModelParamsLogged,
    LoggedModelRestored,
    LoggedModelTagDeleted,
    LoggedModelTagsSet,
    LoggedModelVersionRegistered,
)
from schemas.fields import refuse_if_changed
from schemas.fields.field import TAGS, Value
from schemas.mlflow import ACTIVE, MODEL_VERSIONS_TAG, NEW_LOGGED_MODEL_STATUS, lifecycle_stage


@dataclass(slots=True)
class LoggedModel:
    """A row of `logged_models`, and what of its data the batch needs or changes."""

    model_id: str
    experiment_id: int
    name: str
    model_type: str
    source_run_id: str
    status: int
    artifact_location: str
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int
    active: bool = True
    is_new: bool = False
    changed: bool = False
    params: dict[str, str] = field(default_factory=dict)
    new_params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str | None] = field(default_factory=dict)  # changes only; None deletes
    stored_tags: dict[str, str] = field(default_factory=dict)  # before the batch, those that it needs

    @property
    def versions(self) -> str | None:
        return self.tags.get(MODEL_VERSIONS_TAG, self.stored_tags.get(MODEL_VERSIONS_TAG))


_COLUMNS: Final = (
    "model_id",
    "experiment_id",
    "name",
    "model_type",
    "source_run_id",
    "status",
    "artifact_location",
    "creation_timestamp_ms",
    "last_updated_timestamp_ms",
    "lifecycle_stage",
)
_CHANGING: Final = ("status", "last_updated_timestamp_ms", "lifecycle_stage")


@dataclass(slots=True)
class LoggedModels:
    """The models that a batch is about, by their ids, and those that it erases."""

    models: dict[str, LoggedModel]
    erased: list[str] = field(default_factory=list)


def _load(events: Sequence[AnyLoggedModelEvent]) -> Loading[LoggedModels]:
    params: dict[str, set[str]] = {}
    for event in events:
        keys = params.setdefault(event.model_id, set())
        if isinstance(event, LoggedModelParamsLogged):
            keys.update(param.key for param in event.params)
    models: dict[str, LoggedModel] = {}
    for row in (yield Read("logged_models", _COLUMNS, "model_id", params)):
        model = LoggedModel(*row)
        model.active = row[-1] == ACTIVE
        models[model.model_id] = model
    wanted = {model_id: params[model_id] for model_id in models if params[model_id]}
    for model_id, key, value in (
        yield ReadPairs("logged_model_params", ("model_id", "key", "value"), ("model_id", "key"), wanted)
    ):
        models[model_id].params[key] = value
    needed: dict[str, set[str]] = {}
    for event in events:
        if keys := _needed_tags(event):
            needed.setdefault(event.model_id, set()).update(keys)
    for model_id, key, value in (
        yield ReadPairs("logged_model_tags", ("model_id", "key", "value"), ("model_id", "key"), needed)
    ):
        if model_id in models:
            models[model_id].stored_tags[key] = value
    return LoggedModels(models)


def _needed_tags(event: AnyLoggedModelEvent) -> set[str]:
    """The list of versions where the event adds to it, and what an undo says that it found."""
    keys = {MODEL_VERSIONS_TAG} if _adds_versions(event) else set()
    if event.undo is not None:
        keys.update(one.removeprefix(TAGS) for one in event.undo.found if one.startswith(TAGS))
    return keys


def _adds_versions(event: AnyLoggedModelEvent) -> bool:
    match event:
        case LoggedModelVersionRegistered():
            return True
        case LoggedModelTagsSet():
            return any(tag.key == MODEL_VERSIONS_TAG for tag in event.tags)
        case _:
            return False


def _fold(state: LoggedModels, recorded: RecordedEvent, event: AnyLoggedModelEvent) -> None:
    models = state.models
    if event.undo is not None:
        refuse_if_changed(event.undo, partial(_held, _model(models, event.model_id)))
    match event:
        case LoggedModelCreated():
            _created(models, recorded, event)
        case LoggedModelFinalized():
            model = _model(models, event.model_id)
            model.status = event.status
            _changed(model, recorded)
        case LoggedModelParamsLogged():
            _params_logged(_model(models, event.model_id), event)
        case LoggedModelTagsSet():
            _tags_set(_model(models, event.model_id), event)
        case LoggedModelTagDeleted():
            _model(models, event.model_id).tags[event.key] = None
        case LoggedModelVersionRegistered():
            model = _model(models, event.model_id)
            model.tags[MODEL_VERSIONS_TAG] = with_version(model.versions, event.name, event.version)
        case LoggedModelDeleted() | LoggedModelRestored():
            model = _model(models, event.model_id)
            model.active = isinstance(event, LoggedModelRestored)
            _changed(model, recorded)
        case LoggedModelErased():
            _erased(state, recorded, event)


def _held(model: LoggedModel, name: str) -> Value:
    """What a field of a model is, of those that an event of the batch says that it found."""
    match name:
        case "status":
            return model.status
        case "lifecycle_stage":
            return lifecycle_stage(model.active)
        case _:
            key = name.removeprefix(TAGS)
            return model.tags[key] if key in model.tags else model.stored_tags.get(key)


def _erased(state: LoggedModels, recorded: RecordedEvent, event: LoggedModelErased) -> None:
    model = state.models.get(event.model_id)
    refuse_erasure(recorded, event, is_active=None if model is None else model.active)
    if model is not None:
        del state.models[event.model_id]
        state.erased.append(event.model_id)


def _model(models: dict[str, LoggedModel], model_id: str) -> LoggedModel:
    model = models.get(model_id)
    if model is None:
        raise Orphan(f"logged model {model_id!r} was never created")
    return model


def _created(models: dict[str, LoggedModel], recorded: RecordedEvent, event: LoggedModelCreated) -> None:
    """Model ids are random, so a second creation is a repeat of the first."""
    if event.model_id in models:
        return
    time_ms = recorded.time_us // 1000
    models[event.model_id] = LoggedModel(
        model_id=event.model_id,
        experiment_id=event.experiment_id,
        name=event.name,
        model_type=event.model_type,
        source_run_id=event.source_run_id,
        status=NEW_LOGGED_MODEL_STATUS,
        artifact_location=event.artifact_location,
        creation_timestamp_ms=time_ms,
        last_updated_timestamp_ms=time_ms,
        is_new=True,
        params={param.key: param.value for param in event.params},
        new_params={param.key: param.value for param in event.params},
        tags={tag.key: tag.value for tag in event.tags},
    )


def _changed(model: LoggedModel, recorded: RecordedEvent) -> None:
    """Params, tags and metrics of a model change it as little as those of a run do."""
    model.last_updated_timestamp_ms = max(model.last_updated_timestamp_ms, recorded.time_us // 1000)
    model.changed = True


def _tags_set(model: LoggedModel, event: LoggedModelTagsSet) -> None:
    """The list of versions only grows: clients write what they read, with one more, and may have read it too early."""
    for tag in event.tags:
        model.tags[tag.key] = merged(model.versions, tag.value) if tag.key == MODEL_VERSIONS_TAG else tag.value


def _params_logged(model: LoggedModel, event: LoggedModelParamsLogged) -> None:
    """A param that is there loses, even with the same value, and with it the whole request: so it is in MLflow."""
    for param in event.params:
        if param.key in model.params:
            raise BadRequest(
                f"Param '{param.key}' of logged model '{model.model_id}' exists already: params never change."
            )
    for param in event.params:
        model.params[param.key] = model.new_params[param.key] = param.value


_OF_A_MODEL: Final = ("logged_model_params", "logged_model_tags", "logged_model_metrics", "logged_models")
"""The tables with rows of a model, by its id."""


def _changes(state: LoggedModels) -> Iterator[Change]:
    all_models = state.models.values()
    yield Insert(
        "logged_models",
        [
            (
                model.model_id,
                model.experiment_id,
                model.name,
                model.model_type,
                model.source_run_id,
                model.status,
                model.artifact_location,
                model.creation_timestamp_ms,
                model.last_updated_timestamp_ms,
                lifecycle_stage(model.active),
            )
            for model in all_models
            if model.is_new
        ],
    )
    yield Update(
        "logged_models",
        _CHANGING,
        [
            (model.status, model.last_updated_timestamp_ms, lifecycle_stage(model.active), model.model_id)
            for model in all_models
            if model.changed and not model.is_new
        ],
    )
    yield Insert(
        "logged_model_params",
        [(model.model_id, *param) for model in all_models for param in sorted(model.new_params.items())],
    )
    tags = [(model.model_id, key, value) for model in all_models for key, value in sorted(model.tags.items())]
    yield Upsert("logged_model_tags", [row for row in tags if row[2] is not None])
    yield Delete("logged_model_tags", [row[:2] for row in tags if row[2] is None])
    for table in _OF_A_MODEL:
        yield DeleteBy(table, "model_id", [(one,) for one in state.erased])


LOGGED_MODELS: Final = Projection(get_args(AnyLoggedModelEvent), _load, _fold, _changes)
