"""What the JSON of a chunk of spans has to hold for a test of their text to pass: most chunks need not be read further.

Looking for some bytes takes a tenth of what it takes to make spans of JSON. Only plain words are looked for, since JSON
may write other characters in several ways; what MLflow's words add to a span (`read_model.spans.conventions`) is not in
the JSON of its chunk, so no word is looked for that might come from there.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from query_api.filter.conditions import Condition
from query_api.filter.vocabulary import Comparator, Entity
from query_api.traces.span_json import TRACE_ID, file_span
from read_model.spans import conventions
from read_model.spans.trigrams import trigrams_within
from read_model.spans.usage import TOKENS
from schemas.events import Span, SpanEvent, SpanLink

MIN_LETTERS: Final = 3

MOST_TRIGRAMS: Final = 8
"""Of a long word. Where so many of them are it is, or nearly so, and each has to be looked for."""

_ADDED: Final = frozenset(
    {
        TRACE_ID,
        conventions.SPAN_TYPE,
        conventions.INPUTS,
        conventions.OUTPUTS,
        conventions.USAGE,
        conventions.MODEL,
        conventions.PROVIDER,
        conventions.MESSAGE_FORMAT,
        conventions.TOOLS,
    }
)
"""Attributes that a span may have though its JSON does not name them."""
_COPIED: Final = frozenset({conventions.INPUTS, conventions.OUTPUTS, conventions.TOOLS})
"""Those of them whose words are all from the JSON, but for the names of roles."""

_EVERYTHING: Final = Span(
    span_id="0" * 16,
    parent_id="0" * 16,
    events=[SpanEvent("", 0, {"": None, "x": True, "y": False})],
    links=[SpanLink("", "")],
)
_WORDS_OF_ALL: Final = " ".join(
    [
        *(msgspec.json.encode(file_span("", _EVERYTHING)).decode(), *_ADDED, *TOKENS, *conventions.words_added()),
        *("STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"),
    ]
).lower()

_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9 .-]*")
_OF_LINKS: Final = re.compile("^t?r-", re.IGNORECASE)
"""Put before the ids of traces in links, whose JSON in a chunk has it not."""
_AS_IT_IS: Final = re.compile(r"[ !#-\[\]-~]+")
_WILDCARD: Final = re.compile(r"[%_]")
_FOLDED_TO_ASCII: Final = tuple("\N{KELVIN SIGN}\N{LATIN SMALL LETTER LONG S}\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}")
"""Letters that are an ASCII letter where upper and lower case are one."""


@dataclass(frozen=True, slots=True)
class Needle:
    """Bytes that are all in the JSON of a chunk, if the test may pass; without any it has to be tried."""

    key: bytes = b""
    word: bytes = b""
    ignore_case: bool = False

    def may_be_in(self, chunk: bytes, trace_id: str) -> bool:
        """Whether they are in the JSON of a chunk, or in the id of its trace, which is an attribute of each span."""
        if self.key not in chunk:
            return False
        if self.word in chunk or self.word in trace_id.encode():
            return True
        return self.ignore_case and (
            self.word in chunk.lower() or any(letter.encode() in chunk for letter in _FOLDED_TO_ASCII)
        )

    @property
    def trigrams(self) -> Sequence[int]:
        """The hashes of trigrams by which chunks without the word are told, as many as are worth the time."""
        return trigrams_within(self.word)[:MOST_TRIGRAMS]


def needle_of(condition: Condition) -> Needle:
    """Of a condition on the spans of a trace."""
    is_attribute = condition.entity is Entity.SPAN_ATTRIBUTE
    if not is_attribute and condition.name not in ("content", "text"):
        return Needle()
    is_added = is_attribute and condition.name in _ADDED
    key = msgspec.json.encode(condition.name) if is_attribute and not is_added else b""
    if is_added and condition.name not in _COPIED:
        return Needle()
    longest = _longest_as_sent if key else _longest_word
    match condition.comparator:
        case Comparator.EQUAL:
            return Needle(key, longest([str(condition.operand)]))
        case Comparator.LIKE:
            return Needle(key, longest(_WILDCARD.split(str(condition.operand))))
        case Comparator.ILIKE:
            return Needle(key, longest(_WILDCARD.split(str(condition.operand))).lower(), ignore_case=True)
        case _:
            return Needle(key)


def _longest_as_sent(pieces: list[str]) -> bytes:
    """The longest part that JSON writes as it is: what is not added to a span is in it as it was sent."""
    return max((run for piece in pieces for run in _AS_IT_IS.findall(piece)), key=len, default="").encode()


def _longest_word(pieces: list[str]) -> bytes:
    """The longest word in what has to be in a text, empty when there is none that only a chunk has."""
    runs = [_OF_LINKS.sub("", run) for piece in pieces for run in _WORD.findall(piece)]
    longest = max(runs, key=len, default="")
    if len(longest) < MIN_LETTERS or longest.lower() in _WORDS_OF_ALL:
        return b""
    return str(longest).encode()
