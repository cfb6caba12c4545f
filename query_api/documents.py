"""A run, an experiment or a logged model as the JSON its route answers, built by the database in one statement."""

from dataclasses import dataclass

from query_api.port import ReadModel
from query_api.postgresql import documents as postgresql_json
from query_api.sqlite import documents as sqlite_json


@dataclass(frozen=True, slots=True)
class DocumentStatements:
    """One dialect's statements, for `ReadModel.lookup_by_key`: the whole response body."""

    run: str
    experiment: str
    experiment_by_name: str
    logged_model: str
    logged_model_or_deleted: str


_STATEMENTS = {
    "sqlite": DocumentStatements(
        run=sqlite_json.RUN_STATEMENT,
        experiment=sqlite_json.EXPERIMENT_STATEMENT,
        experiment_by_name=sqlite_json.EXPERIMENT_BY_NAME_STATEMENT,
        logged_model=sqlite_json.LOGGED_MODEL_STATEMENT,
        logged_model_or_deleted=sqlite_json.LOGGED_MODEL_OR_DELETED_STATEMENT,
    ),
    "postgresql": DocumentStatements(
        run=postgresql_json.RUN_STATEMENT,
        experiment=postgresql_json.EXPERIMENT_STATEMENT,
        experiment_by_name=postgresql_json.EXPERIMENT_BY_NAME_STATEMENT,
        logged_model=postgresql_json.LOGGED_MODEL_STATEMENT,
        logged_model_or_deleted=postgresql_json.LOGGED_MODEL_OR_DELETED_STATEMENT,
    ),
}


async def run_document(read_model: ReadModel, run_id: str) -> bytes | None:
    """`{"run": …}` with everything of the run, None when it is unknown."""
    document: bytes | None = await read_model.lookup_by_key(_STATEMENTS[read_model.dialect].run, run_id)
    return document


async def experiment_document(read_model: ReadModel, experiment_id: int) -> bytes | None:
    """`{"experiment": …}` whatever its lifecycle stage, None when it is unknown."""
    if not -(2**63) <= experiment_id < 2**63:
        return None
    statement = _STATEMENTS[read_model.dialect].experiment
    document: bytes | None = await read_model.lookup_by_key(statement, experiment_id)
    return document


async def experiment_document_by_name(read_model: ReadModel, name: str) -> bytes | None:
    """`{"experiment": …}` whatever its lifecycle stage, None when the name is unknown."""
    statement = _STATEMENTS[read_model.dialect].experiment_by_name
    document: bytes | None = await read_model.lookup_by_key(statement, name)
    return document


async def logged_model_document(read_model: ReadModel, model_id: str, *, deleted_too: bool = False) -> bytes | None:
    """`{"model": …}`, None when it is unknown, or, unless `deleted_too`, deleted."""
    statements = _STATEMENTS[read_model.dialect]
    statement = statements.logged_model_or_deleted if deleted_too else statements.logged_model
    document: bytes | None = await read_model.lookup_by_key(statement, model_id)
    return document
