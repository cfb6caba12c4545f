"""The message in which a projector reports a commit to the processes that follow the read model.

A notification of PostgreSQL (`Committed`), or a line from a child to its front (`Projected`).
"""

import msgspec

MAX_NOTIFIED_REFUSALS = 200
"""PostgreSQL takes 8,000 bytes a notification; a commit that refused more leaves them out."""


class Committed(msgspec.Struct, frozen=True, omit_defaults=True):
    """One commit: where it moved the checkpoints of a generation of the read model to.

    `refused` are (partition, offset) of the events that this commit's fold refused, None when they are
    too many for a notification; listeners then read the table.
    """

    generation: int
    checkpoints: dict[int, int]
    refused: list[tuple[int, int]] | None = []
    set_aside: int = 0


class RefusedEvent(msgspec.Struct, frozen=True, array_like=True):
    """An event the fold refused."""

    offset: int
    error_code: str
    message: str


class Projected(msgspec.Struct, frozen=True, tag="projected"):
    """The checkpoint of a generation of the read model, by its file name, and what its last commit refused.

    The first message of a new generation is sent before readers can find it.
    """

    generation: str
    checkpoint: int
    refusals: list[RefusedEvent]
    set_aside: int


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Committed).decode
