"""Under which names the history of a stream is found, part by part: a registered model may have had others before."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from query_api.port import ReadModel
from schemas.events import REGISTERED_MODELS

MAX_FORMER_NAMES: Final = 100
"""So many names of a model are followed back from its newest, so that no history takes more than some hundred reads."""

_FORMER_NAMES: Final = f"""
WITH RECURSIVE former (name, since, until) AS (
  SELECT former_name, former_since, since FROM registered_model_names WHERE name = $1
  UNION
  SELECT earlier.former_name, earlier.former_since, earlier.since
  FROM former JOIN registered_model_names earlier ON earlier.name = former.name AND earlier.since = former.since
)
SELECT name, since, until FROM former WHERE name <> $1 ORDER BY until DESC LIMIT {MAX_FORMER_NAMES}
"""
"""Of all models that ever came to the name by a rename."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a partition, up to an offset or without end, and the streams to read in it; None is every stream."""

    streams: tuple[str | None, ...]
    before_offset: int | None = None


@dataclass(frozen=True, slots=True)
class FormerName:
    """A name that a model had from one offset to another, at which it was renamed."""

    name: str
    since: int
    until: int


def is_of_a_registered_model(stream: str) -> bool:
    """Whether a stream is that of a name which its model may have got by a rename."""
    return stream.startswith(REGISTERED_MODELS.stream(""))


async def spans_of(read_model: ReadModel, stream: str) -> Sequence[Span]:
    """The spans of the history of a registered model, none when it never had another name.

    What was in the stream of a former name counts while the model had that name, and no longer. Raises
    TemporarilyUnavailable.
    """
    _, _, name = stream.partition("/")
    return spans(name, await former_names(read_model, name))


async def former_names(read_model: ReadModel, name: str) -> Sequence[FormerName]:
    """Those of all models that ever came to the name by a rename, the newest. Raises TemporarilyUnavailable."""
    found = await read_model.fetch(read_model.dialect.statement(_FORMER_NAMES), (name,))
    return [FormerName(*row) for row in found]


def spans(name: str, former: Sequence[FormerName]) -> Sequence[Span]:
    """The history of `name` with those that its models had before."""
    if not former:
        return ()
    bounds = sorted({one.since for one in former} | {one.until + 1 for one in former})
    own = REGISTERED_MODELS.stream(name)
    return (
        Span((own,), bounds[0]),
        *(
            Span((own, *(REGISTERED_MODELS.stream(one.name) for one in former if one.since <= begin <= one.until)), end)
            for begin, end in pairwise(bounds)
        ),
        Span((own,)),
    )
