"""Ranges and conditional requests, as RFC 9110 says."""

from datetime import UTC, datetime

import pytest
from aiohttp.test_utils import make_mocked_request

from artifact_proxy.http.conditions import ByteRange, Precondition, byte_range_of, precondition_of
from artifact_proxy.stores.blob_store import BlobInfo

INFO = BlobInfo(size=10, etag="v2", modified=datetime(2026, 1, 2, 3, 4, 5, 600_000, UTC))
EARLIER = "Fri, 02 Jan 2026 03:04:04 GMT"
EXACTLY = "Fri, 02 Jan 2026 03:04:05 GMT"
LATER = "Fri, 02 Jan 2026 03:04:06 GMT"
WHOLE = ByteRange(0, 10)
ODD_DATES = [
    *("Fri, 02 Jan 20260102030405 03:04:05 GMT", "Fri, 02 Jan 0000 03:04:05 GMT", "Fri, 99 Jan 2026 99:99:99 GMT"),
    *(
        f"Fri, 02 Jan {'9' * 5000} 03:04:05 GMT",
        "Fri, 02 Jan 2026 03:04:05 +99999999999",
        "02 Jan 2026",
        "-1",
        "0",
        ",",
    ),
    *("Fri, 02 Jan ٢٠٢٦ 03:04:05 GMT", "\xff", "Fri, 02 Jan 2026 03:04:05 GMT" + " " * 5000),
]


@pytest.mark.parametrize(
    ("wanted", "byte_range"),
    [
        *(
            ("bytes=0-0", ByteRange(0, 1)),
            ("bytes=2-4", ByteRange(2, 3)),
            ("bytes=7-", ByteRange(7, 3)),
            ("bytes=5-99", ByteRange(5, 5)),
        ),
        *(("bytes=-2", ByteRange(8, 2)), ("bytes=-99", WHOLE), ("Bytes = 1 - 2", ByteRange(1, 2)), ("bytes=0-", WHOLE)),
        *(("bytes=10-", None), ("bytes=99-100", None), ("bytes=-0", None)),
        *(
            (odd, WHOLE)
            for odd in ("", "bytes=", "bytes=-", "bytes=4-2", "lines=1-2", "bytes=0-1,3-4", "bytes=a-b", "0-1")
        ),
        ("bytes=" + "9" * 40 + "-", WHOLE),
    ],
)
def test_one_range_is_honoured_and_what_is_unclear_gets_the_whole(wanted: str, byte_range: ByteRange | None) -> None:
    assert byte_range_of(make_mocked_request("GET", "/", {"Range": wanted}), INFO) == byte_range


@pytest.mark.parametrize("wanted", ["bytes=0-", "bytes=-1", "bytes=0-5"])
def test_an_empty_blob_has_no_range(wanted: str) -> None:
    empty = BlobInfo(size=0, etag="v", modified=INFO.modified)
    assert byte_range_of(make_mocked_request("GET", "/", {"Range": wanted}), empty) is None


@pytest.mark.parametrize(
    ("condition", "byte_range"),
    [
        ('"v2"', ByteRange(0, 1)),
        ('"v1"', WHOLE),
        ('W/"v2"', WHOLE),
        (EXACTLY, ByteRange(0, 1)),
        (EARLIER, WHOLE),
        (LATER, WHOLE),
        ("x", WHOLE),
        *((odd, WHOLE) for odd in ODD_DATES),
    ],
)
def test_a_range_is_sent_only_of_the_version_the_client_has(condition: str, byte_range: ByteRange) -> None:
    assert (
        byte_range_of(make_mocked_request("GET", "/", {"Range": "bytes=0-0", "If-Range": condition}), INFO)
        == byte_range
    )


@pytest.mark.parametrize(
    ("headers", "precondition"),
    [
        ({}, Precondition.HOLDS),
        ({"If-None-Match": '"v2"'}, Precondition.NOT_MODIFIED),
        ({"If-None-Match": 'W/"v2"'}, Precondition.NOT_MODIFIED),
        ({"If-None-Match": '"v1", "v2"'}, Precondition.NOT_MODIFIED),
        ({"If-None-Match": "*"}, Precondition.NOT_MODIFIED),
        ({"If-None-Match": '"v1"'}, Precondition.HOLDS),
        ({"If-Modified-Since": EXACTLY}, Precondition.NOT_MODIFIED),
        ({"If-Modified-Since": LATER}, Precondition.NOT_MODIFIED),
        ({"If-Modified-Since": EARLIER}, Precondition.HOLDS),
        ({"If-Modified-Since": "yesterday"}, Precondition.HOLDS),
        ({"If-None-Match": '"v1"', "If-Modified-Since": LATER}, Precondition.HOLDS),
        ({"If-Modified-Since": "Friday, 02-Jan-26 03:04:06 GMT"}, Precondition.NOT_MODIFIED),
        ({"If-Modified-Since": "Fri Jan  2 03:04:06 2026"}, Precondition.NOT_MODIFIED),
        *(({"If-Modified-Since": odd}, Precondition.HOLDS) for odd in ODD_DATES),
        *(({"If-Unmodified-Since": odd}, Precondition.HOLDS) for odd in ODD_DATES),
        ({"If-Match": '"v2"'}, Precondition.HOLDS),
        ({"If-Match": "*"}, Precondition.HOLDS),
        ({"If-Match": '"v1"'}, Precondition.FAILED),
        ({"If-Match": 'W/"v2"'}, Precondition.FAILED),
        ({"If-Unmodified-Since": EARLIER}, Precondition.FAILED),
        ({"If-Unmodified-Since": EXACTLY}, Precondition.HOLDS),
    ],
)
def test_conditions_compare_versions(headers: dict[str, str], precondition: Precondition) -> None:
    assert precondition_of(make_mocked_request("GET", "/", headers), INFO) is precondition
