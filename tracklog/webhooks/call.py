"""What the sender and the caller say to one another: a call to make, and what came of it."""

import msgspec


class Call(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One HTTP POST. `number` is the sender's, and comes back with the outcome."""

    number: int
    url: str
    headers: list[tuple[str, str]]
    body: bytes


class Outcome(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What came of a call: a `status` and the beginning of the answer's body, or an `error` in fixed words."""

    number: int
    duration_us: int
    status: int | None = None
    body: str = ""
    error: str = ""
    retry_after_s: float | None = None
