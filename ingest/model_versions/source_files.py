"""What a new version keeps of its source: where its files are, once what the source is about was looked up."""

from dataclasses import dataclass
from typing import NamedTuple, assert_never
from urllib.parse import unquote, urlsplit

from ingest.admission.lookups import Lookup, Parameter
from ingest.model_versions.lookups import LATEST_VERSION, LATEST_VERSION_IN_STAGE, VERSION, VERSION_OF_ALIAS
from ingest.model_versions.sources import (
    AliasSource,
    LatestSource,
    Location,
    LoggedModelSource,
    NumberedSource,
    PromptSource,
    RunSource,
    Source,
    StageSource,
    VersionSource,
    not_owned,
    refused,
)
from ingest.model_versions.state import KnownVersion, LoggedModelFiles
from ingest.registered_models.state import NameHolder
from schemas.artifact_uris import THIS_MACHINE, below
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist, TracklogError
from schemas.messages.model_versions import CreateModelVersion, model_version_not_found, stage_of
from schemas.messages.registered_models import registered_model_not_found


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was looked up for a request; None where there is no such thing, or nobody asked for it.

    `version` is that of a VersionSource. `run_artifacts` is where the artifacts are of the run that the request names.
    """

    version: KnownVersion | None = None
    logged_model: LoggedModelFiles | None = None
    run_artifacts: str | None = None


class Files(NamedTuple):
    """What a new version keeps."""

    source: str
    storage_location: str
    run_id: str


def files_of(command: CreateModelVersion, source: Source, found: Found) -> Files:
    """The run of the version is the one that is named, or else that of its logged model or of the version it is from.

    Raises InvalidParameterValue for a source outside of what is named with it, ResourceDoesNotExist for what is gone.
    """
    model = found.logged_model
    if isinstance(source, Location) and source.must_be_owned:
        owner = found.run_artifacts if model is None else model.artifact_location
        if owner is None or not is_inside(command.source, owner):
            raise not_owned(command)
    if command.model_id and model is None:
        raise ResourceDoesNotExist(f"Logged model with ID '{command.model_id}' not found.")
    run_id = command.run_id or (model.source_run_id if model else "")
    match source:
        case PromptSource() | Location():
            return Files(command.source, command.source, run_id)
        case RunSource(path=path):
            if found.run_artifacts is None:
                raise ResourceDoesNotExist(f"Run with id={command.run_id} not found")
            location = below(found.run_artifacts, path) if path else found.run_artifacts
            return Files(command.source, location, run_id)
        case LoggedModelSource():
            assert model is not None, "it is the one that the request names"
            return Files(command.source, model.artifact_location, run_id)
        case NumberedSource() | AliasSource() | LatestSource() | StageSource():
            assert found.version is not None, "without it there is nothing to ask for"
            return _files_of_version(command, found.version)
        case _:
            assert_never(source)


def _files_of_version(command: CreateModelVersion, version: KnownVersion) -> Files:
    """By its number, whatever happens to the alias; with its run, and with its logged model when one is named."""
    is_its_run = command.run_id in ("", version.run_id)
    is_its_model = command.model_id in ("", version.logged_model_id)
    if not (is_its_run and is_its_model):
        raise refused(command.source, "is of another run or logged model than 'run_id' and 'model_id' name")
    return Files(f"models:/{version.name}/{version.version}", version.storage_location, version.run_id)


def check_source_model(command: CreateModelVersion, source: VersionSource, holder: NameHolder | None) -> None:
    """Refuse a model that is not there, or a prompt. Raises ResourceDoesNotExist or InvalidParameterValue."""
    if holder is None:
        raise registered_model_not_found(source.name)
    if holder.is_prompt:
        raise refused(command.source, "is a prompt, which has no files")


def version_lookup(source: VersionSource) -> tuple[Lookup[KnownVersion], tuple[Parameter, ...]]:
    """What finds the version. Raises InvalidParameterValue for a stage that there is none of."""
    match source:
        case NumberedSource(name=name, version=version):
            return VERSION, (f"{name}/{version}",)
        case AliasSource(name=name, alias=alias):
            return VERSION_OF_ALIAS, (f"{name}@{alias}",)
        case LatestSource(name=name):
            return LATEST_VERSION, (name,)
        case StageSource(name=name, stage=stage):
            return LATEST_VERSION_IN_STAGE, (name, stage_of(stage))
        case _:
            assert_never(source)


def version_not_found(source: VersionSource) -> TracklogError:
    """The error for a version that is not there."""
    match source:
        case NumberedSource(name=name, version=version):
            return model_version_not_found(name, version)
        case AliasSource(alias=alias):
            return InvalidParameterValue(f"Registered model alias {alias} not found.")
        case LatestSource(name=name):
            return ResourceDoesNotExist(f"Registered Model (name={name}) has no versions.")
        case StageSource(name=name, stage=stage):
            return ResourceDoesNotExist(f"Registered Model (name={name}) has no version in stage {stage}.")
        case _:
            assert_never(source)


def is_inside(location: str, folder: str) -> bool:
    """Whether a place is a folder or lies in it, by whole segments, each decoded once as whoever reads it does."""
    where, path = _place(location)
    folder_where, folder_path = _place(folder)
    return where == folder_where and path[: len(folder_path)] == folder_path


def _place(location: str) -> tuple[tuple[str, str], list[str]]:
    """Scheme and host, and the segments of the path. A path of this machine has neither."""
    parts = urlsplit(location)
    if not parts.scheme:
        return ("", ""), location.rstrip("/").split("/")
    path = unquote(parts.path).rstrip("/").split("/")
    if parts.scheme == "file" and parts.netloc in THIS_MACHINE:
        return ("", ""), path
    return (parts.scheme, parts.netloc.lower()), path
