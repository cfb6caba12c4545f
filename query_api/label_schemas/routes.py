"""The read routes of label schemas."""

from typing import Final

from query_api.label_schemas.answers import get_label_schema, get_label_schema_by_name, list_label_schemas
from query_api.reads import Reads
from schemas.levels import Level
from schemas.messages.label_schemas import GetLabelSchema, GetLabelSchemaByName, ListLabelSchemas
from schemas.rest.access import LABEL_SCHEMA, On, Rule
from schemas.rest.route import V3, Route
from schemas.rest.rules import READ_EXPERIMENT

_READ: Final[Rule] = (On(Level.READ, LABEL_SCHEMA, "schema_id"),)


def label_schema_routes(reads: Reads) -> tuple[Route, ...]:
    of_experiment = READ_EXPERIMENT
    return (
        reads.route("GET", "label-schemas/get", GetLabelSchema, get_label_schema, _READ, prefixes=V3),
        reads.route(
            "GET",
            "label-schemas/get-by-name",
            GetLabelSchemaByName,
            get_label_schema_by_name,
            of_experiment,
            prefixes=V3,
        ),
        reads.route("GET", "label-schemas/list", ListLabelSchemas, list_label_schemas, of_experiment, prefixes=V3),
    )
