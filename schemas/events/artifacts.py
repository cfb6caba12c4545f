"""The events of artifacts, in the stream artifact/<folder>: that of a run, a logged model or a trace."""

from typing import Final

from schemas.events.event import Event, StreamKind

ARTIFACTS: Final = StreamKind("artifact")

FOLDERS_OF_AN_EXPERIMENT: Final = ("models", "traces")
"""Where an experiment keeps the artifacts of what is not a run."""


def artifact_folder(path: str) -> str:
    """The run, logged model or trace that an artifact is of, as the beginning of its path; of other paths two names.

    Source: the layouts `<experiment>/<run>/artifacts/…` and `<experiment>/models/<model>/artifacts/…` of MLflow.
    """
    first, *rest = path.split("/", 3)
    return "/".join([first, *rest[: 2 if rest and rest[0] in FOLDERS_OF_AN_EXPERIMENT else 1]])


class ArtifactEvent(Event, frozen=True):
    """`path` is below the artifacts' destination, or below `root`, a URI, where the event has one."""

    kind = ARTIFACTS

    path: str

    @property
    def stream_key(self) -> str:
        return artifact_folder(self.path)


class ArtifactUploaded(ArtifactEvent, frozen=True):
    """There is a new version of the artifact at `path`, below the artifacts' destination or below `root`, a URI.

    `etag` is the store's; `sha256`, in hexadecimal, is of the bytes. It is missing where the store joined parts by
    itself.
    """

    event_type = "artifact.uploaded"

    size: int
    etag: str
    sha256: str | None = None
    root: str = ""


class ArtifactDeleted(ArtifactEvent, frozen=True):
    """Nothing is at `path` any more, neither an artifact nor a folder."""

    event_type = "artifact.deleted"

    root: str = ""


AnyArtifactEvent = ArtifactUploaded | ArtifactDeleted
