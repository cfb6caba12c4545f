"""Where the artifacts of a run, a model, ... lie, for the artifact proxy of the same process."""

from collections.abc import Callable
from dataclasses import dataclass

from query_api.freshness import Freshness
from query_api.port import ReadModel
from schemas.errors import ResourceDoesNotExist


@dataclass(frozen=True, slots=True)
class ArtifactRoot:
    """What says where one kind of artifacts lie.

    `statement` serves every database and finds the root by an id; `unit_of` is the ordering unit of the events that can
    change it; `missing` makes the error's text of an id that nothing has.
    """

    statement: str
    unit_of: Callable[[str], str]
    missing: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class StoredArtifactRoots:
    """Finds roots in a read model that is fresh enough."""

    read_model: ReadModel
    freshness: Freshness

    async def find(self, root: ArtifactRoot, wanted_id: str) -> str:
        """The root of what has this id. Raises ResourceDoesNotExist, and as ReadModel.fetch does."""
        await self.freshness.caught_up([root.unit_of(wanted_id)])
        rows = await self.read_model.fetch(self.read_model.dialect.statement(root.statement), (wanted_id,))
        if not rows:
            raise ResourceDoesNotExist(root.missing(wanted_id))
        location: str = rows[0][0]
        return location
