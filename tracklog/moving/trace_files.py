"""The files traces.json, in which MLflow has kept the spans of traces beside the artifacts of experiments."""

import asyncio
from collections.abc import Callable
from typing import Final

from artifact_proxy.artifact_path import ArtifactPath
from artifact_proxy.artifact_roots import ArtifactRoots
from artifact_proxy.stores.blob_store import BlobNotFound
from schemas.errors import InvalidParameterValue, TracklogError

FILE: Final = ArtifactPath(("traces.json",))

MOST_BYTES: Final = 256 * 1024 * 1024
"""Of a file, which is held in memory."""


class Unread(Exception):
    """A file stays where it is; the message says why."""


ReadSpans = Callable[[str], bytes]
"""The content of the file traces.json at a location. Raises Unread."""


def nothing_read(_location: str) -> bytes:
    """No place is to be read."""
    raise Unread("it is in no place that was named to read from")


class TraceFiles:
    """Reads files in `places` from any thread, by the event loop of their stores.

    Locations were written by whoever used the old server, so only places that the operator named are read.
    """

    def __init__(self, places: ArtifactRoots, loop: asyncio.AbstractEventLoop) -> None:
        self._places = places
        self._loop = loop

    def read(self, location: str) -> bytes:
        """As ReadSpans."""
        return asyncio.run_coroutine_threadsafe(self._read(location), self._loop).result()

    async def _read(self, location: str) -> bytes:
        try:
            place = self._places.place(location).below(FILE)
            async with place.store.open(place.path) as blob:
                if blob.info.size > MOST_BYTES:
                    raise Unread(f"it has {blob.info.size} bytes, and at most {MOST_BYTES} are read")
                return b"".join([chunk async for chunk in blob.read(0, blob.info.size)])
        except (InvalidParameterValue, ValueError) as error:
            raise Unread("it is in no place that was named to read from") from error
        except BlobNotFound as error:
            raise Unread("it is not there") from error
        except TracklogError as error:
            raise Unread(error.message) from error
