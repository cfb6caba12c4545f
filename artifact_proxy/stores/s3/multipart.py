"""Uploads in parts as S3 itself knows them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any, Final

from artifact_proxy.artifact_path import ArtifactPath
from artifact_proxy.stores.blob_store import BlobVersion, HeldPart, PartedUploads
from artifact_proxy.stores.s3.bucket import S3Bucket
from artifact_proxy.stores.s3.settings import S3Settings
from schemas.errors import InvalidParameterValue

MAX_PARTS: Final = 10_000

COMPLETE_TIMEOUT_S: Final = 300.0
"""S3 may take minutes to put the parts of a large blob together."""


class S3PartedUploads(PartedUploads):
    """Uploads to the folder of a bucket. S3 keeps the parts; a lifecycle rule of the bucket may remove them sooner."""

    def __init__(self, settings: S3Settings, bucket: S3Bucket) -> None:
        self._settings = settings
        self._bucket = bucket

    async def create(self, path: ArtifactPath) -> str:
        answer = await self._bucket.call("create_multipart_upload", **self._settings.new_blob(path))
        upload_id: str = answer["UploadId"]
        return upload_id

    async def put_part(
        self, path: ArtifactPath, upload_id: str, number: int, content: AsyncIterator[bytes], size: int
    ) -> str:
        answer = await self._bucket.stream(
            "upload_part",
            content,
            size,
            PartNumber=number,
            **self._place(path, upload_id),
            **self._settings.each_part(),
        )
        etag: str = answer["ETag"]
        return etag.strip('"')

    async def parts(self, path: ArtifactPath, upload_id: str) -> list[HeldPart]:
        held: list[HeldPart] = []
        after: dict[str, Any] = {}
        while True:
            page = await self._bucket.call("list_parts", **self._place(path, upload_id), **after)
            held += [
                HeldPart(part["PartNumber"], part["Size"], part["ETag"].strip('"')) for part in page.get("Parts", ())
            ]
            if not page.get("IsTruncated"):
                return held
            after = {"PartNumberMarker": page["NextPartNumberMarker"]}

    async def complete(self, path: ArtifactPath, upload_id: str, parts: Sequence[tuple[int, str]]) -> BlobVersion:
        held = {part.number: part for part in await self.parts(path, upload_id)}
        missing = [number for number, _ in parts if number not in held]
        if missing:
            raise InvalidParameterValue(f"Part {missing[0]} was not uploaded.")
        answer = await self._bucket.call(
            "complete_multipart_upload",
            timeout_s=COMPLETE_TIMEOUT_S,
            MultipartUpload={
                "Parts": [{"PartNumber": number, "ETag": etag or held[number].etag} for number, etag in parts]
            },
            **self._place(path, upload_id),
            **self._settings.each_part(),
        )
        return BlobVersion(size=sum(held[number].size for number, _ in parts), etag=answer["ETag"].strip('"'))

    async def abort(self, path: ArtifactPath, upload_id: str) -> None:
        # An id that is not S3's, or not this path's, is of no upload.
        with suppress(InvalidParameterValue):
            await self._bucket.call("abort_multipart_upload", **self._place(path, upload_id))

    def _place(self, path: ArtifactPath, upload_id: str) -> dict[str, Any]:
        return {"Key": self._settings.key(path), "UploadId": upload_id}
