"""What requests about review queues mean, and which are refused.

Source of the rules: MLflow 3.17, `genai/review_queues/validation.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from schemas.errors import InvalidParameterValue
from schemas.messages.bounds import shown
from schemas.mlflow import REVIEW_STATUSES

USER: Final = "USER"
CUSTOM: Final = "CUSTOM"
QUEUE_TYPES: Final = {1: USER, 2: CUSTOM}
ITEM_TYPES: Final = {1: "TRACE"}
STATUSES: Final = dict(enumerate(REVIEW_STATUSES, 1))
"""Source: the enumerations of MLflow's service descriptors."""

RESERVED_NAME: Final = "default"
MAX_USERS: Final = 10


def word_of(field: str, given: str | int | None, words: Mapping[int, str]) -> str:
    """The name of a value of an enumeration. Raises InvalidParameterValue."""
    known = words.get(given) if isinstance(given, int) else given
    if known is None or known not in words.values():
        raise InvalidParameterValue(
            f"Invalid value {shown(str(given))} for parameter '{field}': it is one of {', '.join(words.values())}."
        )
    return known


def user_of(text: str, field: str = "user") -> str:
    """How a user is named: without blanks around, in small letters. Raises InvalidParameterValue."""
    name = text.strip().lower()
    if not name:
        raise InvalidParameterValue(f"`{field}` must be text that is not empty.")
    return name


def users_of(texts: Sequence[str]) -> list[str]:
    """Raises InvalidParameterValue."""
    users = list(dict.fromkeys(map(user_of, texts)))
    if len(users) > MAX_USERS:
        raise InvalidParameterValue(f"{len(users)} users are too many for one review queue: at most {MAX_USERS}.")
    return users


def custom_name_of(text: str) -> str:
    """Raises InvalidParameterValue."""
    name = text.strip()
    if not name or name.lower() == RESERVED_NAME:
        raise InvalidParameterValue(f"{shown(name)} is no name of a custom queue: it is empty or reserved.")
    return name


def name_and_users_of(queue_type: str, name: str, users: list[str], schema_ids: Sequence[str]) -> tuple[str, list[str]]:
    """Of a new queue; a user queue is of the one user that it is named after. Raises InvalidParameterValue."""
    if queue_type == CUSTOM:
        return custom_name_of(name), users
    user = user_of(name, "name")
    if users not in ([], [user]):
        raise InvalidParameterValue("A user queue has one user, by whose name it is called.")
    if schema_ids:
        raise InvalidParameterValue(
            "A user queue asks all questions of its experiment: it takes no schemas of its own."
        )
    return user, [user]


def ids_of(field: str, texts: Sequence[str]) -> list[str]:
    """Ids without blanks around, each once, one at least. Raises InvalidParameterValue."""
    ids = list(dict.fromkeys(text.strip() for text in texts))
    if not ids or not all(ids):
        raise InvalidParameterValue(f"`{field}` must be a list of texts that are not empty.")
    return ids


def completed_by_of(status: str, given: str | None) -> str | None:
    """Who completed an item, or declined it. Raises InvalidParameterValue where nobody or somebody did not."""
    by = None if given is None else user_of(given, "completed_by")
    if (status == REVIEW_STATUSES[0]) != (by is None):
        raise InvalidParameterValue(
            f"The status `{status}` needs `completed_by`."
            if by is None
            else "An item that is `pending` again has no `completed_by`."
        )
    return by
