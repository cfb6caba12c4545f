"""An upload on its way into a request to a store: who is waited for, how long, and whose fault is told."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from artifact_proxy.stores.blob_store import StoreUnavailable
from artifact_proxy.stores.streams import TimedUpload
from tests.virtual_time import VirtualTimeLoop

LOOP = VirtualTimeLoop
PATIENCE_S = 30.0


@contextmanager
def store_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnavailable("The store does not answer.") from error


async def content(pause_s: float = 0.0) -> AsyncIterator[bytes]:
    for chunk in (b"one", b"two"):
        await asyncio.sleep(pause_s)
        yield chunk


async def broken() -> AsyncIterator[bytes]:
    yield b"one"
    raise ConnectionResetError("The client has gone.")


async def test_a_silent_store_is_told_of_in_time() -> None:
    with pytest.raises(StoreUnavailable):
        async with TimedUpload(content(), PATIENCE_S).sending(store_errors()):
            await asyncio.sleep(20 * PATIENCE_S)


async def test_a_slow_source_is_no_fault_of_the_store() -> None:
    upload = TimedUpload(content(pause_s=3 * PATIENCE_S), PATIENCE_S)
    async with upload.sending(store_errors()):
        assert [chunk async for chunk in upload] == [b"one", b"two"]


async def test_what_broke_the_source_is_raised_as_it_is() -> None:
    upload = TimedUpload(broken(), PATIENCE_S)
    with pytest.raises(ConnectionResetError):
        async with upload.sending(store_errors()):
            async for _ in upload:
                pass


async def test_the_writer_of_a_request_may_go_on_for_a_moment_when_the_store_is_late() -> None:
    """It is a task of its own, and is told to end only after the one that waits for the answer."""
    upload = TimedUpload(content(), PATIENCE_S)
    with pytest.raises(StoreUnavailable):
        async with upload.sending(store_errors()):
            chunks = aiter(upload)
            await anext(chunks)
            try:
                await asyncio.sleep(20 * PATIENCE_S)
            except asyncio.CancelledError:
                assert await anext(chunks) == b"two"
                raise
    assert [chunk async for chunk in chunks] == []


async def test_it_is_whole_until_somebody_takes_of_it() -> None:
    upload = TimedUpload(content(), PATIENCE_S)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            async with upload.sending(store_errors()):
                raise ConnectionRefusedError
        assert not upload.has_begun
    async with upload.sending(store_errors()):
        assert [chunk async for chunk in upload] == [b"one", b"two"]
    assert upload.has_begun
