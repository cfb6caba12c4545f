"""What botocore's errors and S3's error codes mean to the blob store."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import aiohttp
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
    UndefinedModelAttributeError,
)

from artifact_proxy.stores.blob_store import BlobNotFound, StoreFull, StoreRefused, StoreUnavailable
from artifact_proxy.stores.library_errors import AWAY, ErrorTable, Meaning, meaning_of
from schemas.errors import InvalidParameterValue, TracklogError


class RangeBeyondEnd(StoreUnavailable):
    """Bytes were asked for that the object has not: every range of an empty object is such."""


STORE_ERRORS: Final[dict[str, type[TracklogError]]] = {
    "404": BlobNotFound,
    "NoSuchKey": BlobNotFound,
    "InvalidRange": RangeBeyondEnd,
    "KeyTooLongError": InvalidParameterValue,
    "XMinioInvalidObjectName": InvalidParameterValue,
    "XMinioInvalidResourceName": InvalidParameterValue,
    "EntityTooLarge": InvalidParameterValue,
    "EntityTooSmall": InvalidParameterValue,
    "InvalidPart": InvalidParameterValue,
    "InvalidPartOrder": InvalidParameterValue,
    "NoSuchUpload": InvalidParameterValue,
    "AccessDenied": StoreRefused,
    "AccountProblem": StoreRefused,
    "AllAccessDisabled": StoreRefused,
    "InvalidAccessKeyId": StoreRefused,
    "SignatureDoesNotMatch": StoreRefused,
    "NoSuchBucket": StoreRefused,
    "QuotaExceeded": StoreFull,
    "XMinioStorageFull": StoreFull,
    "XMinioAdminBucketQuotaExceeded": StoreFull,
}
"""By the code in S3's answer; any other code is StoreUnavailable."""

NO_CREDENTIALS: Final = Meaning(
    StoreRefused, "The server has no credentials for its artifact store, whole ones at least."
)

CALL_ERRORS: Final[ErrorTable] = {
    NoCredentialsError: NO_CREDENTIALS,
    PartialCredentialsError: NO_CREDENTIALS,
    BotoCoreError: AWAY,
    UndefinedModelAttributeError: AWAY,
    aiohttp.ClientError: AWAY,
    OSError: AWAY,
}
"""Every way in which a call fails without an answer. asyncio's TimeoutError is an OSError."""


@contextmanager
def store_errors(operation: str) -> Iterator[None]:
    """Raise the port's errors for those of S3, cause kept, the store's address and answer not shown."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        meant = STORE_ERRORS.get(code, StoreUnavailable)
        raise meant(f"The artifact store answered {code} to {operation}.") from error
    except tuple(CALL_ERRORS) as error:
        raise meaning_of(error, CALL_ERRORS) from error
