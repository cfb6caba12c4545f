"""What lies below the root of a store: looked at, listed, removed. All of this blocks: it runs in threads."""

import errno
import os
import secrets
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from artifact_proxy.stores.blob_store import BlobInfo, Entry
from artifact_proxy.stores.local.blob_files import info_of_file, is_shown, not_found
from artifact_proxy.stores.local.errors import NO_SUCH_FILE, NO_SUCH_FOLDER
from artifact_proxy.stores.local.placing import CREATE, PLACE_ATTEMPTS
from artifact_proxy.stores.local.root_folder import RootFolder
from artifact_proxy.stores.staging import PROBE, STAGING
from schemas.rest.route import KIB

ABANDONED_AFTER_S: Final = 24 * 3600.0
"""A staged file not written to for this long belongs to no upload: none may take longer."""

PROBE_BYTES: Final = 4 * KIB
"""Less than a block would need none on some file systems."""


def stat_blob(root: RootFolder, parent: Sequence[str], name: str) -> BlobInfo:
    """Raises BlobNotFound, NotABlob, OSError."""
    try:
        with root.open(parent) as folder:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno in NO_SUCH_FILE:
            raise not_found(parent, name) from error
        raise
    return info_of_file(found, parent, name)


def names_in(root: RootFolder, segments: Sequence[str], after: str) -> list[tuple[str, bool]]:
    """The names after `after` in a folder, each with whether it is a folder, sorted."""
    try:
        with root.open(segments) as folder, os.scandir(folder) as found:
            return sorted(
                (entry.name, entry.is_dir(follow_symlinks=False))
                for entry in found
                if entry.name > after and is_shown(entry)
            )
    except OSError as error:
        if error.errno in NO_SUCH_FOLDER:
            return []
        raise


def entries_of(root: RootFolder, segments: Sequence[str], names: Sequence[tuple[str, bool]]) -> list[Entry]:
    """The entries of some `names` of a folder, without those that are gone by now."""
    entries: list[Entry] = []
    try:
        with root.open(segments) as folder:
            for name, is_folder in names:
                size = None if is_folder else size_of(name, folder)
                if is_folder or size is not None:
                    entries.append(Entry(name, size))
    except OSError as error:
        if error.errno not in NO_SUCH_FOLDER:
            raise
    return entries


def delete(root: RootFolder, parent: Sequence[str], name: str) -> None:
    """Remove a blob, or a folder with all it holds, durably; nothing when there is neither."""
    try:
        with root.open(parent) as folder:
            try:
                os.unlink(name, dir_fd=folder)
            except IsADirectoryError:
                remove_tree(name, folder)
            os.fsync(folder)
    except OSError as error:
        if error.errno not in NO_SUCH_FOLDER:
            raise


def remove_abandoned(root: RootFolder) -> None:
    """Remove the staged files of uploads that were killed."""
    oldest = time.time() - ABANDONED_AFTER_S
    try:
        with root.open([STAGING]) as staging, os.scandir(staging) as found:
            for entry in found:
                # Another process may sweep the folder too, and an upload end in this moment.
                with suppress(FileNotFoundError):
                    if entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mtime < oldest:
                        os.unlink(entry.name, dir_fd=staging)
    except OSError as error:
        if error.errno not in NO_SUCH_FOLDER:
            raise


def probe(root: RootFolder) -> None:
    """Write, sync and remove a file as large as a page."""
    with root.open([STAGING], create=True) as staging:
        # Several servers may share the folder, and each must find its own.
        name = f"{PROBE}-{secrets.token_hex(8)}"
        file = os.open(name, CREATE, mode=0o666, dir_fd=staging)
        try:
            os.write(file, bytes(PROBE_BYTES))
            os.fsync(file)
        finally:
            os.close(file)
            os.unlink(name, dir_fd=staging)


def remove_tree(name: str, folder: int) -> None:
    """Remove the folder `name` in `folder` with all it holds; links in it are removed, what they point at is not."""
    for attempt in range(1, PLACE_ATTEMPTS + 1):
        try:
            shutil.rmtree(name, dir_fd=folder)
            return
        except OSError as error:
            # Another request may remove the same folder, put a file into one that was found empty, or put a folder in
            # its place between rmtree's look and its opening, which rmtree reports by an error without a number.
            if error.errno not in (errno.ENOTEMPTY, errno.ENOENT, None) or attempt == PLACE_ATTEMPTS:
                raise
            if not exists(name, folder):
                return


def exists(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def size_of(name: str, folder: int) -> int | None:
    """The size of a file in `folder` in bytes; None when it is gone."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
    except FileNotFoundError:
        return None
