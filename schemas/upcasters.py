"""One-step upcasters from an event's old stored shape to the next; nothing else knows an old shape.

An upcaster takes and returns the decoded JSON object of one event type. The frozen corpus in
`tests/unit/schemas/corpus/` holds every version ever released and is replayed by the tests.
"""

from collections.abc import Callable
from typing import Any, Final

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


def _as_it_is(payload: dict[str, Any]) -> dict[str, Any]:
    """For a version that only added a field which may be missing."""
    return payload


UPCASTERS: Final[dict[tuple[str, int], Upcaster]] = {
    ("experiment.created", 1): _as_it_is,
    ("experiment.created", 2): _as_it_is,
    ("registered-model.created", 1): _as_it_is,
    ("run.created", 1): _as_it_is,
    ("run.deleted", 1): _as_it_is,
    ("run.restored", 1): _as_it_is,
    ("run.updated", 1): _as_it_is,
    ("user.created", 1): _as_it_is,
    ("webhook.updated", 1): _as_it_is,
}
"""(event type, version it lifts from) to the function that lifts it to the version after."""


def upcast(event_type: str, version: int, newest: int, payload: dict[str, Any]) -> dict[str, Any]:
    """Lift `payload` step by step from `version` to `newest`.

    Raises KeyError when a step is missing.
    """
    for step in range(version, newest):
        payload = UPCASTERS[event_type, step](payload)
    return payload
