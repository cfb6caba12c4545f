"""The read routes of users and their access tokens. A server has them where users are known.

Who is no administrator sees the own account alone: a list of accounts is what an attacker begins with.
"""

from typing import Any

from query_api.port import ReadModel, Row
from query_api.reads import Reads, mlflow_read, tracklog_read
from query_api.rights.rows import RIGHT_UNITS, roles_by_user
from query_api.users.handler import answer_to_principal
from query_api.users.rows import USER, require_own, shown_user, user_document
from schemas.messages.users import GetCurrentUser, GetUser, ListAccessTokens, ListUsers
from schemas.principal import Principal
from schemas.rest.route import Permission, Route


def user_routes(reads: Reads) -> tuple[Route, ...]:
    admin, anyone = Permission.ADMIN, Permission.AUTHENTICATED
    return (
        mlflow_read("GET", "users/get", answer_to_principal(reads, GetUser, _get_user), anyone),
        mlflow_read("GET", "users/list", answer_to_principal(reads, ListUsers, _list_users, RIGHT_UNITS), admin),
        mlflow_read("GET", "users/current", answer_to_principal(reads, GetCurrentUser, _get_current_user), anyone),
        tracklog_read("tokens", answer_to_principal(reads, ListAccessTokens, _list_tokens), anyone),
    )


async def _get_user(read_model: ReadModel, wanted: GetUser, asking: Principal) -> dict[str, Any]:
    """`{"user": {"id", "username", "is_admin"}}`. Raises PermissionDenied, ResourceDoesNotExist."""
    require_own(wanted.username, asking)
    return {"user": await user_document(read_model, wanted.username)}


async def _get_current_user(read_model: ReadModel, _wanted: GetCurrentUser, asking: Principal) -> dict[str, Any]:
    return {"user": await user_document(read_model, asking.user), "is_basic_auth": True}


async def _list_users(read_model: ReadModel, _wanted: ListUsers, _asking: Principal) -> dict[str, Any]:
    """`{"users": [{…, "roles"}]}`, by name."""
    rows = await read_model.fetch(read_model.dialect.statement(f"{USER} ORDER BY username"))
    roles = await roles_by_user(read_model)
    return {"users": [{**shown_user(row), "roles": roles.get(row[0], [])} for row in rows]}


async def _list_tokens(read_model: ReadModel, wanted: ListAccessTokens, asking: Principal) -> dict[str, Any]:
    """`{"tokens": [{"token_id", "name", "scope", "expires_ms"?, "creation_timestamp"}]}`, oldest first."""
    username = wanted.username or asking.user
    require_own(username, asking)
    statement = read_model.dialect.statement(
        "SELECT token_id, name, scope, expires_ms, creation_timestamp_ms FROM access_tokens"
        " WHERE username = $1 ORDER BY creation_timestamp_ms, token_id"
    )
    return {"tokens": [_shown_token(row) for row in await read_model.fetch(statement, (username,))]}


def _shown_token(row: Row) -> dict[str, Any]:
    token_id, name, scope, expires_ms, created_ms = row
    expires = {} if expires_ms is None else {"expires_ms": expires_ms}
    return {"token_id": token_id, "name": name, "scope": scope, **expires, "creation_timestamp": created_ms}
