"""What somebody wants of the history, as conditions on events."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from read_model.history.terms import ANY_FIELD, field_term, value_term
from schemas.codec import UndecodableEvent, decode
from schemas.envelope import RecordedEvent
from schemas.errors import InvalidParameterValue
from schemas.touched_fields import ALIAS, FIELD_KINDS, METRIC, PARAM, TAG, TouchedField, touched_fields

_KINDS = {f"{PARAM}s": PARAM, f"{METRIC}s": METRIC, f"{TAG}s": TAG, f"{ALIAS}es": ALIAS}
"""As they are called in searches: params.lr."""


@dataclass(frozen=True, slots=True)
class Source:
    """The events of a term from one offset on and before another; None is without end."""

    term: int
    first: int = 0
    end: int | None = None

    def has(self, offset: int) -> bool:
        return self.first <= offset and (self.end is None or offset < self.end)


AnyOf = Sequence[Source]
"""An event is one of some sources."""


_WRITTEN_AS_IT_IS: Final = re.compile(r"[ !#-\[\]-~]*").fullmatch
"""Of texts that are in JSON as they are, unless somebody escapes without need."""


@dataclass(frozen=True, slots=True)
class FieldWanted:
    """A field that an event has to touch, of one kind or of any; with `value`, to write this value."""

    kind: str | None
    key: str
    value: str | None = None

    @classmethod
    def parse(cls, field: str, value: str | None) -> "FieldWanted":
        """`params.lr`, `metrics.loss`, `tags.mlflow.runName`, `aliases.champion`, or a key of any kind.

        Raises InvalidParameterValue for a value of no field.
        """
        if not field:
            raise InvalidParameterValue("A value is that of a field: name the field, as in field=params.lr.")
        plural, dot, key = field.partition(".")
        return cls(_KINDS[plural], key, value) if dot and key and plural in _KINDS else cls(None, field, value)

    def sources(self) -> AnyOf:
        kinds = FIELD_KINDS if self.kind is None else (self.kind,)
        return [*(Source(self._term(kind)) for kind in kinds), Source(ANY_FIELD)]

    def _term(self, kind: str) -> int:
        if self.value is None or kind == METRIC:
            return field_term(kind, self.key)
        return value_term(kind, self.key, self.value)

    def matches(self, event: RecordedEvent) -> bool:
        if self._is_ruled_out(event.payload):
            return False
        try:
            return any(map(self._is_it, touched_fields(decode(event))))
        except UndecodableEvent:
            return False

    def _is_ruled_out(self, payload: bytes) -> bool:
        """Whether a text is not in a payload that has no other way to write it. Most events of a field are so.

        To decode them would be most of the work of a page.
        """
        if self.value is None or self.kind not in (PARAM, TAG) or not _WRITTEN_AS_IT_IS(self.value):
            return False
        return self.value.encode() not in payload and b"\\" not in payload

    def _is_it(self, one: TouchedField) -> bool:
        return (
            one.key == self.key
            and (self.kind is None or one.kind == self.kind)
            and (self.value is None or _is_same(one, self.value))
        )


def _is_same(field: TouchedField, value: str) -> bool:
    if field.kind != METRIC or field.value is None:
        return field.value == value
    try:
        return float(field.value) == float(value)
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Wanted:
    """Events that meet all of it. Times are microseconds since the Unix epoch, `until_us` exclusive."""

    conditions: Sequence[AnyOf] = ()
    request_id: str | None = None
    field: FieldWanted | None = None
    since_us: int | None = None
    until_us: int | None = None

    @property
    def is_checked(self) -> bool:
        """Whether an event that was found has to be looked at, because the index knows less than is asked."""
        return self.request_id is not None or self.field is not None

    def matches(self, event: RecordedEvent) -> bool:
        """Whether an event that the index found is one that is wanted."""
        return (self.request_id is None or event.request_id == self.request_id) and (
            self.field is None or self.field.matches(event)
        )
