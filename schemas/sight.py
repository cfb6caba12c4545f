"""What somebody may see of the resources of each type, as far as a search has to know."""

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from schemas.levels import Level


class Scope(Enum):
    """What of a type is seen."""

    ALL = "all"
    ALL_BUT_DENIED = "all but what is denied"
    GRANTED = "what is granted, and the own"
    NOTHING = "nothing"


class Sight(NamedTuple):
    """What the user `user_id`, who holds `roles`, may see, for being allowed at least `level` on it.

    What `scopes` does not have is seen like what it lies in.
    """

    user_id: int
    roles: tuple[int, ...]
    scopes: Mapping[str, Scope]
    level: Level = Level.READ

    def scope(self, resource_type: str) -> Scope:
        return self.scopes.get(resource_type, Scope.ALL)
