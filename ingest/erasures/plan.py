"""What would be erased, and what is left out and why."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from ingest.erasures.lookups import EXPERIMENT, LOGGED_MODEL, RUN, TRACE, Candidate, Registered
from schemas.errors import InvalidParameterValue
from schemas.event_json import time_text
from schemas.events import artifact_folder
from schemas.events.artifacts import ARTIFACTS

_AGE: Final = re.compile(
    r"(?:(?P<days>\d+(?:\.\d+)?)d)?(?:(?P<hours>\d+(?:\.\d+)?)h)?(?:(?P<minutes>\d+(?:\.\d+)?)m)?"
    r"(?:(?P<seconds>\d+(?:\.\d+)?)s)?"
)
_SECONDS: Final = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}

AT_ONCE: Final = 100
"""Traces, or what else goes with an experiment, that are erased side by side."""

NOT_REACHED: Final = (
    "Its artifacts lie at {uri}, which is not reached from here, or not as a folder of its own: remove them, and erase"
    " it without artifacts."
)
NOT_LOOKED_AT: Final = "Its artifacts cannot be looked at: {why}"
REGISTERED: Final = "It holds the files of version {version} of the registered model {name!r}."
NOT_EMPTY: Final = "{key} of it is left out."


@dataclass(slots=True)
class PlannedErasure:
    """`is_whole`: nothing more of what is asked for is in a later plan."""

    erased: list[Candidate] = field(default_factory=list)
    left_out: dict[Candidate, str] = field(default_factory=dict)
    is_whole: bool = True

    @property
    def digest(self) -> str:
        """Of what is erased."""
        return sha256("\n".join(one.stream for one in self.erased).encode()).hexdigest()

    def document(self) -> dict[str, Any]:
        """As it is answered."""
        return {
            "erased": [_shown(one) for one in self.erased],
            "left_out": [{**_shown(one), "reason": why} for one, why in self.left_out.items()],
            "is_whole": self.is_whole,
            "digest": self.digest,
        }


def _shown(one: Candidate) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "id": one.key,
        "name": one.name,
        "experiment_id": str(one.experiment_id),
        "deleted": time_text(one.deleted_us or 0),
        "artifact_uri": one.artifact_uri,
    }


def age_us(text: str) -> int:
    """`1d2h3m4.5s`, each part optional, as microseconds; 0 of an empty text. Raises InvalidParameterValue."""
    found = _AGE.fullmatch(text)
    if found is None or (text and not any(found.groups())):
        raise InvalidParameterValue(f"older_than is a time such as 1d2h3m4s, got {text!r}.")
    return round(sum(float(found[unit] or 0) * seconds for unit, seconds in _SECONDS.items()) * 1_000_000)


def held_by(one: Candidate, versions: Iterable[Registered]) -> Registered | None:
    """A version of a registered model of which the files are those of a run or a logged model."""
    for version in versions:
        if one.kind == LOGGED_MODEL and version.logged_model_id == one.key:
            return version
        if one.kind == RUN and version.run_id == one.key and _are_in(one.artifact_uri, one.key, version):
            return version
    return None


def _are_in(folder: str, run_id: str, version: Registered) -> bool:
    begins = (folder.rstrip("/") + "/", f"runs:/{run_id}/")
    return any(location.startswith(begins) for location in (version.source, version.storage_location))


def streams_of(one: Candidate) -> list[str]:
    """The streams whose events are about something alone: its own, and that of its artifacts."""
    if one.kind == EXPERIMENT:
        return [one.stream]
    below = f"{one.experiment_id}/models/{one.key}/" if one.kind == LOGGED_MODEL else f"{one.experiment_id}/{one.key}/"
    _, _, path = one.artifact_uri.partition(":/")
    folders = (artifact_folder(below), artifact_folder(path.lstrip("/")))
    return [one.stream, *dict.fromkeys(ARTIFACTS.stream(each) for each in folders if one.key in each.split("/"))]


def ordered(found: Sequence[Candidate]) -> list[Candidate]:
    """Each once, experiments behind what is in them."""
    return sorted(dict.fromkeys(found), key=lambda one: one.kind == EXPERIMENT)


def side_by_side(ordered: Sequence[Candidate]) -> Iterator[Sequence[Candidate]]:
    """What is erased at once: some traces, of which there may be many, or one thing of another kind."""
    begin = 0
    while begin < len(ordered):
        end = begin + 1
        while end < min(len(ordered), begin + AT_ONCE) and ordered[begin].kind == ordered[end].kind == TRACE:
            end += 1
        yield ordered[begin:end]
        begin = end
