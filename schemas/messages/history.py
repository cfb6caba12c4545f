"""The requests for the history."""

from typing import Annotated, ClassVar, Final

import msgspec

from schemas.errors import InvalidParameterValue
from schemas.messages.bounds import (
    MAX_KEY_CHARACTERS,
    MAX_TAG_CHARACTERS,
    EventTypes,
    Id,
    Name,
    PageToken,
    Path,
    Word,
    shown,
)
from schemas.messages.message import Int32, Message, Required

MAX_EVENTS: Final = 1000
DEFAULT_EVENTS: Final = 100

NEWEST: Final = "newest"
OLDEST: Final = "oldest"

_KIND_CHARACTERS: Final = len("metrics.")


class HistoryFilter(Message):
    """Which events. All that is given has to be met; of several types any.

    `since` and `until` are RFC 3339 or milliseconds since the Unix epoch.
    """

    experiment_id: Id = ""
    run_id: Id = ""
    logged_model_id: Id = ""
    model: Path = ""
    artifact: Path = ""
    stream: Path = ""
    actor: Name = ""
    request_id: Name = ""
    type: EventTypes = []
    field: Annotated[str, msgspec.Meta(max_length=_KIND_CHARACTERS + MAX_KEY_CHARACTERS)] = ""
    value: Annotated[str, msgspec.Meta(max_length=MAX_TAG_CHARACTERS)] | None = None
    since: Word = ""
    until: Word = ""


class AllHistory(Message):
    """What whoever hears of everything needs to be allowed, as a message that names nothing."""


class FollowHistory(HistoryFilter):
    """The events that come from now on, or after a cursor of the order OLDEST."""

    cursor: PageToken = ""


class ReadHistory(HistoryFilter):
    order: Word = NEWEST
    limit: Int32 = DEFAULT_EVENTS
    cursor: PageToken = ""
    format: Word = ""

    @property
    def newest_first(self) -> bool:
        """Raises InvalidParameterValue."""
        if self.order not in (NEWEST, OLDEST):
            raise InvalidParameterValue(f"order must be {NEWEST} or {OLDEST}, got {shown(self.order)}.")
        return self.order == NEWEST

    def checked_limit(self) -> int:
        """Raises InvalidParameterValue."""
        if not 1 <= self.limit <= MAX_EVENTS:
            raise InvalidParameterValue(f"limit must be 1 to {MAX_EVENTS}, got {self.limit}.")
        return self.limit


class ReadOneEvent(Message):
    """`at`: a partition and an offset, `0:17`. `stream`: in whose history the event has to be, empty for any."""

    required: ClassVar[Required] = ("at",)

    at: Word = ""
    stream: Path = ""


class GetDiff(Message):
    """What changed in one of the four; of a user it is what they are allowed, for administrators.

    The moments stand in the query string beside it, as `from` and `to`.
    """

    run_id: Id = ""
    experiment_id: Id = ""
    registered_model: Name = ""
    username: Name = ""
