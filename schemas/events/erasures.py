"""What all events have in common that erase something."""

import msgspec


class Erasure(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Why something was erased, and what that was.

    `streams` are those whose payloads go, the event's own among them: `events` of them there were when it was planned,
    and `leaves` is the SHA-256, in hexadecimal digits, over the hashes of their leaves, stream after stream and in
    order. `artifact_uri` is the folder whose artifacts go; there were `artifacts` files of `artifact_bytes` in it,
    where that could be told.

    `refused` are offsets, in the partition of the event, of others that the fold refused for what is erased, such as a
    second experiment of its name: without it they would hold, so they are forgotten with it.
    """

    reason: str
    streams: list[str]
    events: int = 0
    leaves: str = ""
    artifact_uri: str = ""
    artifacts: int | None = None
    artifact_bytes: int | None = None
    refused: list[int] = []
