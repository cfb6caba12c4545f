"""What differs between two states of a document, and which events made it so. Pure: documents in, differences out."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.envelope import RecordedEvent

_NAMED_BY: Final = ("key", "alias", "model_id", "version", "name")
"""The members by which an element of a list is known again, the first that it has."""

Fields = Mapping[str, Any]
"""The values of a document by the paths to them, with dots between."""


def fields_of(document: Any, path: str = "") -> dict[str, Any]:
    """The fields of a document. Of a list it is its elements by their names, whatever their order."""
    return dict(_fields(document, path))


def _fields(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _fields(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, element in enumerate(value):
            name, inner = _named(element, number)
            yield f"{path}.{name}", inner
    else:
        yield path, value


def _named(element: Any, number: int) -> tuple[str, Any]:
    """An element's name in its list, and what else it holds: the bare value where that is all."""
    if not isinstance(element, dict):
        return str(element), element
    if isinstance(dataset := element.get("dataset"), dict):
        return f"{dataset.get('name')}@{dataset.get('digest')}", element
    for member in _NAMED_BY:
        if member in element:
            rest = {name: value for name, value in element.items() if name != member}
            return str(element[member]), rest["value"] if rest.keys() == {"value"} else rest
    return str(number), element


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that is not what it was; None where it was not or is not there. `made_by` are groups of events, in order:
    each has at least one that changed it."""

    field: str
    before: Any
    after: Any
    made_by: Sequence[Sequence[RecordedEvent]]


@dataclass(slots=True)
class Comparison:
    """Follows a document from a first state, through those that events made of it, to the last."""

    first: Fields
    _now: Fields = field(init=False)
    _made_by: defaultdict[str, list[Sequence[RecordedEvent]]] = field(init=False)

    def __post_init__(self) -> None:
        self._now = self.first
        self._made_by = defaultdict(list)

    def after(self, events: Sequence[RecordedEvent], fields: Fields) -> None:
        """What the document holds when these events, too, have happened."""
        for path in sorted(self._now.keys() | fields.keys()):
            if self._now.get(path) != fields.get(path):
                self._made_by[path].append(events)
        self._now = fields

    def differences(self) -> list[Difference]:
        """Of the last state to the first, by field. What was changed and changed back is none."""
        return [
            Difference(path, self.first.get(path), self._now.get(path), self._made_by[path])
            for path in sorted(self.first.keys() | self._now.keys())
            if self.first.get(path) != self._now.get(path)
        ]
