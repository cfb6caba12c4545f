"""The requests about erasing for good what is deleted."""

from typing import Annotated, ClassVar, Final

import msgspec

from schemas.messages.bounds import Id, Word
from schemas.messages.message import Message, Required

MAX_NAMED: Final = 1000
"""Things that one request names."""
MAX_LEFT_OUT: Final = 20_000
"""Things that one request leaves out: what was left out of a plan, or refused, when the next one is made."""
MAX_REASON_CHARACTERS: Final = 1000

Ids = Annotated[list[Id], msgspec.Meta(max_length=MAX_NAMED)]


class PlanErasure(Message):
    """What is to be erased: of what is deleted, these, or everything where none is named.

    `older_than`: only what was deleted so long ago, as `1d2h3m4.5s`. An experiment goes with its runs, logged
    models and traces. `without_artifacts`: also what has artifacts that the server does not reach; those stay.
    `with_registered`: also what holds the files of registered model versions. `leave_out` are streams that are not
    erased, as `run/<id>`: those that a plan before has left out, so that what comes after them has a place in this one.
    """

    run_ids: Ids = []
    logged_model_ids: Ids = []
    experiment_ids: Ids = []
    older_than: Word = ""
    without_artifacts: bool = False
    with_registered: bool = False
    leave_out: Annotated[list[Id], msgspec.Meta(max_length=MAX_LEFT_OUT)] = []

    def keys_left_out(self, kind: str) -> list[str]:
        """The keys of the streams of a kind that are left out."""
        begin = f"{kind}/"
        return [stream.removeprefix(begin) for stream in self.leave_out if stream.startswith(begin)]


class Erase(PlanErasure):
    """The same again, with the digest of the plan that is to be carried out, and why."""

    required: ClassVar[Required] = ("digest", "reason")

    digest: Word = ""
    reason: Annotated[str, msgspec.Meta(max_length=MAX_REASON_CHARACTERS)] = ""


class CarryOutErasures(Message):
    """How far that is. `begin`: what is left is looked for at once."""

    begin: bool = True
