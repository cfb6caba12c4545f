"""Requests to S3 that this server signs and a client sends."""

from typing import Final

from artifact_proxy.artifact_path import ArtifactPath
from artifact_proxy.attachment import BYTES, content_type_of, disposition_of
from artifact_proxy.stores.blob_store import Presigner, SignedRequest
from artifact_proxy.stores.buckets.object_keys import ObjectKeys
from artifact_proxy.stores.s3.client import S3Client
from artifact_proxy.stores.s3.settings import S3Settings

HEADERS: Final = {
    "ContentType": "Content-Type",
    "ContentLanguage": "Content-Language",
    "CacheControl": "Cache-Control",
    "ACL": "x-amz-acl",
    "StorageClass": "x-amz-storage-class",
    "Tagging": "x-amz-tagging",
    "RequestPayer": "x-amz-request-payer",
    "ServerSideEncryption": "x-amz-server-side-encryption",
    "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
    "SSEKMSEncryptionContext": "x-amz-server-side-encryption-context",
    "BucketKeyEnabled": "x-amz-server-side-encryption-bucket-key-enabled",
    "SSECustomerAlgorithm": "x-amz-server-side-encryption-customer-algorithm",
    "SSECustomerKeyMD5": "x-amz-server-side-encryption-customer-key-MD5",
}
"""The headers in which arguments of an upload travel. They are signed, so the client must send them.
SSECustomerKey is not here: it is a secret, and secrets of the store never leave the server."""


class S3Presigner(Presigner):
    """Signs with the server's own credentials; of those, a URL shows the public key id and a signature."""

    def __init__(self, client: S3Client, settings: S3Settings, keys: ObjectKeys) -> None:
        self._client = client
        self._settings = settings
        self._keys = keys

    async def download(self, path: ArtifactPath, expires_s: int) -> SignedRequest:
        url = await self._client.presigned(
            "get_object",
            expires_s,
            Key=self._keys.of(path),
            # The store's address must not show an artifact as a page either.
            ResponseContentDisposition=disposition_of(path.name),
            ResponseContentType=BYTES,
        )
        return SignedRequest(url=url)

    async def upload(self, path: ArtifactPath, expires_s: int) -> SignedRequest:
        args = self._settings.new_object(self._keys.of(path), content_type_of(path.name))
        url = await self._client.presigned("put_object", expires_s, **args)
        return SignedRequest(url=url, headers={HEADERS[name]: args[name] for name in args if name in HEADERS})

    async def part(self, path: ArtifactPath, upload_id: str, number: int, expires_s: int) -> SignedRequest:
        url = await self._client.presigned(
            "upload_part", expires_s, Key=self._keys.of(path), UploadId=upload_id, PartNumber=number
        )
        return SignedRequest(url=url)
