"""What a file in the folder of a store is as a blob."""

import os
import stat
from collections.abc import Sequence
from datetime import UTC, datetime

from artifact_proxy.artifact_path import fault_of
from artifact_proxy.stores.blob_store import BlobInfo, BlobNotFound, NotABlob
from artifact_proxy.stores.staging import STAGING


def info_of(found: os.stat_result) -> BlobInfo:
    """What is known of a blob. Every upload is a file of its own, so a new version has another inode or time."""
    return BlobInfo(
        size=found.st_size,
        etag=f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}",
        modified=datetime.fromtimestamp(found.st_mtime, UTC),
    )


def info_of_file(found: os.stat_result, parent: Sequence[str], name: str) -> BlobInfo:
    """What is known of the blob whose file is `found`.

    Raises NotABlob for a folder, BlobNotFound for what is neither file nor folder.
    """
    if stat.S_ISDIR(found.st_mode):
        raise NotABlob(f"{'/'.join((*parent, name))!r} is a folder, not a file.")
    if not stat.S_ISREG(found.st_mode):
        raise not_found(parent, name)
    return info_of(found)


def not_found(parent: Sequence[str], name: str) -> BlobNotFound:
    """The error for a path where nothing is, whether its folder is missing or only the file."""
    return BlobNotFound(f"There is no artifact {'/'.join((*parent, name))!r}.")


def is_shown(entry: os.DirEntry[str]) -> bool:
    """Whether a folder's entry is a blob or a folder that a path can name. Links, pipes and devices are neither."""
    if entry.name == STAGING or fault_of(entry.name) is not None:
        return False
    return entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)
