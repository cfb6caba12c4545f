"""An FTP server keeps the contract of blob stores."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from artifact_proxy.stores.blob_store import Entry, StoreRefused, StoreUnavailable
from artifact_proxy.stores.servers.blob_store import FileTreeBlobStore
from artifact_proxy.stores.servers.ftp import FtpFileTree
from artifact_proxy.stores.uri import StoreUri
from tests.contracts.blob_store_contract import LARGE, BlobStoreContract, entries, get, put
from tests.services.ftpd import Ftpd, TlsFtpd
from tests.services.missing import ServiceMissing, leave_out
from tests.services.running import running


@pytest.fixture
async def store(ftp_service: Ftpd) -> AsyncIterator[FileTreeBlobStore]:
    uri = f"ftp://{ftp_service.user}:{ftp_service.password}@127.0.0.1:{ftp_service.port}/{uuid4().hex}/root"
    store = FileTreeBlobStore(FtpFileTree(StoreUri.parse(uri)))
    await store.start()
    yield store
    await store.close()


class TestFtpBlobStore(BlobStoreContract):
    """The contract."""


@pytest.fixture
def tls_server() -> Iterator[TlsFtpd]:
    try:
        with running(TlsFtpd) as server:
            yield server
    except ServiceMissing as missing:
        leave_out(missing)


def tls_store_on(server: TlsFtpd) -> FileTreeBlobStore:
    uri = f"ftps://{server.user}:{server.password}@127.0.0.1:{server.port}/root"
    return FileTreeBlobStore(FtpFileTree(StoreUri.parse(uri)))


async def test_ftps_passes_all_by_tls_to_a_server_whose_certificate_is_trusted(
    tls_server: TlsFtpd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls_server.certificate))
    store = tls_store_on(tls_server)
    await put(store, "a/b", *[LARGE] * 3)
    assert await get(store, "a/b") == LARGE * 3
    assert await entries(store, "a") == [Entry("b", 3 * len(LARGE))]
    await store.close()


def test_a_closed_store_has_no_connection_open_even_if_the_server_does_not_answer_any_more(
    tls_server: TlsFtpd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls_server.certificate))

    async def use() -> None:
        store = tls_store_on(tls_server)
        await put(store, "a", b"1")
        assert await get(store, "a") == b"1"
        tls_server.suspend()
        await store.close()

    asyncio.run(use())
    tls_server.resume()
    gc.collect()  # a connection that is still open would now be reported, and fail the test


async def test_ftps_tells_its_password_to_no_other_server(tls_server: TlsFtpd) -> None:
    store = tls_store_on(tls_server)
    with pytest.raises(StoreUnavailable):
        await put(store, "a", b"1")
    await store.close()
    log = tls_server.log_tail()
    assert "FTP session opened" in log
    assert f"[{tls_server.user}]" not in log


async def test_a_wrong_password_is_refused_and_not_shown(ftp_service: Ftpd) -> None:
    uri = f"ftp://{ftp_service.user}:wrong-secret@127.0.0.1:{ftp_service.port}/root"
    store = FileTreeBlobStore(FtpFileTree(StoreUri.parse(uri)))
    with pytest.raises(StoreRefused) as refused:
        await put(store, "a", b"1")
    assert "secret" not in refused.value.message
    await store.close()
