"""The request that brings in events which were first elsewhere."""

from typing import Annotated, Any, ClassVar, Final

import msgspec

from schemas.messages.bounds import MAX_ID_CHARACTERS, Id, Name, Word
from schemas.messages.message import Int64, Message, Required

MAX_IMPORTED_EVENTS: Final = 1000
"""In one request, which all are durable or none."""

MAX_ACTOR_CHARACTERS: Final = 2048
"""Of a user agent, and of an address, which of an import is that of a store."""

ActorText = Annotated[str, msgspec.Meta(max_length=MAX_ACTOR_CHARACTERS)]


class ImportedActor(Message):
    """Who asked for a change, there."""

    user: Name = ""
    address: ActorText = ""
    user_agent: ActorText = ""


class ImportedEvent(Message):
    """An event as the history answers it. `time` is RFC 3339, `data` what the type and version say.

    `stream`, `partition` and `offset` are those of there, and are not looked at.
    """

    required: ClassVar[Required] = ("id", "type", "time", "data")

    id: Id = ""
    type: Word = ""
    version: Int64 = 1
    time: Word = ""
    actor: ImportedActor = msgspec.field(default_factory=ImportedActor)
    request_id: Annotated[str, msgspec.Meta(max_length=MAX_ID_CHARACTERS)] = ""
    data: dict[str, Any] | None = None
    stream: Annotated[str, msgspec.Meta(max_length=MAX_ACTOR_CHARACTERS)] = ""
    partition: Int64 = 0
    offset: Int64 = 0


class ImportEvents(Message):
    """Events of another log or store, in the order in which they happened there."""

    required: ClassVar[Required] = ("source", "events")

    source: ActorText = ""
    events: Annotated[list[ImportedEvent], msgspec.Meta(max_length=MAX_IMPORTED_EVENTS)] = []
