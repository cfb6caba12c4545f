"""The artifacts of runs, logged models and traces that are pushed: each file once, and verified by its digest."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import file_digest
from os import walk
from pathlib import Path
from urllib.parse import quote

from schemas.events import artifact_folder
from schemas.events.logged_models import LOGGED_MODELS
from schemas.events.runs import RUNS
from schemas.events.traces import TRACES
from tracklog.bringing.requests import Refused
from tracklog.pushing.central import Central, StoredFile
from tracklog.pushing.report import Report
from tracklog.pushing.translation import folder_there, path_of


@dataclass(frozen=True, slots=True)
class FilePush:
    """`root` is the folder in which a server here keeps artifacts."""

    root: Path
    central: Central
    report: Report

    def push(self, folder: str) -> None:
        """The files of `<experiment>/<run>`, `<experiment>/models/<model>` or `<experiment>/traces/<trace>`."""
        parts = folder.split("/")
        if not {"", ".", ".."}.isdisjoint(parts):
            return  # no server makes such a folder
        below = self.root.joinpath(*parts, "artifacts")
        files = sorted(_files_in(below))
        if not files:
            return
        self.report.artifacts += len(files)
        if self.report.dry_run:
            return
        there = folder_there(self.central, parts)
        place = None if there is None else path_of(there)
        if place is None:
            where = "not on the server" if there is None else f"kept at {there}, where clients put them"
            self.report.note("left", f"the artifacts of {folder}: it is {where}")
            return
        stored = artifact_folder("/".join(place))
        known = self.central.files(stored) or {}
        sent: dict[str, StoredFile] = {}
        for file in files:
            path = "/".join([*place, *file.relative_to(below).parts])
            if (uploaded := self._push(file, path, known.get(path))) is not None:
                sent[path] = uploaded
        if sent and (found := self.central.files(stored)) is not None:
            self._verify(sent, found)
        elif sent:
            self.report.note("not compared", f"the artifacts of {folder}: who pushes may not read their history")

    def _push(self, file: Path, path: str, known: StoredFile | None) -> StoredFile | None:
        """What was uploaded; None where it is there already, or cannot be."""
        with file.open("rb") as content:
            sha256 = file_digest(content, "sha256").hexdigest()
            size = content.tell()
            if known is not None and known.sha256 == sha256:
                return None
            content.seek(0)
            try:
                self.central.upload(quote(path), content, size)
            except Refused as error:
                self.report.note("left", f"artifact {path}: {error}")
                return None
        self.report.uploaded += 1
        self.report.bytes_uploaded += size
        return StoredFile(size, sha256)

    def _verify(self, sent: dict[str, StoredFile], stored: dict[str, StoredFile]) -> None:
        for path, file in sent.items():
            found = stored.get(path)
            if found is None or found.sha256 not in (file.sha256, None):
                self.report.note("damaged", f"artifact {path} is not there as it was sent: push again")


def stream_of_folder(folder: str) -> str:
    """The stream of what a folder has the files of, by the layout of MLflow."""
    parts = folder.split("/")
    if len(parts) > 2:
        return {"models": LOGGED_MODELS, "traces": TRACES}.get(parts[1], RUNS).stream(parts[2])
    return RUNS.stream(parts[-1])


def _files_in(folder: Path) -> Iterator[Path]:
    """Every file at any depth. Links are not followed: they might lead anywhere."""
    for parent, _, names in walk(folder):
        for name in names:
            file = Path(parent, name)
            if not file.is_symlink() and file.is_file():
                yield file
