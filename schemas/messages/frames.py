"""The request for a data frame."""

from typing import Annotated, Final

import msgspec

from schemas.messages.bounds import MAX_KEY_CHARACTERS, ExperimentIds, Filter, RunIds, Word
from schemas.messages.message import Message

_KIND_CHARACTERS: Final = len("metrics.")

MAX_FRAME_KEYS: Final = 10_000

FrameKeys = Annotated[
    list[Annotated[str, msgspec.Meta(max_length=_KIND_CHARACTERS + MAX_KEY_CHARACTERS)]],
    msgspec.Meta(max_length=MAX_FRAME_KEYS),
]

_MAX_POSITION_CHARACTERS: Final = 16_384
"""A thousand partitions have positions of about so many."""


class GetFrame(Message):
    """The rows of a table of runs: those of some experiments that meet a filter, or runs that are named.

    `keys` are those of the params, tags or metrics wanted, in the table of runs with their kind before them
    (`params.lr`); none for all. `since`, positions as in `0:1234`, leaves out the runs that did not change from there
    on. `as_of` is refused: a frame of now would be taken for one of then.
    """

    table: Word = ""
    experiment_ids: ExperimentIds = []
    run_ids: RunIds = []
    filter: Filter = ""
    run_view_type: Word | int | None = None
    keys: FrameKeys = []
    since: Annotated[str, msgspec.Meta(max_length=_MAX_POSITION_CHARACTERS)] = ""
    as_of: Annotated[str, msgspec.Meta(max_length=_MAX_POSITION_CHARACTERS)] = ""
