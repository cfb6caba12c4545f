"""Errors of S3: what an operator must repair is a refusal, and what passes is an outage."""

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
def test_a_refusal_is_not_an_outage(error: Exception, meant: type[Exception]) -> None:
    with pytest.raises(meant) as raised, store_errors("list_objects_v2"):
        raise error
    assert type(raised.value) is meant
    assert "secret.example" not in str(raised.value)
