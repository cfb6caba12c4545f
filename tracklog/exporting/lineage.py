"""What a run or a version of a model comes from and became: run, logged models, versions and aliases."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from event_log.streams import StreamReader
from schemas.codec import UndecodableEvent, decode
from schemas.envelope import Positions, RecordedEvent
from schemas.events import (
    REGISTERED_MODELS,
    REGISTERED_MODELS_ORDERING_UNIT,
    AnyEvent,
    LoggedModelCreated,
    ModelVersionCreated,
    RegisteredModelAliasDeleted,
    RegisteredModelAliasSet,
    RegisteredModelCreated,
    RegisteredModelDeleted,
    RegisteredModelRenamed,
    RegisteredModelRestored,
    RunCreated,
    RunOutputsLogged,
)
from schemas.events.artifacts import ARTIFACTS, artifact_folder
from schemas.events.experiments import EXPERIMENTS
from schemas.events.logged_models import LOGGED_MODELS
from schemas.events.runs import RUNS

_PROXIED: Final = "mlflow-artifacts"

_OF_REGISTRY: Final = (
    "registered-model.created",
    "registered-model.renamed",
    "registered-model.deleted",
    "registered-model.restored",
    "registered-model.alias-set",
    "registered-model.alias-deleted",
    "model-version.created",
)


class NoSubject(Exception):
    """There is no such run or version among the events that are signed."""


@dataclass(slots=True)
class _Version:
    number: int
    run_id: str
    logged_model_id: str


@dataclass(slots=True)
class _Model:
    """A registered model: every name it had, the last one its present name."""

    registered_model_id: str
    names: list[str]
    versions: list[_Version] = field(default_factory=list)
    aliases: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Lineage:
    """Of one subject. `streams` are those of everything that it is about."""

    runs: list[str] = field(default_factory=list)
    logged_models: list[str] = field(default_factory=list)
    versions: list[dict[str, Any]] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        return {"runs": self.runs, "logged_models": self.logged_models, "model_versions": self.versions}


async def lineage_of(streams: StreamReader, subject: str, until: Positions) -> Lineage:
    """That of `run/ID` or `model-version/NAME/VERSION`, by the events before `until`.

    Raises NoSubject, LogUnavailable.
    """
    kind, _, key = subject.partition("/")
    models = await _registry(streams, until)
    if kind == "run" and key:
        return await _of(streams, until, models, [key], [], subject)
    name, _, number = key.rpartition("/")
    if kind == "model-version" and name and number.isdecimal():
        for model in models:
            for version in model.versions:
                if model.names[-1] == name and version.number == int(number):
                    run_ids = [version.run_id] if version.run_id else []
                    model_ids = [version.logged_model_id] if version.logged_model_id else []
                    return await _of(streams, until, [model], run_ids, model_ids, subject, version)
        raise NoSubject(f"No version {number} of the registered model {name} is among the events that are signed.")
    raise NoSubject(f"{subject!r} is neither run/ID nor model-version/NAME/VERSION.")


async def _of(
    streams: StreamReader,
    until: Positions,
    models: list[_Model],
    run_ids: list[str],
    model_ids: list[str],
    subject: str,
    only: _Version | None = None,
) -> Lineage:
    lineage = Lineage(runs=run_ids, logged_models=list(model_ids))
    artifacts: list[str] = []
    experiments: list[int] = []
    for run_id in run_ids:
        events = [event async for event in _decoded(streams, RUNS.stream(run_id), until)]
        if not events and subject.startswith("run/"):
            raise NoSubject(f"No event of the run {run_id} is among those that are signed.")
        for event in events:
            if isinstance(event, RunCreated):
                experiments.append(event.experiment_id)
                artifacts += _folder(event.artifact_uri)
            elif isinstance(event, RunOutputsLogged) and only is None:
                lineage.logged_models += [one.model_id for one in event.models]
    lineage.logged_models = list(dict.fromkeys(lineage.logged_models))
    for model_id in lineage.logged_models:
        async for event in _decoded(streams, LOGGED_MODELS.stream(model_id), until):
            if isinstance(event, LoggedModelCreated):
                experiments.append(event.experiment_id)
                artifacts += _folder(event.artifact_location)
    registered: list[str] = []
    for model in models:
        found = [one for one in model.versions if one is only or (only is None and _is_from(one, lineage))]
        for version in found:
            aliases = sorted(alias for alias, number in model.aliases.items() if number == version.number)
            lineage.versions.append({"name": model.names[-1], "version": version.number, "aliases": aliases})
        if found:
            registered += model.names
    named: Iterable[str] = (
        *(RUNS.stream(one) for one in lineage.runs),
        *(EXPERIMENTS.stream(str(one)) for one in experiments),
        *(LOGGED_MODELS.stream(one) for one in lineage.logged_models),
        *(ARTIFACTS.stream(one) for one in artifacts),
        *(REGISTERED_MODELS.stream(one) for one in registered),
    )
    lineage.streams = sorted(set(named))
    return lineage


def _is_from(version: _Version, lineage: Lineage) -> bool:
    return version.run_id in lineage.runs or version.logged_model_id in lineage.logged_models


async def _registry(streams: StreamReader, until: Positions) -> list[_Model]:
    """Every registered model that there was, with its versions by their numbers."""
    found: list[RecordedEvent] = []
    for event_type in _OF_REGISTRY:
        async for events in streams.events_of_type(event_type, REGISTERED_MODELS_ORDERING_UNIT, until):
            found += events
    found.sort(key=lambda event: event.offset)
    all_models: list[_Model] = []
    named: dict[str, _Model] = {}
    for recorded in found:
        match _decoded_or_none(recorded):
            case RegisteredModelCreated(name=name, registered_model_id=model_id) if name not in named:
                named[name] = _Model(model_id, [name])
                all_models.append(named[name])
            case RegisteredModelRestored(name=name, registered_model_id=model_id) if name not in named:
                for model in all_models:
                    if model.registered_model_id == model_id:
                        named[name] = model
                        model.aliases.clear()
            case RegisteredModelRenamed(name=name, new_name=new_name) if name in named and new_name not in named:
                named[new_name] = named.pop(name)
                named[new_name].names.append(new_name)
            case RegisteredModelDeleted(name=name):
                named.pop(name, None)
            case RegisteredModelAliasSet(name=name, alias=alias, version=version) if name in named:
                named[name].aliases[alias] = version
            case RegisteredModelAliasDeleted(name=name, alias=alias) if name in named:
                named[name].aliases.pop(alias, None)
            case ModelVersionCreated(name=name, run_id=run_id, logged_model_id=logged_model_id) if name in named:
                versions = named[name].versions
                versions.append(_Version(len(versions) + 1, run_id, logged_model_id))
            case _:
                pass
    return all_models


async def _decoded(streams: StreamReader, stream: str, until: Positions) -> Any:
    async for events in streams.events_of(stream, until):
        for recorded in events:
            event = _decoded_or_none(recorded)
            if event is not None:
                yield event


def _decoded_or_none(recorded: RecordedEvent) -> AnyEvent | None:
    """None for an event that cannot be read, or was forgotten."""
    try:
        return decode(recorded)
    except UndecodableEvent:
        return None


def _folder(uri: str) -> list[str]:
    """The folder of artifacts in the destination of the proxy; none for what lies elsewhere."""
    parts = urlsplit(uri)
    path = parts.path.strip("/")
    return [artifact_folder(path)] if parts.scheme == _PROXIED and path else []
