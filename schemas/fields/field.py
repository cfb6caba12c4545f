"""The names of fields, and what they hold."""

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from schemas.events import Tag

Value: TypeAlias = str | int | None
Held: TypeAlias = Mapping[str, Value]

NAME: Final = "name"
DESCRIPTION: Final = "description"
STATUS: Final = "status"
END_TIME: Final = "end_time_ms"
LIFECYCLE: Final = "lifecycle_stage"
TAGS: Final = "tags."
PARAMS: Final = "params."
METRICS: Final = "metrics."
ALIASES: Final = "aliases."
VERSIONS: Final = "versions."

THERE: Final = 1
"""What a field holds of something that is there, where no more is to be said of it."""


def tags_of(tags: Iterable[Tag]) -> dict[str, Value]:
    """The fields of tags that are set."""
    return {f"{TAGS}{tag.key}": tag.value for tag in tags}
