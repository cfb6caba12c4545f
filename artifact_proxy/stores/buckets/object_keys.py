"""The keys under which a bucket holds the blobs of a store."""

from dataclasses import dataclass

from artifact_proxy.artifact_path import ROOT, ArtifactPath


@dataclass(frozen=True, slots=True)
class ObjectKeys:
    """The keys below the folder `prefix` of a bucket."""

    prefix: ArtifactPath = ROOT

    def of(self, path: ArtifactPath) -> str:
        """The key of the blob at `path`."""
        return "/".join((*self.prefix.segments, *path.segments))

    def begin(self, folder: ArtifactPath) -> str:
        """How the keys of all blobs in `folder` begin: with a slash at the end, or empty for a whole bucket."""
        key = self.of(folder)
        return f"{key}/" if key else ""

    def below(self, folder: ArtifactPath) -> "ObjectKeys":
        """The keys of a store whose root is `folder` of this one."""
        return ObjectKeys(self.prefix.joined(folder))
