"""Changes of artifacts, each with its event: appended once the bytes are safe, so that a failed change leaves none."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from artifact_proxy.artifact_roots import Place
from artifact_proxy.stores.blob_store import BlobVersion
from artifact_proxy.stores.streams import Sha256Stream
from event_log.port import EventLog
from schemas.envelope import Actor, EventClock
from schemas.errors import Retryable, TemporarilyUnavailable
from schemas.events import ArtifactDeleted, ArtifactUploaded


class UnrecordedChange(TemporarilyUnavailable):
    """The change is done, but the log could not append its event. The same request again is harmless and records it."""


class ArtifactChanges:
    """Changes artifacts and records it. `log` is None in a server that only passes artifacts."""

    def __init__(self, log: EventLog | None, clock: EventClock) -> None:
        self._log = log
        self._clock = clock

    async def put(
        self, place: Place, content: AsyncIterator[bytes], size: int | None, actor: Actor, request_id: str
    ) -> BlobVersion:
        """Keep `content` at `place`.

        Raises as BlobStore.put does, UnrecordedChange.
        """
        digested = Sha256Stream(content)
        version = replace(await place.store.put(place.path, digested, size), sha256=digested.sha256)
        await self._append(uploaded(place, version), actor, request_id)
        return version

    async def complete(
        self, place: Place, upload_id: str, parts: Sequence[tuple[int, str]], actor: Actor, request_id: str
    ) -> BlobVersion:
        """Make the parts of an upload the blob at `place`.

        The event has no digest when the store joins the parts itself: they may not have passed through this server.

        Raises as MultipartUploads.complete does, UnrecordedChange.
        """
        version = await place.store.multipart.complete(place.path, upload_id, parts)
        await self._append(uploaded(place, version), actor, request_id)
        return version

    async def delete(self, place: Place, actor: Actor, request_id: str) -> None:
        """Remove what is at `place`.

        Raises as BlobStore.delete does, UnrecordedChange.
        """
        await place.store.delete(place.path)
        await self._append(ArtifactDeleted(path=str(place.path), root=place.root), actor, request_id)

    async def _append(self, event: ArtifactUploaded | ArtifactDeleted, actor: Actor, request_id: str) -> None:
        if self._log is None:
            return
        stamped = self._clock.stamp(event, actor, request_id)
        try:
            # What was done is recorded, even when the client is gone.
            await asyncio.shield(asyncio.ensure_future(self._log.append((stamped,))))
        except Retryable as error:
            raise UnrecordedChange(
                f"The artifact {event.path!r} was changed, but the log could not record it: {error.message} "
                "Send the request again."
            ) from error


def uploaded(place: Place, version: BlobVersion) -> ArtifactUploaded:
    """The fact that there is a new blob at `place`."""
    return ArtifactUploaded(
        path=str(place.path), root=place.root, size=version.size, etag=version.etag, sha256=version.sha256
    )
