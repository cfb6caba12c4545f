"""Multipart uploads for stores that have none: the parts are blobs of a second store, in a folder that no path names.

An upload is a folder there, named for when it began and a secret. It holds a note of the path it is for, and the parts.
To complete it, the parts are read one after another and put into the store as one blob.
"""

import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from artifact_proxy.artifact_path import ROOT, ArtifactPath
from artifact_proxy.stores.blob_store import BlobNotFound, BlobStore, BlobVersion, HeldPart, MultipartUploads, NotABlob
from artifact_proxy.stores.streams import Sha256Stream
from schemas.errors import InvalidParameterValue

NOTE: Final = "path"
"""The blob of an upload that holds the path it is for."""

ABANDONED_AFTER_S: Final = 7 * 24 * 3600.0
TOUCHED_AFTER_S: Final = 24 * 3600.0
"""An older upload is touched before it is completed, which may take an hour, so that it is not swept meanwhile."""

_TIME_DIGITS: Final = 12
"""Hexadecimal, of milliseconds since 1970: ids are then in the order of their age for some thousand years."""

_ID: Final = re.compile(rf"[0-9a-f]{{{_TIME_DIGITS}}}-[0-9a-f]{{32}}")


class NoSuchUpload(InvalidParameterValue):
    """There is no such upload: it never was, is completed, aborted or swept, or is of another path."""


class StagedMultipartUploads(MultipartUploads):
    """Uploads to `store`, whose parts lie in `parts` until they are one blob."""

    def __init__(self, store: BlobStore, parts: BlobStore, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._parts = parts
        self._clock = clock

    async def create(self, path: ArtifactPath) -> str:
        upload_id = f"{self._id_time(0)}-{secrets.token_hex(16)}"
        await self._touch(ArtifactPath((upload_id,)), path)
        return upload_id

    async def put_part(
        self, path: ArtifactPath, upload_id: str, number: int, content: AsyncIterator[bytes], size: int
    ) -> str:
        folder = await self._folder(path, upload_id)
        version = await self._parts.put(part_path(folder, number), content, size)
        return version.etag

    async def parts(self, path: ArtifactPath, upload_id: str) -> list[HeldPart]:
        folder = await self._folder(path, upload_id)
        found = [entry.name async for entry in self._parts.entries(folder) if entry.name != NOTE]
        return [await self._held(folder, int(name)) for name in found]

    async def complete(self, path: ArtifactPath, upload_id: str, parts: Sequence[tuple[int, str]]) -> BlobVersion:
        folder = await self._folder(path, upload_id)
        size = 0
        for number, etag in parts:
            size += await self._size_of(folder, number, etag)
        if upload_id < self._id_time(TOUCHED_AFTER_S):
            await self._touch(folder, path)
        joined = Sha256Stream(self._joined(folder, parts))
        version = await self._store.put(path, joined, size)
        await self._parts.delete(folder)
        return replace(version, sha256=joined.sha256)

    async def abort(self, path: ArtifactPath, upload_id: str) -> None:
        try:
            folder = await self._folder(path, upload_id)
        except NoSuchUpload:
            return
        await self._parts.delete(folder)

    async def _joined(self, folder: ArtifactPath, parts: Sequence[tuple[int, str]]) -> AsyncIterator[bytes]:
        for number, etag in parts:
            async with self._parts.open(part_path(folder, number)) as part:
                check_etag(number, etag, part.info.etag)
                async for chunk in part.read(0, part.info.size):
                    yield chunk

    async def _held(self, folder: ArtifactPath, number: int) -> HeldPart:
        info = await self._parts.stat(part_path(folder, number))
        return HeldPart(number, info.size, info.etag)

    async def _size_of(self, folder: ArtifactPath, number: int, etag: str) -> int:
        try:
            held = await self._held(folder, number)
        except BlobNotFound as error:
            raise InvalidParameterValue(f"Part {number} was not uploaded.") from error
        check_etag(number, etag, held.etag)
        return held.size

    async def _folder(self, path: ArtifactPath, upload_id: str) -> ArtifactPath:
        """Raises NoSuchUpload."""
        try:
            folder = ArtifactPath((upload_id,))
            async with self._parts.open(folder.joined(ArtifactPath((NOTE,)))) as note:
                noted = b"".join([chunk async for chunk in note.read(0, note.info.size)])
        except (BlobNotFound, InvalidParameterValue) as error:
            raise NoSuchUpload(f"There is no upload {upload_id[:200]!a} of this path.") from error
        if noted != str(path).encode():
            raise NoSuchUpload(f"There is no upload {upload_id!r} of this path.")
        return folder

    async def sweep(self) -> None:
        """Remove the uploads that were begun long ago and got no part since.

        Raises StoreUnavailable.
        """
        oldest = self._id_time(ABANDONED_AFTER_S)
        async for entry in self._parts.entries(ROOT):
            if entry.name >= oldest:
                return
            folder = ArtifactPath((entry.name,))
            if _ID.fullmatch(entry.name) and not await self._is_in_use(folder):
                await self._parts.delete(folder)

    async def _is_in_use(self, folder: ArtifactPath) -> bool:
        since = self._clock() - ABANDONED_AFTER_S
        async for entry in self._parts.entries(folder):
            with suppress(BlobNotFound, NotABlob):
                if (await self._parts.stat(folder.joined(ArtifactPath((entry.name,))))).modified.timestamp() > since:
                    return True
        return False

    async def _touch(self, folder: ArtifactPath, path: ArtifactPath) -> None:
        """Put the note of an upload, again where it is there already."""
        await self._parts.put(folder.joined(ArtifactPath((NOTE,))), one_chunk(str(path).encode()))

    def _id_time(self, age_s: float) -> str:
        """How the ids of uploads of an age begin."""
        return f"{self._now_ms() - int(age_s * 1000):0{_TIME_DIGITS}x}"

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def part_path(folder: ArtifactPath, number: int) -> ArtifactPath:
    """Where a part lies; names of equal length, so that they are in the order of their numbers."""
    return folder.joined(ArtifactPath((f"{number:06}",)))


def check_etag(number: int, wanted: str, etag: str) -> None:
    """Raises InvalidParameterValue when a client has another version of a part in mind."""
    if wanted and wanted.strip('"') != etag:
        raise InvalidParameterValue(f"Part {number} was uploaded again since.")


async def one_chunk(chunk: bytes) -> AsyncIterator[bytes]:
    """`chunk` as the content of a blob."""
    yield chunk
