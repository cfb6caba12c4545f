"""Where artifacts lie after the move: locations are texts that name folders of the machine they were written on."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import unquote

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")

_KEPT_PARTS: Final = 6
"""Parts of a path, from its end, that are looked for: `<experiment>/models/<model>/artifacts` and two more."""

Missing: TypeAlias = str
"""A sentence that says why artifacts are not where they should be."""


class Roots:
    """Locations as they are to be.

    `mapped` are pairs of how a location begins and how it is to begin. Other locations stay as they are, but for those
    of folders that are not there and have a namesake below `beside`, where the store is: it was moved with its files.
    """

    def __init__(self, mapped: Sequence[tuple[str, str]], beside: Path | None) -> None:
        self._mapped = sorted(mapped, key=lambda pair: len(pair[0]), reverse=True)
        self._beside = beside

    def location(self, found: str) -> str:
        """The location to keep in the place of the one that was found."""
        for old, new in self._mapped:
            if found == old or (found.startswith(old) and (old.endswith("/") or found[len(old)] == "/")):
                return new + found[len(old) :]
        return self._moved(found) if self._beside is not None and _is_local(found) else found

    def experiment(self, found: str, experiment_id: int) -> str:
        """The location of the artifacts of an experiment, which has this id here."""
        return self.location(found)

    def folder(self, found: str, path: str) -> tuple[str, Missing | None]:
        """The location of the artifacts of a run or a model; `path` is where they would be behind our artifact proxy.

        And, where they are not there as far as can be seen from here, a sentence that says so.
        """
        location = self.location(found)
        if location and _is_local(location) and not Path(_path_of(location)).is_dir():
            return location, f"the folder of its artifacts is not there: {location!r:.200}"
        return location, None

    def source(self, found: str, path: str) -> tuple[str, Missing | None]:
        """As `folder`, of the files of a model version, which may be a folder of its run."""
        return self.location(found), None

    def _moved(self, found: str) -> str:
        path = _path_of(found)
        if not path or (path.startswith("/") and Path(path).exists()):
            return found
        parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..")]
        assert self._beside is not None
        for start in range(max(len(parts) - _KEPT_PARTS, 0), len(parts) - 1):
            candidate = self._beside.joinpath(*parts[start:])
            try:
                if candidate.is_dir():
                    return str(candidate.resolve())
            except (OSError, ValueError):  # a name no disk can hold
                return found
        return found


def _path_of(location: str) -> str:
    return unquote(location.removeprefix("file://")) if location.startswith("file:") else location


def _is_local(location: str) -> bool:
    """Whether a location is a folder of some machine: a path, one with a drive's letter, or a URI of a file."""
    scheme = _SCHEME.match(location)
    return scheme is None or scheme[1].lower() == "file"
