"""A run as the body of its route."""

from typing import Final

from query_api.documents import KeyedDocument
from query_api.port import ReadModel
from schemas.documents.runs import RUN
from schemas.errors import ResourceDoesNotExist
from schemas.messages.runs import GetRun

RUN_BY_ID: Final = KeyedDocument("run", RUN, key="run_id")


async def get_run(read_model: ReadModel, wanted: GetRun) -> bytes:
    """`{"run": …}` with everything of the run. Raises ResourceDoesNotExist."""
    found = await read_model.document(RUN_BY_ID, wanted.run)
    if found is None:
        raise ResourceDoesNotExist(f"Run with id={wanted.run} not found.")
    return found
