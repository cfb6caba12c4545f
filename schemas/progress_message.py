"""What a projector says in each commit to whoever waits for the read model, by a notification of the database."""

import msgspec

MAX_NOTIFIED_REFUSALS = 200
"""PostgreSQL takes 8,000 bytes a notification; a commit that refused more says so, and listeners read the table."""


class Committed(msgspec.Struct, frozen=True, omit_defaults=True):
    """One commit: where it moved the checkpoints of a generation of the read model to.

    `refused` are (partition, offset) of the events that this commit's fold refused, None when they are too many to say.
    """

    generation: int
    checkpoints: dict[int, int]
    refused: list[tuple[int, int]] | None = []
    set_aside: int = 0


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Committed).decode
