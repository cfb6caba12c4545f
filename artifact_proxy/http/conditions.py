"""What a download's request headers ask for: a range of bytes, or none of them when the client's copy is good.

Source: RFC 9110, sections 13 and 14.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from aiohttp import ETag, hdrs, web

from artifact_proxy.stores.blob_store import BlobInfo
from schemas.rest.http_dates import http_date

_ONE_RANGE: Final = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)


class Precondition(Enum):
    """What the preconditions of a request come to."""

    HOLDS = "holds"
    NOT_MODIFIED = "not modified"
    FAILED = "precondition failed"


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes of a blob; `start` is inside it unless the blob is empty."""

    start: int
    length: int

    @property
    def last(self) -> int:
        """The place of the last byte, as headers name it."""
        return self.start + self.length - 1


def precondition_of(request: web.Request, info: BlobInfo) -> Precondition:
    """Whether the blob is to be sent, by If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since."""
    modified = info.modified.replace(microsecond=0)
    if request.if_match is not None:
        if not any(is_same(tag, info, weakly=False) for tag in request.if_match):
            return Precondition.FAILED
    elif is_before(http_date(request.headers.get(hdrs.IF_UNMODIFIED_SINCE)), modified):
        return Precondition.FAILED
    if request.if_none_match is not None:
        if any(is_same(tag, info, weakly=True) for tag in request.if_none_match):
            return Precondition.NOT_MODIFIED
    else:
        since = http_date(request.headers.get(hdrs.IF_MODIFIED_SINCE))
        if since is not None and not is_before(since, modified):
            return Precondition.NOT_MODIFIED
    return Precondition.HOLDS


def byte_range_of(request: web.Request, info: BlobInfo) -> ByteRange | None:
    """The one range of bytes that is asked for; the whole when there is none, several, or one that is not understood.

    None when the range lies beyond the end.
    """
    whole = ByteRange(0, info.size)
    wanted = _ONE_RANGE.fullmatch(request.headers.get(hdrs.RANGE, ""))
    if wanted is None or wanted[0] == "" or not is_range_current(request, info):
        return whole
    first, last = wanted[1], wanted[2]
    if first == "":
        if last == "":
            return whole
        length = min(int(last), info.size)
        return ByteRange(info.size - length, length) if length else None
    start = int(first)
    if last != "" and int(last) < start:
        return whole
    if start >= info.size:
        return None
    end = info.size if last == "" else min(int(last) + 1, info.size)
    return ByteRange(start, end - start)


def is_range_current(request: web.Request, info: BlobInfo) -> bool:
    """Whether If-Range, if it is there, names this version; if not, the client must get the whole."""
    condition = request.headers.get(hdrs.IF_RANGE)
    if condition is None:
        return True
    if condition.startswith('"'):
        return condition == f'"{info.etag}"'
    return http_date(condition) == info.modified.replace(microsecond=0)


def is_same(tag: ETag, info: BlobInfo, *, weakly: bool) -> bool:
    return tag.value == "*" or (tag.value == info.etag and (weakly or not tag.is_weak))


def is_before(named: datetime | None, modified: datetime) -> bool:
    return named is not None and named < modified
