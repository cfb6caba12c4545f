"""The folder of a store that holds what is not yet a blob. No path of a client may name it."""

from typing import Final

from artifact_proxy.artifact_path import ArtifactPath, refused
from artifact_proxy.stores.blob_store import NotABlob
from schemas.errors import InvalidParameterValue

STAGING: Final = ".tracklog-uploads"
"""Below the root, on the same file system as what the uploads in it become."""

PROBE: Final = "probe"
"""The name in STAGING of what is written to see whether a store can be written; one name, so that it stays one."""

PARTS: Final = "parts"
"""The folder in STAGING that holds the parts of multipart uploads."""


def check_is_below_root(path: ArtifactPath) -> None:
    """Raises NotABlob for the root, InvalidParameterValue for what is reserved."""
    check_not_root(path)
    check_not_staging(path)


def check_not_root(path: ArtifactPath) -> None:
    """Raises NotABlob."""
    if not path.segments:
        raise NotABlob("The root of all artifacts is a folder.")


def check_not_all(path: ArtifactPath) -> None:
    """Raises InvalidParameterValue for the root, which is never deleted."""
    if not path.segments:
        raise InvalidParameterValue("The root of all artifacts cannot be deleted.")


def check_not_staging(path: ArtifactPath) -> None:
    """Refuse what lies where uploads are staged, in this store or in one whose root lies inside it.

    Raises InvalidParameterValue.
    """
    if STAGING in path.segments:
        raise refused(str(path), f"the name '{STAGING}' is reserved")
