"""No header, however odd its value, is answered with a 500 or with silence, on any kind of route.

The web framework, or Python's library behind it, converts many of them: to dates, numbers, tags, character sets.
"""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracklog_server import TracklogServer

MANY_DIGITS = "9" * 400
DATES = [
    *("Sat, 01 Jan 99999999999999 00:00:00 GMT", "Sat, 01 Jan 0000 00:00:00 GMT", "Sat, 99 Jan 2020 99:99:99 GMT"),
    *(f"Sat, 01 Jan {'9' * 5000} 00:00:00 GMT", "Sat, 01 Jan 2020 00:00:00 +99999999999", "-1", "0", "Sat,", ","),
    *("Sat, 01 Jan -5 00:00:00 GMT", "Sat Jan  1 00:00:00 99999999999999", "Mon, 31 Feb 2020 00:00:00 GMT"),
]
RANGES = [
    *(f"bytes=0-{MANY_DIGITS}", f"bytes=-{MANY_DIGITS}", f"bytes={MANY_DIGITS}-", "bytes=0-0,1-1", "bytes=-0"),
    *("bytes=5-1", "bytes", "=", "items=0-1", "bytes=\u0663-\u0664", "bytes=\u00b2-", f"bytes=0-{'9' * 5000}"),
]
TAGS = ['"', '""', "*", "W/", '"x', f'"{"a" * 3000}"', ",,,", '"a","b"', 'W/W/"x"']
TYPES = [
    *(f"application/json; charset={name}" for name in ("nonsense", "", '"', "utf-7", "rot13", "hex", "idna", "base64")),
    *("; ;;", "/", "application", "application/json; charset*=utf-8''x", "multipart/form-data; boundary="),
]
ODD = [
    *(
        "",
        "\xff",
        "\udcff",
        "a" * 4000,
        "-1",
        "0x10",
        "1e5",
        "5,5",
        "NaN",
        "gzip;q=1e999",
        f"*;q={MANY_DIGITS}",
        "[::1",
    ),
    *("http://[", "//", 'a=b; c="', "=;=", "\\", "100-continue, x", f"bytes 0-{MANY_DIGITS}/*", "localhost:99999", ":"),
]
VALUES = [*DATES, *RANGES, *TAGS, *TYPES, *ODD]

CONVERTED = {
    **dict.fromkeys(("If-Modified-Since", "If-Unmodified-Since", "Date"), DATES),
    **dict.fromkeys(("Range", "Content-Range"), RANGES),
    **dict.fromkeys(("If-Match", "If-None-Match"), TAGS),
    **dict.fromkeys(("Content-Type", "Accept"), TYPES),
    "If-Range": [*DATES, *TAGS],
}
TEXT = (
    *("Accept-Encoding", "Cookie", "Expect", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded"),
    *("Host", "Origin", "Authorization", "Content-Encoding", "X-Request-Id", "User-Agent", "Upgrade", "Connection"),
    *("Access-Control-Request-Method", "Access-Control-Request-Headers", "Content-Disposition", "TE", "Trailer"),
)
CORPUS = [
    *((header, value) for header, values in CONVERTED.items() for value in [*values, "", "\xff"]),
    *((header, value) for header in TEXT for value in ODD),
]

JSON = "application/json"
ANSWER_TIMEOUT_S = 60.0
"""A busy machine answers late; an answer that never comes is the failure."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A good request, to be given one odd header."""

    method: str
    target: str
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Served:
    host: str
    port: int

    def status(self, asked: Asked, header: str = "", value: str = "") -> int:
        """The status of the answer to a request with one more header, or another value of one that it has."""
        headers = {"Host": "localhost", "Connection": "close", "Content-Length": str(len(asked.body))}
        if asked.body:
            headers["Content-Type"] = JSON
        if header == "If-Range":
            headers["Range"] = "bytes=0-1"
        if header:
            headers[header] = value
        lines = [f"{asked.method} {asked.target} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
        head = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
        with socket.create_connection((self.host, self.port), ANSWER_TIMEOUT_S) as connection:
            connection.sendall(head + asked.body)
            answer = connection.makefile("rb").readline()
            while answer.startswith(b"HTTP/1.1 100"):
                answer = connection.makefile("rb").readline()
        return int(answer.split()[1])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with TracklogServer(tmp_path_factory.mktemp("server")) as server:
        parts = urlsplit(server.url)
        served = Served(parts.hostname or "", parts.port or 0)
        assert served.status(Asked("PUT", FILE, b"hello")) == 200
        yield served


FILE = "/api/2.0/mlflow-artifacts/artifacts/0/run/artifacts/a.txt"
KINDS = {
    "a download": Asked("GET", FILE),
    "a look at a download": Asked("HEAD", FILE),
    "an upload": Asked("PUT", f"{FILE}2", b"hello"),
    "a listing": Asked("GET", "/api/2.0/mlflow-artifacts/artifacts?path=0"),
    "parts": Asked("POST", "/api/2.0/mlflow-artifacts/mpu/create/0/r", b'{"path":"x","num_parts":1}'),
    "a read": Asked("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0"),
    "a write": Asked(
        "POST", "/api/2.0/mlflow/experiments/set-experiment-tag", b'{"experiment_id":"0","key":"k","value":"v"}'
    ),
    "GraphQL": Asked("POST", "/graphql", b'{"query":"{__typename}"}'),
    "the page": Asked("GET", "/"),
    "an operation": Asked("GET", "/version"),
    "nothing": Asked("GET", "/nowhere"),
    "a preflight": Asked("OPTIONS", "/api/2.0/mlflow/runs/create"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_odd_header_is_a_server_error(served: Served, kind: str) -> None:
    asked = KINDS[kind]
    assert served.status(asked) < 500
    failed = [(header, value[:80]) for header, value in CORPUS if served.status(asked, header, value) >= 500]
    assert failed == []


PIECES = st.sampled_from(
    [
        *VALUES,
        "Sat",
        "Jan",
        "01",
        " ",
        ":",
        "GMT",
        ";",
        "=",
        '"',
        "charset",
        "bytes",
        "-",
        "9",
        "0",
        "\xff",
        "%",
        "@",
        "[",
    ]
)


@given(
    kind=st.sampled_from(sorted(KINDS)),
    header=st.sampled_from([*CONVERTED, *TEXT]),
    value=st.lists(PIECES, max_size=6).map("".join).map(lambda value: value[:6000]),
)
@settings(max_examples=300)
def test_no_header_that_is_made_up_is_a_server_error(served: Served, kind: str, header: str, value: str) -> None:
    assert served.status(KINDS[kind], header, value) < 500
