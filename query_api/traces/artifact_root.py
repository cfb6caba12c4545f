"""Where the artifacts of a trace lie: below those of its experiment, whatever anybody wrote into its tags."""

from query_api.freshness import Freshness
from query_api.port import ReadModel
from query_api.traces.document import spans_file
from schemas.artifact_uris import below
from schemas.events import EXPERIMENTS_ORDERING_UNIT, TRACES
from schemas.rest.large_body import LargeBody
from schemas.traces import trace_folder, trace_not_found

_LOCATION = (
    "SELECT e.artifact_location FROM traces t JOIN experiments e ON e.experiment_id = t.experiment_id"
    " WHERE t.trace_id = $1"
)


class StoredTraces:
    """Finds what is there of traces, for the artifact proxy of the same process."""

    def __init__(self, read_model: ReadModel, freshness: Freshness) -> None:
        self._read_model = read_model
        self._freshness = freshness

    async def root(self, trace_id: str) -> str:
        """The URI of the artifacts of a trace. Raises ResourceDoesNotExist, and as ReadModel.fetch does."""
        await self._freshness.caught_up([TRACES.ordering_unit(trace_id), EXPERIMENTS_ORDERING_UNIT])
        rows = await self._read_model.fetch(self._read_model.dialect.statement(_LOCATION), (trace_id,))
        if not rows:
            raise trace_not_found(trace_id)
        location: str = rows[0][0]
        return below(location, trace_folder(trace_id))

    async def spans_file(self, trace_id: str) -> bytes | LargeBody | None:
        """The spans of a trace as a file, None where there are none. Raises as `root` does."""
        await self._freshness.caught_up([TRACES.ordering_unit(trace_id)])
        return await spans_file(self._read_model, trace_id)
