"""The headers of a download make it a file and never a page."""

from datetime import UTC, datetime

import pytest

from artifact_proxy.attachment import attachment_headers, content_type_of, disposition_of
from artifact_proxy.stores.blob_store import BlobInfo


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        *(
            (f"x.{extension}", "text/plain; charset=utf-8")
            for extension in ("json", "yaml", "yml", "py", "csv", "md", "js", "xml")
        ),
        *((name, "text/plain; charset=utf-8") for name in ("MLmodel", "MLproject", "conf", "a.b.JSON", "log")),
        *(("a.png", "image/png"), ("a.html", "text/html"), ("a.svg", "image/svg+xml"), ("a.pdf", "application/pdf")),
        *((name, "application/octet-stream") for name in ("a", "a.", ".a", "a.unknown", "a.pkl", "MLmodel.bin")),
    ],
)
def test_the_name_alone_decides_the_type(name: str, content_type: str) -> None:
    assert content_type_of(name) == content_type


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("a.txt", 'attachment; filename="a.txt"'),
        ("with space;comma,.txt", 'attachment; filename="with space;comma,.txt"'),
        ("naïve.txt", "attachment; filename=\"na_ve.txt\"; filename*=UTF-8''na%C3%AFve.txt"),
        ("漢", "attachment; filename=\"_\"; filename*=UTF-8''%E6%BC%A2"),
        ('a"b', "attachment; filename=\"a_b\"; filename*=UTF-8''a%22b"),
        ("100%.txt", "attachment; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"),
    ],
)
def test_every_name_is_given_in_a_way_that_all_browsers_read(name: str, disposition: str) -> None:
    assert disposition_of(name) == disposition


def test_a_browser_must_never_run_a_download() -> None:
    info = BlobInfo(size=3, etag="e-1", modified=datetime(2026, 1, 2, 3, 4, 5, 600_000, UTC))
    assert {name.lower(): value for name, value in attachment_headers("x.html", info).items()} == {
        "content-type": "text/html",
        "content-disposition": 'attachment; filename="x.html"',
        "content-security-policy": "default-src 'none'; sandbox",
        "x-content-type-options": "nosniff",
        "cache-control": "no-cache",
        "accept-ranges": "bytes",
        "etag": '"e-1"',
        "last-modified": "Fri, 02 Jan 2026 03:04:05 GMT",
    }
