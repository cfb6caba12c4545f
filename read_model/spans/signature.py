"""What spans are called and which attributes they have, as a few bytes of each chunk in which a database looks for one.

A name, a type, a status and an attribute with its value are four bytes of hash each, however long the value; what
several spans share is there once. Looking through the signatures of all traces takes a fraction of a microsecond for
each, while their spans would have to be unpacked. A hash may be there by chance, so a search tests what it finds.
"""

import struct
import zlib
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from read_model.spans.conventions import SPAN_TYPE, whole
from read_model.spans.values import plain_text, read_value
from schemas.events import Span
from schemas.traces import SPAN_STATUSES

NAME: Final = "\0name"
TYPE: Final = "\0type"
STATUS: Final = "\0status"
"""Keys of what a span is. No attribute has a key with NUL."""

_BYTES: Final = 4


def pack_hashes(hashes: Collection[int]) -> bytes:
    """Hashes as the row of a chunk holds them."""
    return struct.pack(f">{len(hashes)}I", *sorted(hashes))


def unpack_hashes(data: bytes) -> set[int]:
    return set(struct.unpack(f">{len(data) // _BYTES}I", data))


def hashes_of_spans(spans: Iterable[Span]) -> set[int]:
    """The hashes of some spans together."""
    return {one for span in spans for one in hashes_of(span, whole(span.attributes, span.events))}


def hashes_of(span: Span, attributes: Mapping[str, Any]) -> set[int]:
    """Those of one span: of what it is, and of all its attributes, with what MLflow's words add."""
    found = {  # as `attribute_hash`, which takes half as long again
        zlib.crc32((value if value.__class__ is str else plain_text(value)).encode(), _seed(key))
        for key, value in attributes.items()
    }
    found.add(attribute_hash(NAME, span.name))
    found.add(_STATUS_HASHES[span.status])
    kind = read_value(attributes.get(SPAN_TYPE))
    if isinstance(kind, str):
        found.add(attribute_hash(TYPE, kind))
    return found


def attribute_hash(key: str, text: str) -> int:
    """Of an attribute that is, as a filter compares it, this text."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass"), _seed(key))


@lru_cache(maxsize=1024)
def _seed(key: str) -> int:
    return zlib.crc32(key.encode("utf-8", "surrogatepass"))


_STATUS_HASHES: Final = tuple(attribute_hash(STATUS, one) for one in SPAN_STATUSES)
