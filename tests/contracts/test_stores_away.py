"""A store that is away is unavailable, within a bound and without a word of where it is: never empty, never a fault."""

import asyncio

import pytest

from artifact_proxy.artifact_path import file_path
from artifact_proxy.stores.blob_store import StoreUnavailable
from artifact_proxy.stores.by_uri import store_at
from tests.contracts.blob_store_contract import entries, get, put

WITHIN_S = 60.0
"""The longest waits are for a store that is there and does not answer; a closed port refuses at once."""


def uris(port: int) -> dict[str, str]:
    return {
        "s3": "s3://bucket/prefix",
        "gs": "gs://bucket/prefix",
        "wasbs": "wasbs://container@account.blob.core.windows.net/prefix",
        "sftp": f"sftp://nobody:secret@127.0.0.1:{port}/root",
        "ftp": f"ftp://nobody:secret@127.0.0.1:{port}/root",
        "hdfs": "hdfs://namenode/root",
    }


@pytest.mark.parametrize("scheme", list(uris(0)))
async def test_a_store_that_is_away_is_unavailable_and_not_empty(
    scheme: str, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # botocore finds its credentials by itself.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    address = f"http://127.0.0.1:{unused_tcp_port}"
    environ = {
        "MLFLOW_S3_ENDPOINT_URL": address,
        "STORAGE_EMULATOR_HOST": address,
        "AZURE_STORAGE_CONNECTION_STRING": f"AccountName=a;AccountKey=c2VjcmV0;BlobEndpoint={address}/a",
        "TRACKLOG_WEBHDFS_URL": address,
    }
    store = store_at(uris(unused_tcp_port)[scheme], environ)
    await store.start()
    reached = (
        get(store, "a"),
        put(store, "a", b"1"),
        store.delete(file_path("a")),
        entries(store),
        store.check_writable(),
    )
    async with asyncio.timeout(WITHIN_S):
        errors = await asyncio.gather(*reached, return_exceptions=True)
    for error in errors:
        assert isinstance(error, StoreUnavailable)
        assert str(unused_tcp_port) not in error.message
        assert "secret" not in error.message
    await store.close()
