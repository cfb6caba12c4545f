"""What goes wrong with S3 is told apart: what somebody must mend, and what passes."""

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError

from artifact_proxy.stores.blob_store import StoreRefused, StoreUnavailable
from artifact_proxy.stores.s3.errors import store_errors


@pytest.mark.parametrize(
    ("error", "meant"),
    [
        (ClientError({"Error": {"Code": "AccessDenied"}}, "ListObjectsV2"), StoreRefused),
        (ClientError({"Error": {"Code": "NoSuchBucket"}}, "ListObjectsV2"), StoreRefused),
        (ClientError({"Error": {"Code": "SlowDown"}}, "ListObjectsV2"), StoreUnavailable),
        (NoCredentialsError(), StoreRefused),
        (ConnectTimeoutError(endpoint_url="https://secret.example"), StoreUnavailable),
    ],
)
def test_a_refusal_is_told_from_an_outage(error: Exception, meant: type[Exception]) -> None:
    with pytest.raises(meant) as told, store_errors("list_objects_v2"):
        raise error
    assert type(told.value) is meant
    assert "secret.example" not in str(told.value)
