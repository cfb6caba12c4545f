"""A run as the body of its route."""

from typing import Final

from query_api.documents import KeyedDocument
from schemas.documents.runs import RUN

RUN_BY_ID: Final = KeyedDocument("run", RUN, key="run_id")
