"""A handler's answer that would be too large to hold whole: its length is known before, and it comes in pieces."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import hdrs, web

from schemas.rest.json_answer import CONTENT_TYPE

JSON: Final[Mapping[str, str]] = {hdrs.CONTENT_TYPE: CONTENT_TYPE}


@dataclass(frozen=True, slots=True)
class LargeBody:
    """`size` bytes, in pieces that can be had once. An empty piece lets other requests have their turn."""

    size: int
    held_bytes: int
    """What is in memory of it until it is sent."""
    pieces: Generator[bytes, None, None]


def body_of(parts: Sequence[bytes | LargeBody]) -> LargeBody:
    """One behind the other."""
    size = held_bytes = 0
    for part in parts:
        if isinstance(part, bytes):
            size += len(part)
            held_bytes += len(part)
        else:
            size += part.size
            held_bytes += part.held_bytes
    return LargeBody(size, held_bytes, _pieces(parts))


def _pieces(parts: Sequence[bytes | LargeBody]) -> Generator[bytes, None, None]:
    for part in parts:
        if isinstance(part, bytes):
            yield part
        else:
            yield from part.pieces


class LargeAnswer(web.StreamResponse):
    """200 with a large body, which the web front sends no faster than its client takes it."""

    def __init__(self, body: LargeBody, headers: Mapping[str, str] = JSON) -> None:
        super().__init__(headers=headers)
        self.content_length = body.size
        self.body = body
