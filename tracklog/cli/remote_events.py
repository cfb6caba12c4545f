"""The history of a server that is asked over HTTP, as lines."""

import time
from collections.abc import Iterator, Mapping
from typing import Final

from tracklog.cli.remote import OURS, Remote, RemoteAway

PAGE: Final = 1000
AGAIN_S: Final = 1.0
"""Between attempts to go on with a stream that was cut."""


def pages(remote: Remote, asked: Mapping[str, str | list[str]], limit: int | None, form: str) -> Iterator[bytes]:
    """Page after page of what is asked for, at most `limit` events."""
    cursor = ""
    left = limit
    while left is None or left > 0:
        size = PAGE if left is None else min(left, PAGE)
        parameters = {**asked, "limit": str(size), "format": form, **({"cursor": cursor} if cursor else {})}
        page = remote.page(f"{OURS}/history", parameters)
        # Of a table only the first page has the names of its columns.
        body = page.body if form != "csv" or not cursor else page.body.partition(b"\n")[2]
        yield body
        cursor = page.headers["X-Tracklog-Next-Cursor"]
        if left is not None:
            left -= int(page.headers["X-Tracklog-Events"])
        if page.headers["X-Tracklog-Is-Last"] == "true":
            return


def live(remote: Remote, asked: Mapping[str, str | list[str]], limit: int | None) -> Iterator[bytes]:
    """Events as they come, a line each. A stream that is cut is gone on with where it ended."""
    cursor = ""
    left = limit
    while True:
        try:
            headers = {"Last-Event-ID": cursor} if cursor else {}
            for line in remote.lines(f"{OURS}/history/stream", asked, headers):
                name, _, value = line.partition(b": ")
                if name == b"id":
                    cursor = value.decode()
                elif name == b"data":
                    yield value + b"\n"
                    if left is not None:
                        left -= 1
                        if not left:
                            return
        except RemoteAway:
            if not cursor:
                raise
        time.sleep(AGAIN_S)
