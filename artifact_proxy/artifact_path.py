"""The path of an artifact below its root, parsed once: a value of this type cannot lead out of its root."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from schemas.errors import InvalidParameterValue

MAX_SEGMENT_BYTES: Final = 255
"""What file systems take as a name."""

MAX_PATH_BYTES: Final = 1024
"""What S3 takes as a key: artifacts can be moved between stores whatever their path."""

MAX_SEGMENTS: Final = 100
"""Removing a folder holds one open folder a level, and a process may not hold many."""

SHOWN_CHARACTERS: Final = 200

_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\\/#]")
_DRIVE: Final = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class ArtifactPath:
    """Names from a root downwards; no names are the root itself.

    Raises InvalidParameterValue for names that have a meaning of their own in some system: `.` and `..`, a
    backslash, NUL and other control characters, `#` (where a URI ends), a drive such as `C:`, names too long to keep.
    """

    segments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for segment in self.segments:
            fault = fault_of(segment)
            if fault is not None:
                raise refused(str(self), fault)
        if len(self.segments) > MAX_SEGMENTS:
            raise refused(str(self), f"it is more than {MAX_SEGMENTS} folders deep")
        if len(str(self).encode()) > MAX_PATH_BYTES:
            raise refused(str(self), f"it is longer than {MAX_PATH_BYTES} bytes")

    def __str__(self) -> str:
        return "/".join(self.segments)

    @property
    def name(self) -> str:
        """The last name; a root has none."""
        return self.segments[-1]

    def joined(self, below: "ArtifactPath") -> "ArtifactPath":
        """`below`, seen from the root of this path.

        Raises InvalidParameterValue when both together are too long.
        """
        return ArtifactPath(self.segments + below.segments)


ROOT: Final = ArtifactPath()


def decoded(raw: str) -> str:
    """The percent-encoded path of a recorded URI as text. Paths in requests are decoded in `client_names`.

    Raises InvalidParameterValue when the bytes are not UTF-8.
    """
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeError as error:
        raise InvalidParameterValue("Invalid artifact path: it is not UTF-8.") from error


def file_path(text: str) -> ArtifactPath:
    """The path of a file.

    Raises InvalidParameterValue.
    """
    if text.endswith("/"):
        raise refused(text, "it ends with '/', and a file is meant")
    return ArtifactPath(tuple(text.split("/")))


def folder_path(text: str) -> ArtifactPath:
    """The path of a folder, or of anything that may be one. Empty text and `.` are the root; a last `/` is ignored.

    Raises InvalidParameterValue.
    """
    if text.startswith("/"):
        raise refused(text, "it is absolute")
    if not text:
        return ROOT
    return ArtifactPath(tuple(segment for segment in text.removesuffix("/").split("/") if segment != "."))


def fault_of(segment: str) -> str | None:
    """Why `segment` cannot be a name in a path; None when it can."""
    if segment == "":
        return "it has an empty segment"
    if segment in (".", ".."):
        return f"it has a segment '{segment}'"
    forbidden = _FORBIDDEN.search(segment)
    if forbidden is not None:
        return f"it contains {forbidden[0]!a}"
    if _DRIVE.fullmatch(segment):
        return "it names a drive"
    try:
        size = len(segment.encode())
    except UnicodeEncodeError:
        return "it is not valid Unicode"
    return f"a segment is longer than {MAX_SEGMENT_BYTES} bytes" if size > MAX_SEGMENT_BYTES else None


def refused(path: str, fault: str) -> InvalidParameterValue:
    """The error for a path, with the reason why it is refused."""
    # ASCII, because what is refused may not be valid Unicode, and an answer must be.
    return InvalidParameterValue(f"Invalid artifact path {path[:SHOWN_CHARACTERS]!a}: {fault}.")
