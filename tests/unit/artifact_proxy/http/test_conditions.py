"""Ranges and conditional requests, as RFC 9110 says."""

from datetime import UTC, datetime

import pytest
from aiohttp.test_utils import make_mocked_request

from artifact_proxy.http.conditions import Part, Verdict, part_of, verdict_on
from artifact_proxy.stores.blob_store import BlobInfo

INFO = BlobInfo(size=10, etag="v2", modified=datetime(2026, 1, 2, 3, 4, 5, 600_000, UTC))
EARLIER = "Fri, 02 Jan 2026 03:04:04 GMT"
EXACTLY = "Fri, 02 Jan 2026 03:04:05 GMT"
LATER = "Fri, 02 Jan 2026 03:04:06 GMT"
WHOLE = Part(0, 10)
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
    ("wanted", "part"),
    [
        *(("bytes=0-0", Part(0, 1)), ("bytes=2-4", Part(2, 3)), ("bytes=7-", Part(7, 3)), ("bytes=5-99", Part(5, 5))),
        *(("bytes=-2", Part(8, 2)), ("bytes=-99", WHOLE), ("Bytes = 1 - 2", Part(1, 2)), ("bytes=0-", WHOLE)),
        *(("bytes=10-", None), ("bytes=99-100", None), ("bytes=-0", None)),
        *(
            (odd, WHOLE)
            for odd in ("", "bytes=", "bytes=-", "bytes=4-2", "lines=1-2", "bytes=0-1,3-4", "bytes=a-b", "0-1")
        ),
        ("bytes=" + "9" * 40 + "-", WHOLE),
    ],
)
def test_one_range_is_honoured_and_what_is_unclear_gets_the_whole(wanted: str, part: Part | None) -> None:
    assert part_of(make_mocked_request("GET", "/", {"Range": wanted}), INFO) == part


@pytest.mark.parametrize("wanted", ["bytes=0-", "bytes=-1", "bytes=0-5"])
def test_an_empty_blob_has_no_part(wanted: str) -> None:
    empty = BlobInfo(size=0, etag="v", modified=INFO.modified)
    assert part_of(make_mocked_request("GET", "/", {"Range": wanted}), empty) is None


@pytest.mark.parametrize(
    ("condition", "part"),
    [
        ('"v2"', Part(0, 1)),
        ('"v1"', WHOLE),
        ('W/"v2"', WHOLE),
        (EXACTLY, Part(0, 1)),
        (EARLIER, WHOLE),
        (LATER, WHOLE),
        ("x", WHOLE),
        *((odd, WHOLE) for odd in ODD_DATES),
    ],
)
def test_a_part_is_sent_only_of_the_version_the_client_has(condition: str, part: Part) -> None:
    assert part_of(make_mocked_request("GET", "/", {"Range": "bytes=0-0", "If-Range": condition}), INFO) == part


@pytest.mark.parametrize(
    ("headers", "verdict"),
    [
        ({}, Verdict.SEND),
        ({"If-None-Match": '"v2"'}, Verdict.NOT_MODIFIED),
        ({"If-None-Match": 'W/"v2"'}, Verdict.NOT_MODIFIED),
        ({"If-None-Match": '"v1", "v2"'}, Verdict.NOT_MODIFIED),
        ({"If-None-Match": "*"}, Verdict.NOT_MODIFIED),
        ({"If-None-Match": '"v1"'}, Verdict.SEND),
        ({"If-Modified-Since": EXACTLY}, Verdict.NOT_MODIFIED),
        ({"If-Modified-Since": LATER}, Verdict.NOT_MODIFIED),
        ({"If-Modified-Since": EARLIER}, Verdict.SEND),
        ({"If-Modified-Since": "yesterday"}, Verdict.SEND),
        ({"If-None-Match": '"v1"', "If-Modified-Since": LATER}, Verdict.SEND),
        ({"If-Modified-Since": "Friday, 02-Jan-26 03:04:06 GMT"}, Verdict.NOT_MODIFIED),
        ({"If-Modified-Since": "Fri Jan  2 03:04:06 2026"}, Verdict.NOT_MODIFIED),
        *(({"If-Modified-Since": odd}, Verdict.SEND) for odd in ODD_DATES),
        *(({"If-Unmodified-Since": odd}, Verdict.SEND) for odd in ODD_DATES),
        ({"If-Match": '"v2"'}, Verdict.SEND),
        ({"If-Match": "*"}, Verdict.SEND),
        ({"If-Match": '"v1"'}, Verdict.FAILED),
        ({"If-Match": 'W/"v2"'}, Verdict.FAILED),
        ({"If-Unmodified-Since": EARLIER}, Verdict.FAILED),
        ({"If-Unmodified-Since": EXACTLY}, Verdict.SEND),
    ],
)
def test_conditions_compare_versions(headers: dict[str, str], verdict: Verdict) -> None:
    assert verdict_on(make_mocked_request("GET", "/", headers), INFO) is verdict
