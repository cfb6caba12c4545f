"""What packed bodies become, and how much of them is ever unpacked."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
import zstandard

from schemas.errors import InvalidParameterValue, RequestTooLarge, UnsupportedEncoding
from schemas.rest.packed_body import unpacked

MIB = 2**20
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}

packed_as = pytest.mark.parametrize("encoding", PACKERS)


@packed_as
@pytest.mark.parametrize("body", [b"", b"{}", b"x" * MIB, bytes(range(256)) * 4096])
def test_what_was_packed_comes_out(encoding: str, body: bytes) -> None:
    assert unpacked(PACKERS[encoding](body), encoding, MIB) == body
    assert unpacked(PACKERS[encoding](body), f" {encoding.upper()} ", MIB) == body


@packed_as
def test_one_byte_more_than_the_limit_is_refused(encoding: str) -> None:
    assert len(unpacked(PACKERS[encoding](b"x" * 1000), encoding, 1000)) == 1000
    with pytest.raises(RequestTooLarge, match="1000"):
        unpacked(PACKERS[encoding](b"x" * 1001), encoding, 1000)


@pytest.mark.slow
@packed_as
def test_unpacking_stops_at_the_limit(encoding: str) -> None:
    bomb = PACKERS[encoding](bytes(100 * MIB))
    tracemalloc.start()
    with pytest.raises(RequestTooLarge):
        unpacked(bomb, encoding, MIB)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 24 * MIB


@packed_as
@pytest.mark.parametrize(
    "spoil",
    [
        lambda packed: packed[:-1],
        lambda packed: packed[: len(packed) // 2],
        lambda packed: packed + b"x",
        lambda packed: packed + packed,
        lambda packed: b"x" + packed,
        lambda packed: packed[:-4] + b"\0\0\0\0" if packed[:2] == b"\x1f\x8b" else b"\0" + packed[1:],
        lambda _: b"{}",
    ],
    ids=["cut", "cut-in-half", "trailing", "twice", "leading", "damaged", "plain"],
)
def test_what_is_not_one_whole_stream_is_refused(encoding: str, spoil: Callable[[bytes], bytes]) -> None:
    body = b'{"run_id":"r","key":"k"}' * 1000
    with pytest.raises(InvalidParameterValue):
        unpacked(spoil(PACKERS[encoding](body)), encoding, MIB)


def test_a_frame_of_zstd_that_wants_more_memory_than_8_mib_is_refused() -> None:
    packer = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=27)
    ).compressobj()
    packed = packer.compress(b"x") + packer.flush()
    with pytest.raises(InvalidParameterValue, match="memory"):
        unpacked(packed, "zstd", MIB)


@pytest.mark.parametrize("encoding", ["br", "compress", "gzip, zstd", "gzip,gzip", "identity, gzip", "x", "*"])
def test_other_encodings_and_several_are_refused(encoding: str) -> None:
    with pytest.raises(UnsupportedEncoding) as error:
        unpacked(zlib.compress(b"{}"), encoding, MIB)
    assert error.value.status == 415


@pytest.mark.parametrize("encoding", ["", "identity", "Identity "])
def test_a_body_as_it_is_stays_so(encoding: str) -> None:
    assert unpacked(b"{}", encoding, 1) == b"{}"
