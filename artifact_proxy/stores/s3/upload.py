"""One multipart upload of S3: numbered parts that become an object when it is completed."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from artifact_proxy.stores.blob_store import BlobVersion, HeldPart
from artifact_proxy.stores.s3.client import S3Client
from artifact_proxy.stores.s3.settings import S3Settings
from schemas.errors import InvalidParameterValue, TracklogError

log = logging.getLogger(__name__)

MAX_PARTS: Final = 10_000

COMPLETE_TIMEOUT_S: Final = 300.0
"""S3 may take minutes to put the parts of a large object together."""

DISCARD_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class S3Upload:
    """The upload of the object `key` that S3 calls `upload_id`."""

    client: S3Client
    settings: S3Settings
    key: str
    upload_id: str

    @classmethod
    async def create(cls, client: S3Client, settings: S3Settings, key: str, content_type: str) -> "S3Upload":
        answer = await client.call("create_multipart_upload", **settings.new_object(key, content_type))
        return cls(client, settings, key, answer["UploadId"])

    async def put(self, number: int, content: bytes) -> str:
        """Keep a part from memory, and return its ETag."""
        answer = await self.client.call("upload_part", Body=content, **self._part(number))
        return etag_of(answer)

    async def put_stream(self, number: int, content: AsyncIterator[bytes], size: int) -> str:
        """Keep a part as it comes, and return its ETag.

        Raises what `content` raises.
        """
        answer = await self.client.stream("upload_part", content, size, **self._part(number))
        return etag_of(answer)

    async def parts(self) -> list[HeldPart]:
        """The parts that S3 holds, by number."""
        held: list[HeldPart] = []
        after: dict[str, Any] = {}
        while True:
            page = await self.client.call("list_parts", **self._named, **after)
            held += [HeldPart(part["PartNumber"], part["Size"], etag_of(part)) for part in page.get("Parts", ())]
            if not page.get("IsTruncated"):
                return held
            after = {"PartNumberMarker": page["NextPartNumberMarker"]}

    async def complete(self, parts: Sequence[tuple[int, str]], size: int) -> BlobVersion:
        """Make the parts, each a number and an ETag, the object; its size is known to be `size`."""
        answer = await self.client.call(
            "complete_multipart_upload",
            timeout_s=COMPLETE_TIMEOUT_S,
            MultipartUpload={"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in parts]},
            **self._named,
            **self.settings.each_part(),
        )
        return BlobVersion(size=size, etag=etag_of(answer))

    async def abort(self, timeout_s: float | None = None) -> None:
        """Drop the parts; nothing when there is no such upload of this key."""
        with suppress(InvalidParameterValue):
            await self.client.call("abort_multipart_upload", timeout_s=timeout_s, **self._named)

    async def discard(self) -> None:
        """Abort, after an error that matters more than one of the aborting. What is left is swept later."""
        try:
            await self.abort(DISCARD_TIMEOUT_S)
        except TracklogError as error:
            log.warning("An upload could not be aborted: %s", error.message)

    @property
    def _named(self) -> dict[str, Any]:
        return {"Key": self.key, "UploadId": self.upload_id}

    def _part(self, number: int) -> dict[str, Any]:
        return {"PartNumber": number, **self._named, **self.settings.each_part()}


def etag_of(answer: Any) -> str:
    """The ETag in an answer, or in a part of one, without its quotes."""
    etag: str = answer["ETag"]
    return etag.strip('"')
