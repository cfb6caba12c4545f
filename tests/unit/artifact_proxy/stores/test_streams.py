"""What an upload passes through: pieces of given sizes, a digest, a request to a store that may be silent."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifact_proxy.stores.blob_store import StoreUnavailable
from artifact_proxy.stores.streams import CHUNK_BYTES, Rechunked, Sha256Stream, SizedChunks, TimedUpload, whole
from schemas.errors import InvalidParameterValue
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


async def test_a_silent_store_is_unavailable_in_time() -> None:
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
    """It is a task of its own, and is cancelled only after the one that waits for the answer."""
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


async def test_an_upload_can_be_sent_again_until_bytes_were_taken() -> None:
    upload = TimedUpload(content(), PATIENCE_S)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            async with upload.sending(store_errors()):
                raise ConnectionRefusedError
        assert not upload.has_begun
    async with upload.sending(store_errors()):
        assert [chunk async for chunk in upload] == [b"one", b"two"]
    assert upload.has_begun


async def chunks(*contents: bytes) -> AsyncIterator[bytes]:
    for each in contents:
        yield each


async def test_small_chunks_become_some_that_are_worth_a_message() -> None:
    rechunked = Rechunked(chunks(*[bytes(CHUNK_BYTES // 4)] * 9, b"end"))
    assert [len(chunk) async for chunk in rechunked] == [CHUNK_BYTES, CHUNK_BYTES, CHUNK_BYTES // 4 + 3]
    assert rechunked.taken == CHUNK_BYTES * 9 // 4 + 3


async def test_the_digest_is_of_what_was_taken() -> None:
    digested = Sha256Stream(chunks(b"one", b"two"))
    assert await anext(digested) == b"one"
    assert digested.sha256 == hashlib.sha256(b"one").hexdigest()
    assert [chunk async for chunk in digested] == [b"two"]
    assert digested.sha256 == hashlib.sha256(b"onetwo").hexdigest()


@given(
    contents=st.lists(st.binary(max_size=5)), sizes=st.lists(st.integers(1, 7), min_size=1), peeked=st.integers(0, 9)
)
async def test_pieces_are_of_the_sizes_that_are_asked_for(contents: list[bytes], sizes: list[int], peeked: int) -> None:
    sized, whole = SizedChunks(chunks(*contents)), b"".join(contents)
    head = await sized.peek(peeked)
    assert whole.startswith(head)
    assert len(head) >= min(peeked, len(whole))
    for size in sizes:
        assert await sized.read(size) == whole[:size]
        whole = whole[size:]


async def test_content_that_ends_before_its_announced_size_is_refused() -> None:
    sized = SizedChunks(chunks(b"12345"))
    assert [chunk async for chunk in sized.take_exactly(2)] == [b"12"]
    with pytest.raises(InvalidParameterValue, match="ended 1 bytes before"):
        assert [chunk async for chunk in sized.take_exactly(4)]


@pytest.mark.parametrize("size", [5, 7])
async def test_an_answer_of_another_size_is_an_outage(size: int) -> None:
    assert [chunk async for chunk in whole(chunks(b"123", b"456"), 6)] == [b"123", b"456"]
    with pytest.raises(StoreUnavailable):
        assert [chunk async for chunk in whole(chunks(b"123", b"456"), size)]
