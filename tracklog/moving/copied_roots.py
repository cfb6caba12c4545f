"""Locations of artifacts that are copied: what lies where an operator said comes behind the artifact proxy."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from artifact_proxy.artifact_path import folder_path
from artifact_proxy.artifact_roots import ArtifactRoots
from schemas.artifact_uris import PROXIED_SCHEMES
from schemas.errors import InvalidParameterValue
from tracklog.moving.roots import Missing, Roots

_REFERENCES: Final = ("runs", "models")
"""Schemes of sources of model versions that name something of the tracking server, and no place."""


class CopiedRoots(Roots):
    """What lies below `places` is to be copied to the target's destination, and everything else stays where it is.

    Locations were written by whoever used the old server, so only places that the operator named are read: another one
    might be `/etc`. What lay behind the old server's artifact proxy comes to the same path; of all others `copied` says
    which folder here theirs becomes, by the location as it was found.
    """

    def __init__(self, mapped: Sequence[tuple[str, str]], beside: Path | None, places: ArtifactRoots) -> None:
        super().__init__(mapped, beside)
        self._places = places
        self.copied: dict[str, str] = {}

    def experiment(self, found: str, experiment_id: int) -> str:
        location = self.location(found)
        if (path := self._path(location, str(experiment_id))) is None:
            return location
        return _proxied(path)

    def folder(self, found: str, path: str) -> tuple[str, Missing | None]:
        location = self.location(found)
        if not location:
            return location, None
        wanted = self._path(location, path)
        if wanted is None:
            return location, f"not copied: {location!r:.200} is in no place that was named to copy from"
        return _proxied(self.copied.setdefault(found, wanted)), None

    def source(self, found: str, path: str) -> tuple[str, Missing | None]:
        """Below a folder that is copied anyway, or one of its own."""
        if not found or urlsplit(found).scheme in _REFERENCES:
            return found, None
        end = len(found)
        while end > 0:
            if (copied := self.copied.get(found[:end])) is not None:
                return _proxied(copied + found[end:]), None
            end = found.rfind("/", 0, end)
        return self.folder(found, path)

    def _path(self, location: str, path: str) -> str | None:
        """Where below the destination a location is to be; None where it is none that may be read."""
        try:
            place = self._places.place(location)
            wanted = place.path if urlsplit(location).scheme in PROXIED_SCHEMES else folder_path(path)
        except (InvalidParameterValue, ValueError):
            return None
        return str(wanted)


def _proxied(path: str) -> str:
    return f"mlflow-artifacts:/{quote(path)}"
