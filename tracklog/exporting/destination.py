"""Where an export is written: a folder, or a store of artifacts, file by file; the manifest comes last."""

import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

import orjson

from artifact_proxy.artifact_path import ArtifactPath
from artifact_proxy.stores.blob_store import BlobNotFound, BlobStore
from artifact_proxy.stores.by_uri import store_at
from artifact_proxy.stores.staging import STAGING
from query_api.frames.parquet import ParquetFile

MANIFEST: Final = "manifest.json"

_AT_ONCE: Final = 256 * 1024
"""Bytes that are handed to the store in one piece, at least."""


@dataclass(slots=True)
class ExportFolder:
    """Files below one folder of a store. What was written stands in `files`, in its order."""

    store: BlobStore
    folder: ArtifactPath
    files: list[dict[str, Any]] = field(default_factory=list)

    async def is_whole(self) -> bool:
        """Whether an export was written here to its end."""
        try:
            await self.store.stat(self._path(MANIFEST))
        except BlobNotFound:
            return False
        return True

    async def write_table(self, table: str, path: str, schema: Any, batches: AsyncIterator[Any]) -> int:
        """Write a Parquet file of these record batches, none where there are no rows; how many there were.

        Raises StoreUnavailable and its kin.
        """
        first = await anext(batches, None)
        if first is None:
            return 0
        rows, size, digest = 0, 0, hashlib.sha256()

        async def content() -> AsyncIterator[bytes]:
            nonlocal rows, size
            file = ParquetFile(schema)
            waiting = bytearray()
            batch = first
            while batch is not None:
                rows += batch.num_rows
                waiting += file.add(batch)
                if len(waiting) >= _AT_ONCE:
                    size += len(waiting)
                    digest.update(waiting)
                    yield bytes(waiting)
                    waiting.clear()
                batch = await anext(batches, None)
            waiting += file.end()
            size += len(waiting)
            digest.update(waiting)
            yield bytes(waiting)

        await self.store.put(self._path(path), content())
        self.files.append({"table": table, "path": path, "rows": rows, "bytes": size, "sha256": digest.hexdigest()})
        return rows

    async def end(self, manifest: dict[str, Any]) -> None:
        """Write the manifest, by which a reader knows that everything is there."""
        text = orjson.dumps({**manifest, "files": self.files}, option=orjson.OPT_INDENT_2) + b"\n"

        async def content() -> AsyncIterator[bytes]:
            yield text

        await self.store.put(self._path(MANIFEST), content(), len(text))

    def _path(self, path: str) -> ArtifactPath:
        return ArtifactPath((*self.folder.segments, *path.split("/")))


@asynccontextmanager
async def destination_at(place: str, name: str) -> AsyncIterator[ExportFolder]:
    """The folder `name` in the folder or store that `place` names. Raises UnusableStore, StoreUnavailable."""
    uri = uri_of(place)
    store = store_at(uri, os.environ)
    try:
        await store.start()
        yield ExportFolder(store, ArtifactPath((name,)))
    finally:
        await store.close()
        if urlsplit(uri).scheme == "file":
            with suppress(OSError):  # another export may have something in it
                os.rmdir(Path(unquote(urlsplit(uri).path)) / STAGING)


def uri_of(place: str) -> str:
    """Of a folder as people write it, or a URI."""
    return place if urlsplit(place).scheme else f"file://{quote(str(Path(place).absolute()))}"


Progress = Callable[[int, int], None]
