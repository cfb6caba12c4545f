"""From what a version of a registered model may be made.

The source of a version is written by one client and read by all the others. A source that this server itself could
read has to lie in the artifacts of the run or the logged model that is named with it; what lies elsewhere is kept as it
was sent, for clients that can read it themselves.
Source of the rules and their order: MLflow 3.17, as observed.
"""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit

from ingest.artifact_locations import MOST_DECODINGS
from ingest.model_versions.source_policy import SourcePolicy
from schemas.artifact_uris import PROXIED_SCHEMES, THIS_MACHINE
from schemas.errors import InvalidParameterValue
from schemas.messages.bounds import shown
from schemas.messages.model_versions import CreateModelVersion, version_of
from schemas.mlflow import IS_PROMPT_TAG, PROMPT_SOURCES, is_prompt_marker

LATEST: Final = "latest"
"""In `models:/name/latest`, in any letter case."""


@dataclass(frozen=True, slots=True)
class PromptSource:
    """One of PROMPT_SOURCES."""


@dataclass(frozen=True, slots=True)
class RunSource:
    """`runs:/<id>/path`, of the run that is named with it."""

    path: str


@dataclass(frozen=True, slots=True)
class LoggedModelSource:
    """`models:/m-…`, the logged model that is named with it."""


@dataclass(frozen=True, slots=True)
class NumberedSource:
    """`models:/name/3`, another version. The number is 0 where no version can have it."""

    name: str
    version: int


@dataclass(frozen=True, slots=True)
class AliasSource:
    """`models:/name@alias`, another version."""

    name: str
    alias: str


@dataclass(frozen=True, slots=True)
class LatestSource:
    """`models:/name/latest`, another version."""

    name: str


@dataclass(frozen=True, slots=True)
class StageSource:
    """`models:/name/Stage`, another version. The stage is as it was spelt: there may be no such."""

    name: str
    stage: str


@dataclass(frozen=True, slots=True)
class Location:
    """A place. `must_be_owned`: in the artifacts of the run or the logged model that is named with it."""

    must_be_owned: bool


VersionSource: TypeAlias = NumberedSource | AliasSource | LatestSource | StageSource
Source: TypeAlias = PromptSource | RunSource | LoggedModelSource | VersionSource | Location


def source_of(command: CreateModelVersion, policy: SourcePolicy) -> Source:
    """What the source of a request is. Raises InvalidParameterValue for what it cannot be, whatever there is."""
    source = command.source
    if policy.pattern is not None and policy.pattern.search(source) is None:
        raise refused(source, "does not match what the operator of this server set for sources")
    if _is_of_prompt(command):
        if source not in PROMPT_SOURCES:
            raise refused(source, f"is not that of a prompt, which is one of {', '.join(PROMPT_SOURCES)}")
        return PromptSource()
    if not source.isprintable():
        raise refused(source, "holds a character that cannot be printed, such as a line feed")
    try:
        parts = urlsplit(source)
        is_foreign = policy.is_foreign_host(parts)
    except ValueError as error:
        raise refused(source, f"is not a URI: {error}") from error
    if is_foreign and not _names_owner(command):
        raise foreign_host(source)
    if has_dots(source):
        raise refused(source, "holds a segment '.' or '..', or an escape that is escaped too often")
    match parts.scheme:
        case "models":
            return _of_models(command, parts)
        case "runs":
            return _of_run(command, parts)
        case "" | "file":
            if parts.netloc not in THIS_MACHINE:
                raise refused(source, "is a path of another machine")
            return _owned(command)
        case scheme:
            if not parts.path.startswith("/"):
                raise refused(source, "has no absolute path")
            is_own_proxy = scheme in PROXIED_SCHEMES and policy.is_own_host(parts)
            if is_foreign or is_own_proxy or scheme == "mlflow-artifacts":
                return _owned(command)
            return Location(must_be_owned=False)


def has_dots(text: str) -> bool:
    """Whether a segment is `.` or `..`, also where it is escaped, or escaped more often than anyone would resolve."""
    for _ in range(MOST_DECODINGS):
        plain = unquote(text)
        if plain == text:
            return not {".", ".."}.isdisjoint(re.split(r"[/\\]", plain))
        text = plain
    return True


def _is_of_prompt(command: CreateModelVersion) -> bool:
    """Whether the tags of a request say so; of equal keys the last counts."""
    last = {tag.key: tag.value for tag in command.tags}
    return is_prompt_marker(IS_PROMPT_TAG, last.get(IS_PROMPT_TAG, ""))


def _names_owner(command: CreateModelVersion) -> bool:
    return bool(command.run_id or command.model_id)


def _owned(command: CreateModelVersion) -> Location:
    if not _names_owner(command):
        raise not_owned(command)
    return Location(must_be_owned=True)


def _of_run(command: CreateModelVersion, parts: SplitResult) -> RunSource:
    run_id, _, path = parts.path.removeprefix("/").partition("/")
    if not parts.path.startswith("/"):
        raise refused(command.source, "has no absolute path")
    if parts.netloc or command.model_id or not run_id or run_id != command.run_id:
        raise not_owned(command)
    return RunSource(path.strip("/"))


def _of_models(command: CreateModelVersion, parts: SplitResult) -> LoggedModelSource | VersionSource:
    if parts.netloc:
        raise refused(command.source, "names another registry than this one")
    if not parts.path.startswith("/") or parts.fragment:
        raise refused(command.source, "has no absolute path, or a fragment")
    match parts.path.lstrip("/").split("/"):
        case [name, version] if name.strip() and version.strip():
            if version.isdecimal():
                return NumberedSource(name, version_of(version))
            return LatestSource(name) if version.lower() == LATEST else StageSource(name, version)
        case [text] if "@" in text:
            name, alias = text.rsplit("@", 1)
            if name.strip() and alias.strip():
                return AliasSource(name, alias)
        case [model_id] if model_id and model_id == command.model_id:
            return LoggedModelSource()
    raise refused(command.source, "is neither a version of a model nor the logged model that 'model_id' names")


def refused(source: str, fault: str) -> InvalidParameterValue:
    """The refusal of a source; `fault` ends the sentence."""
    return InvalidParameterValue(f"Invalid model version source: {shown(source)} {fault}.")


def not_owned(command: CreateModelVersion) -> InvalidParameterValue:
    """The refusal of a source that does not lie in what is named with it."""
    owner = "logged model that 'model_id'" if command.model_id else "run that 'run_id'"
    return refused(command.source, f"has to lie in the artifacts of the {owner} names")


def foreign_host(source: str) -> InvalidParameterValue:
    """The refusal of a source that names a host to connect to."""
    return refused(source, "cannot be used: its scheme names a host, which is not that of this server's artifacts")
