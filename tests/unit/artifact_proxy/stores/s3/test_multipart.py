"""S3's own multipart uploads: which of them are abandoned, page by page."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from artifact_proxy.artifact_path import folder_path
from artifact_proxy.stores.blob_store import StoreUnavailable
from artifact_proxy.stores.buckets.object_keys import ObjectKeys
from artifact_proxy.stores.s3.client import S3Client
from artifact_proxy.stores.s3.multipart import ABANDONED_AFTER, S3MultipartUploads
from artifact_proxy.stores.s3.settings import S3Settings

SETTINGS = S3Settings(bucket="bucket")


class ListedUploads(S3Client):
    """Answers with pages of uploads, and keeps what is aborted. An upload named "stuck" cannot be."""

    def __init__(self, pages: Sequence[Sequence[tuple[str, timedelta]]]) -> None:
        super().__init__(SETTINGS)
        self._pages = pages
        self.asked: list[dict[str, Any]] = []
        self.aborted: list[str] = []

    async def call(self, operation: str, *, timeout_s: float | None = None, **args: Any) -> Any:
        if operation == "abort_multipart_upload":
            if args["UploadId"] == "stuck":
                raise StoreUnavailable("The store is away.")
            self.aborted.append(args["UploadId"])
            return {}
        assert operation == "list_multipart_uploads"
        page = self._pages[len(self.asked)]
        self.asked.append(args)
        now = datetime.now(UTC)
        return {
            "Uploads": [{"Key": "a/b/x", "UploadId": name, "Initiated": now - age} for name, age in page],
            "IsTruncated": len(self.asked) < len(self._pages),
            "NextKeyMarker": "a/b/x",
            "NextUploadIdMarker": page[-1][0],
        }


async def test_only_uploads_begun_long_ago_are_aborted_on_every_page() -> None:
    old, young = ABANDONED_AFTER + timedelta(minutes=1), ABANDONED_AFTER - timedelta(minutes=1)
    client = ListedUploads([[("old", old), ("stuck", old)], [("young", young), ("older", 2 * old)]])
    await S3MultipartUploads(client, SETTINGS, ObjectKeys(folder_path("a/b"))).sweep()
    assert client.aborted == ["old", "older"]
    assert client.asked == [
        {"Prefix": "a/b/"},
        {"Prefix": "a/b/", "KeyMarker": "a/b/x", "UploadIdMarker": "stuck"},
    ]
