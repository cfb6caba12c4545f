"""What requests about webhooks mean, and which are refused.

Source of the rules: MLflow 3.17, as observed; docs/differences.md names those that are stricter here.
"""

import re
from collections.abc import Sequence
from typing import Final

from schemas.errors import BadRequest, InvalidParameterValue
from schemas.messages.webhooks import WebhookEvent
from schemas.webhook_events import ANNOUNCEMENTS, MLFLOW_PAIRS

ACTIVE: Final = "ACTIVE"
DISABLED: Final = "DISABLED"

_STATUSES: Final = {1: ACTIVE, 2: DISABLED}
_ENTITIES: Final = {
    1: "REGISTERED_MODEL",
    2: "MODEL_VERSION",
    3: "MODEL_VERSION_TAG",
    4: "MODEL_VERSION_ALIAS",
    5: "PROMPT",
    6: "PROMPT_VERSION",
    7: "PROMPT_TAG",
    8: "PROMPT_VERSION_TAG",
    9: "PROMPT_ALIAS",
    10: "BUDGET_POLICY",
}
_ACTIONS: Final = {1: "CREATED", 2: "UPDATED", 3: "DELETED", 4: "SET", 5: "EXCEEDED"}
"""Source: the enumerations of MLflow's service descriptors."""

_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?\Z")


def check_name(name: str) -> None:
    """Raises InvalidParameterValue."""
    if _NAME.match(name) is None:
        raise InvalidParameterValue(
            "The name of a webhook has 1 to 63 letters, digits, '.', '_' and '-' of ASCII, and begins and ends with a"
            " letter or digit."
        )


def status_of(status: str | int | None) -> str | None:
    """ACTIVE or DISABLED, None where nothing is said. Raises InvalidParameterValue: a misspelt one would go live."""
    if status is None or status == "":
        return None
    known = _STATUSES.get(status) if isinstance(status, int) else status
    if known not in _STATUSES.values():
        raise InvalidParameterValue(f"The status of a webhook is {ACTIVE} or {DISABLED}.")
    return known


def name_of(event: WebhookEvent) -> str:
    """The name of an event that MLflow names by a pair. Raises InvalidParameterValue."""
    entity = _ENTITIES.get(event.entity) if isinstance(event.entity, int) else event.entity
    action = _ACTIONS.get(event.action) if isinstance(event.action, int) else event.action
    announcement = MLFLOW_PAIRS.get((entity or "", action or ""))
    if announcement is None:
        raise InvalidParameterValue(
            "An event of a webhook is an entity and an action that go together, such as"
            ' {"entity": "MODEL_VERSION", "action": "CREATED"}.'
        )
    return announcement.name


def names_of(events: Sequence[WebhookEvent | str]) -> list[str]:
    """The names of events, in their own order. Raises InvalidParameterValue, and BadRequest for one that is twice."""
    names = [event if isinstance(event, str) else name_of(event) for event in events]
    unknown = [name for name in names if name not in ANNOUNCEMENTS]
    if unknown:
        raise InvalidParameterValue(f"There is no event {unknown[0]!r}; docs/webhooks.md lists them.")
    if len(set(names)) < len(names):
        raise BadRequest("An event is named twice.")
    order = list(ANNOUNCEMENTS)
    return sorted(names, key=order.index)
