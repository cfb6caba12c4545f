"""Which three characters in a row the texts of spans have, as bits of each chunk by which text is looked for.

A search for `%needle%` can match only where all of `nee`, `eed`, `edl` and `dle` are. Each trigram of the words of a
chunk sets one bit of its Bloom filter, so a database tells by a few bits of each chunk which of them may hold the
needle. Bits may be set by chance, so a search tests what it finds.

A word is letters, digits, dots and dashes, without regard to case; nothing crosses the edge of a word. It is a word of
JSON, as which some searches read the texts of a span: a line break before `next` makes it `nnext`, which holds it too.
"""

import struct
from collections.abc import Iterable, Sequence
from hashlib import shake_256
from typing import Final

import msgspec

from schemas.events import Span

MAX_BYTES: Final = 960
"""Of a filter. A larger one would not fit beside its key into a page of SQLite's, and PostgreSQL would move it out."""

_MIN_BYTES: Final = 32

MAX_CHARACTERS: Final = 100_000
"""Of a text. One that is longer, a picture perhaps, may hold anything: it sets all bits, which takes no time."""

_SPACE: Final = ord(" ")
_FOLDED: Final = {
    "\N{KELVIN SIGN}": b"k",
    "\N{LATIN SMALL LETTER LONG S}": b"s",
    "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}": b"i",
}
"""Letters that are one of ASCII where upper and lower case are one."""


def _of_words(byte: int) -> int:
    """A byte as it is in a word, a space where it is in none."""
    lowered = bytes([byte]).lower()
    return lowered[0] if byte < 128 and (lowered.isalnum() or lowered in b".-") else _SPACE


_WORDS: Final = bytes(map(_of_words, range(256)))
_HASH_BITS: Final = 11
_INSIDE: Final = 1 << 13
_RANDOM: Final = shake_256(b"trigrams").digest(2 * 256)


def _lane(byte: int) -> int:
    """What a character brings to a hash: 11 bits, and one that says that it is no space."""
    random = int.from_bytes(_RANDOM[2 * byte : 2 * byte + 2], "little") % (1 << _HASH_BITS)
    return 0 if byte == _SPACE else random | _INSIDE


_LANES: Final = [_lane(byte) for byte in range(256)]
_LOW: Final = bytes(lane & 0xFF for lane in _LANES)
_HIGH: Final = bytes(lane >> 8 for lane in _LANES)
"""Filters are made by these: who changes them raises SCHEMA_VERSION."""

_LETTERS: Final = b" etaoinsrhldcumfpgwybvk.-xjqz0123456789"
"""All of words, the most common first."""

_DIGITS: Final = b"0" + b"1" * 255

_encode: Final = msgspec.json.Encoder().encode


def filter_bytes(chunk_bytes: int) -> int:
    """How large the filter of a chunk is: the bytes that it takes compressed tell how much different text it has."""
    wanted = max(chunk_bytes // 2, _MIN_BYTES)
    return MAX_BYTES if wanted >= MAX_BYTES else 1 << wanted.bit_length() - 1


def trigram_filter(trace_id: str, spans: Iterable[Span], size: int) -> bytes:
    """The Bloom filter of what spans of a trace say, of so many bytes."""
    words = _words_of(trace_id, spans)
    if words is None:
        return b"\xff" * size
    count = size * 8
    bits = bytearray(count)
    for one in _trigram_hashes(words):
        bits[one % count] = 1
    return int(bits.translate(_DIGITS), 2).to_bytes(size, "big")


def merged(first: bytes, second: bytes) -> bytes:
    """The filter of what two of the same size are of."""
    return (int.from_bytes(first, "big") | int.from_bytes(second, "big")).to_bytes(len(first), "big")


def trigrams_within(text: bytes) -> list[int]:
    """The hashes of all trigrams that whatever holds an ASCII text has, each once, first those that few texts have.

    Which these are is guessed by how common their letters are in English, and digits less common than these. Hash `h`
    is bit `h % 8`, of which 0 is the highest, of byte `h // 8 % size` of a filter.
    """
    words = text.translate(_WORDS)
    found = {words[start : start + 3] for start in range(len(words) - 2)}
    rarest_first = sorted(found, key=lambda one: (sum(map(_LETTERS.index, one)), one), reverse=True)
    return list(dict.fromkeys(hashed for one in rarest_first for hashed in _trigram_hashes(one)))


def _words_of(trace_id: str, spans: Iterable[Span]) -> bytes | None:
    """The different words of the texts, a space between; None where there is too much text."""
    texts = {trace_id}
    others: list[bytes] = []
    for span in spans:
        texts.add(span.name)
        texts.add(span.status_message)
        texts.update(span.attributes)
        for value in span.attributes.values():
            kind = value.__class__
            if kind is str:
                texts.add(value)
            elif kind is int:
                texts.add(str(value))
            else:
                others.append(_encode(value))
        others += map(_encode, (*span.events, *span.links))
    if max(map(len, (*texts, *others))) > MAX_CHARACTERS:
        return None
    data = _encode(list(texts)) + b" ".join(others)
    if not data.isascii():
        for letter, folded in _FOLDED.items():
            data = data.replace(letter.encode(), folded)
    return b" ".join(set(data.translate(_WORDS).split()))


def _trigram_hashes(words: bytes) -> Sequence[int]:
    """A hash of 13 bits of each three characters in a row without a space.

    It is what its first character brings, and twice and four times what the second and the third do, exclusive-or. All
    are made at once by arithmetic on integers with 16 bits for each character: one by one takes ten times as long.
    """
    count = len(words)
    lanes = bytearray(2 * count)
    lanes[0::2], lanes[1::2] = words.translate(_LOW), words.translate(_HIGH)
    each = int.from_bytes(lanes, "little")
    hashed = each ^ (each >> 16 << 1) ^ (each >> 32 << 2)
    inside = (hashed >> 13) & (hashed >> 14) & (hashed >> 15) & _repeated(0x0001, count)
    # Those to be kept have a bit in both of their bytes, the lowest and the highest, and 0 is left out.
    kept = (hashed & (inside * 0x1FFF)) << 1 | inside * 0x8001
    found = kept.to_bytes(2 * count, "little").translate(None, b"\0")
    hashes = int.from_bytes(found, "little") >> 1 & _repeated(0x1FFF, len(found) // 2)
    return struct.unpack(f"<{len(found) // 2}H", hashes.to_bytes(len(found), "little"))


def _repeated(lane: int, count: int) -> int:
    return int.from_bytes(lane.to_bytes(2, "little") * count, "little")
