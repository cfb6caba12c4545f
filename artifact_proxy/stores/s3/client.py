"""Calls to one bucket: each bounded in time, its errors those of the blob store's port."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession

from artifact_proxy.stores.blob_store import StoreUnavailable
from artifact_proxy.stores.s3.errors import store_errors
from artifact_proxy.stores.s3.settings import S3Settings
from artifact_proxy.stores.streams import PATIENCE_S, TimedUpload

CONNECT_TIMEOUT_S: Final = 3.0
ATTEMPTS: Final = 3
CONNECTIONS: Final = 128


class S3Client:
    """botocore's clients for the bucket of `settings`, between `start` and `close`.

    `patience_s` limits a call with a small request and answer, its attempts together; of other calls, how long the
    store may take no byte of an upload, or send none of an answer.
    """

    def __init__(self, settings: S3Settings, patience_s: float = PATIENCE_S) -> None:
        self._settings = settings
        self._patience_s = patience_s
        self._stack = AsyncExitStack()
        self._client: Any = None
        self._streaming: Any = None

    async def start(self) -> None:
        """Read botocore's description of S3 and find the credentials' source; nothing is sent to the store."""
        self._client = await self._open(retries={"mode": "standard", "total_max_attempts": ATTEMPTS})
        self._streaming = await self._open(
            # What is streamed passes once: it can be neither sent again nor read beforehand for a checksum. TLS, or
            # TCP, guards it on the way, and the count of its bytes.
            retries={"total_max_attempts": 1},
            request_checksum_calculation="when_required",
            s3={"addressing_style": self._settings.addressing_style, "payload_signing_enabled": False},
        )

    async def close(self) -> None:
        await self._stack.aclose()

    async def call(self, operation: str, *, timeout_s: float | None = None, **args: Any) -> Any:
        """The answer to `operation`, named as in botocore, such as "head_object".

        Raises as STORE_ERRORS says, else StoreUnavailable.
        """
        with store_errors(operation):
            async with asyncio.timeout(timeout_s or self._patience_s):
                return await getattr(self._client, operation)(**self._addressed(args))

    async def stream(self, operation: str, body: AsyncIterator[bytes], size: int, **args: Any) -> Any:
        """The answer to `operation`, whose body are the `size` bytes of `body`, passed on as they come.

        Raises as `call` does, and whatever `body` raises. A call that raises has stored nothing.
        """
        passing = _Body(body, self._patience_s)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with passing.sending(store_errors(operation)):
                    return await getattr(self._streaming, operation)(
                        Body=passing, ContentLength=size, **self._addressed(args)
                    )
            except StoreUnavailable:
                # There was no connection, or the one in the pool was closed meanwhile: the body is still whole.
                if passing.has_begun or attempt == ATTEMPTS:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def presigned(self, operation: str, expires_s: int, **args: Any) -> str:
        """A URL with which anybody may do `operation` for `expires_s` seconds. Nothing is sent to the store."""
        with store_errors(operation):
            url: str = await self._client.generate_presigned_url(
                operation, Params=self._addressed(args), ExpiresIn=expires_s
            )
            return url

    def _addressed(self, args: Mapping[str, Any]) -> dict[str, Any]:
        owner = self._settings.expected_bucket_owner
        return {"Bucket": self._settings.bucket, **({"ExpectedBucketOwner": owner} if owner else {}), **args}

    async def _open(self, **config: Any) -> Any:
        defaults = {
            "connect_timeout": CONNECT_TIMEOUT_S,
            "read_timeout": self._patience_s,
            "max_pool_connections": CONNECTIONS,
            # Parts of a blob have no checksum of their own, and small blobs come with their length.
            "response_checksum_validation": "when_required",
            "signature_version": "s3v4",
            "s3": {"addressing_style": self._settings.addressing_style},
        }
        client = AioSession().create_client(
            "s3",
            endpoint_url=self._settings.endpoint_url,
            verify=False if self._settings.ignore_tls else None,
            config=AioConfig(**{**defaults, **config}),
        )
        return await self._stack.enter_async_context(client)


class _Body(TimedUpload):
    """botocore accepts a body that has `read`, like a file; aiohttp iterates it."""

    def read(self, _size: int = -1) -> bytes:
        raise NotImplementedError("A streamed upload is iterated.")
