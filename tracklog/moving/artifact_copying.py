"""Copying the artifacts of what was imported: folder by folder, each file verified, and what is there already skipped.

The destination is the account of how far it is: a store keeps a file whole or not at all, so a file that is there in
its size was copied, and a copying that was broken off goes on when it is started again.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from artifact_proxy.artifact_path import ROOT, ArtifactPath
from artifact_proxy.artifact_roots import Place
from artifact_proxy.stores.blob_store import BlobInfo, BlobNotFound, BlobStore, NotABlob, OpenBlob
from artifact_proxy.stores.streams import Sha256Stream
from schemas.errors import InvalidParameterValue, TracklogError
from tracklog.moving.report import Report

FOLDERS_AT_ONCE: Final = 8
FILES_AT_ONCE: Final = 16
"""A store far away answers in tens of milliseconds, and a disk commits many small files together."""

FILES: Final = "artifact files"
BYTES: Final = "bytes of artifacts"

Show = Callable[[int, int], None]
"""Called with how many files are done, and of how many that were found."""


class SourceFailed(Exception):
    """A file cannot be read where it lies."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is to be copied: where it lies, and its path below the destination."""

    source: Place
    target: ArtifactPath


@dataclass(frozen=True, slots=True)
class File:
    """A file of a folder, and its size in bytes."""

    source: Place
    target: ArtifactPath
    size: int


T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactCopying:
    """Copies to `destination`; what is `dry` only looks.

    `folders` are the folders of this machine that stores read: names that a store does not show are found there.
    """

    destination: BlobStore
    report: Report
    show: Show
    dry: bool = False
    folders: Mapping[BlobStore, Path] = field(default_factory=dict)

    async def run(self, wanted: Iterable[Folder]) -> None:
        """Copy all files of some folders. Raises what the destination raises."""
        found: asyncio.Queue[File | None] = asyncio.Queue(2 * FILES_AT_ONCE)
        folders = iter(wanted)
        try:
            async with asyncio.TaskGroup() as tasks:
                listing = [tasks.create_task(self._list(folders, found)) for _ in range(FOLDERS_AT_ONCE)]
                for _ in range(FILES_AT_ONCE):
                    tasks.create_task(self._copy_all(found))
                await asyncio.gather(*listing)
                for _ in range(FILES_AT_ONCE):
                    await found.put(None)
        except* TracklogError as errors:
            raise errors.exceptions[0] from None
        self._show()

    async def _list(self, folders: Iterator[Folder], found: asyncio.Queue[File | None]) -> None:
        for folder in folders:
            try:
                await self._list_one(folder, ROOT, found)
            except TracklogError as error:
                self._odd(folder.source, f"its artifacts cannot be listed: {error.message}")

    async def _list_one(self, folder: Folder, below: ArtifactPath, found: asyncio.Queue[File | None]) -> None:
        place = folder.source.below(below)
        inner: list[ArtifactPath] = []
        names: set[str] = set()
        async for entry in place.store.entries(place.path):
            names.add(entry.name)
            path = ArtifactPath((*below.segments, entry.name))
            if entry.size is None:
                inner.append(path)
                continue
            self.report.tally(FILES).source += 1
            self.report.tally(BYTES).source += entry.size
            try:
                file = File(folder.source.below(path), folder.target.joined(path), entry.size)
            except InvalidParameterValue as error:
                self._left(place, entry.size, error.message)
                continue
            await found.put(file)
        await self._tell_of_hidden(place, names)
        for path in inner:
            await self._list_one(folder, path, found)

    async def _tell_of_hidden(self, place: Place, names: set[str]) -> None:
        """Names that no path of an artifact can hold, links, and pipes: they are in no list of a store."""
        if (folder := self.folders.get(place.store)) is None:
            return
        for name in await asyncio.to_thread(_names_in, folder.joinpath(*place.path.segments)):
            if name not in names:
                self.report.tally(FILES).source += 1
                self._left(place, 0, f"{name!a:.200} is a link or has a name that no artifact can have")

    async def _copy_all(self, found: asyncio.Queue[File | None]) -> None:
        while (file := await found.get()) is not None:
            try:
                await self._copy(file)
            except SourceFailed as error:
                self._left(file.source, file.size, f"cannot be read: {error}")
            except (NotABlob, InvalidParameterValue) as error:
                self._left(file.source, file.size, error.message)
            self._show()

    async def _copy(self, file: File) -> None:
        there = await _or_none(self.destination.stat(file.target))
        if there is not None and there.size != file.size:
            self._left(file.source, file.size, f"another file, of {there.size} bytes, is there already")
            return
        if there is None and not self.dry and not await self._put(file):
            return
        for kind, number in ((FILES, 1), (BYTES, file.size)):
            tally = self.report.tally(kind)
            tally.imported += number
            tally.new += number if there is None else 0

    async def _put(self, file: File) -> bool:
        """Copy a file and read the copy; one that is not as it should be is removed again."""
        async with AsyncExitStack() as stack:
            blob = await _of_source(stack.enter_async_context(file.source.store.open(file.source.path)))
            size = blob.info.size
            sent = Sha256Stream(_read(blob))
            await self.destination.put(file.target, sent, size)
        async with self.destination.open(file.target) as copy:
            received = Sha256Stream(copy.read(0, copy.info.size))
            async for _ in received:
                pass
            if copy.info.size == size == file.size and received.sha256 == sent.sha256:
                return True
        await self.destination.delete(file.target)
        self._left(file.source, file.size, "the copy is not what was read; it changed, or a store fails")
        return False

    def _odd(self, place: Place, what: str, lost: int = 0) -> None:
        self.report.odd(FILES, f"{place.root or 'artifacts'}: {place.path}", what, lost)

    def _left(self, place: Place, size: int, what: str) -> None:
        self._odd(place, f"left: {what}", 1)
        self.report.tally(BYTES).left += size

    def _show(self) -> None:
        tally = self.report.tally(FILES)
        self.show(tally.imported + tally.left, tally.source)


async def _or_none(found: Awaitable[BlobInfo]) -> BlobInfo | None:
    try:
        return await found
    except BlobNotFound:
        return None


async def _of_source(asked: Awaitable[T]) -> T:
    try:
        return await asked
    except TracklogError as error:
        raise SourceFailed(error.message) from error


async def _read(blob: OpenBlob) -> AsyncIterator[bytes]:
    """All bytes of a file. Raises SourceFailed, which tells errors of where it lies from those of the destination."""
    try:
        async for chunk in blob.read(0, blob.info.size):
            yield chunk
    except TracklogError as error:
        raise SourceFailed(error.message) from error


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
