"""Multipart uploads as S3 itself knows them: S3 keeps the parts and puts them together."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from artifact_proxy.artifact_path import ROOT, ArtifactPath
from artifact_proxy.attachment import content_type_of
from artifact_proxy.stores.blob_store import BlobVersion, HeldPart, MultipartUploads
from artifact_proxy.stores.buckets.object_keys import ObjectKeys
from artifact_proxy.stores.s3.client import S3Client
from artifact_proxy.stores.s3.settings import S3Settings
from artifact_proxy.stores.s3.upload import S3Upload
from schemas.errors import InvalidParameterValue

ABANDONED_AFTER: Final = timedelta(days=7)
"""An upload that was begun this long ago is abandoned: no upload may take longer."""


class S3MultipartUploads(MultipartUploads):
    """Uploads of the blobs at `keys`. A lifecycle rule of the bucket may remove parts sooner than `sweep` does."""

    def __init__(self, client: S3Client, settings: S3Settings, keys: ObjectKeys) -> None:
        self._client = client
        self._settings = settings
        self._keys = keys

    async def create(self, path: ArtifactPath) -> str:
        key = self._keys.of(path)
        upload = await S3Upload.create(self._client, self._settings, key, content_type_of(path.name))
        return upload.upload_id

    async def put_part(
        self, path: ArtifactPath, upload_id: str, number: int, content: AsyncIterator[bytes], size: int
    ) -> str:
        return await self._upload(path, upload_id).put_stream(number, content, size)

    async def parts(self, path: ArtifactPath, upload_id: str) -> list[HeldPart]:
        return await self._upload(path, upload_id).parts()

    async def complete(self, path: ArtifactPath, upload_id: str, parts: Sequence[tuple[int, str]]) -> BlobVersion:
        upload = self._upload(path, upload_id)
        held = {part.number: part for part in await upload.parts()}
        missing = [number for number, _ in parts if number not in held]
        if missing:
            raise InvalidParameterValue(f"Part {missing[0]} was not uploaded.")
        chosen = [(number, etag or held[number].etag) for number, etag in parts]
        return await upload.complete(chosen, sum(held[number].size for number, _ in parts))

    async def abort(self, path: ArtifactPath, upload_id: str) -> None:
        await self._upload(path, upload_id).abort()

    async def sweep(self) -> None:
        oldest = datetime.now(UTC) - ABANDONED_AFTER
        after: dict[str, Any] = {}
        while True:
            page = await self._client.call("list_multipart_uploads", Prefix=self._keys.begin(ROOT), **after)
            for found in page.get("Uploads", ()):
                if found["Initiated"] < oldest:
                    await S3Upload(self._client, self._settings, found["Key"], found["UploadId"]).discard()
            if not page.get("IsTruncated"):
                return
            after = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}

    def _upload(self, path: ArtifactPath, upload_id: str) -> S3Upload:
        return S3Upload(self._client, self._settings, self._keys.of(path), upload_id)
