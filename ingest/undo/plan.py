"""A plan to undo: what would change, and what is left out and why, as a value with a digest."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from ingest.undo.shown import shown
from ingest.undo.trace import Change
from schemas.events import PointCorrection
from schemas.fields.field import Held

SHOWN_EVENTS: Final = 100
"""So many ids are shown of what is left out for one reason."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is not undone, for one reason. Without a stream where the one who asks may not know it."""

    reason: str
    stream: str = ""
    field: str = ""
    events: tuple[str, ...] = ()
    later: str = ""
    """The event that came later, over which it would be undone."""


@dataclass(slots=True)
class UndoPlan:
    """The changes by the streams that they are appended to, and what is left out. `held` are the fields as they are."""

    changes: dict[str, list[Change]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    held: dict[str, Held] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The same for plans that come to the same."""
        whole = [list(self._changes()), [_whole(one) for one in self.left_out]]
        return hashlib.sha256(orjson.dumps(whole)).hexdigest()

    def document(self) -> dict[str, Any]:
        return {
            "digest": self.digest,
            "changes": list(self._changes()),
            "left_out": [_shown(one) for one in self.left_out],
        }

    def _changes(self) -> Iterator[dict[str, Any]]:
        for stream, changes in self.changes.items():
            for one in changes:
                yield {
                    "stream": stream,
                    "field": one.field,
                    "from": one.found,
                    "to": one.wanted,
                    "shown": dict(zip(("from", "to"), shown(one), strict=True)),
                    "undoes": list(one.undoes),
                    **({"points": [_point(point) for point in one.points]} if one.points else {}),
                }


def _point(point: PointCorrection) -> dict[str, Any]:
    return {"step": point.step, "timestamp": point.timestamp_ms, "from": point.old, "to": point.new}


def _whole(left_out: LeftOut) -> list[Any]:
    return [left_out.reason, left_out.stream, left_out.field, left_out.events]


def _shown(left_out: LeftOut) -> dict[str, Any]:
    named = (("stream", left_out.stream), ("field", left_out.field), ("later", left_out.later))
    return {
        "reason": left_out.reason,
        **{key: value for key, value in named if value},
        "events": list(left_out.events[:SHOWN_EVENTS]),
        "count": len(left_out.events),
    }
