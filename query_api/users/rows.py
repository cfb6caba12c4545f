"""Accounts as the read model has them, and who may ask for them."""

from typing import Any, Final

from query_api.port import ReadModel, Row
from schemas.errors import PermissionDenied
from schemas.messages.users import user_not_found
from schemas.principal import Principal

USER: Final = "SELECT user_id, username, is_admin FROM users"


def shown_user(row: Row) -> dict[str, Any]:
    """`{"id", "username", "is_admin"}` of a row of USER."""
    return {"id": row[0], "username": row[1], "is_admin": row[2] == 1}


async def user_document(read_model: ReadModel, username: str) -> dict[str, Any]:
    """A user by name. Raises ResourceDoesNotExist."""
    rows = await read_model.lookup(read_model.dialect.statement(f"{USER} WHERE username = $1"), (username,))
    if not rows:
        raise user_not_found(username)
    return shown_user(rows[0])


def require_own(username: str, asking: Principal) -> None:
    """Raises PermissionDenied where somebody else is asked for, whether there is such a user or not."""
    if not asking.is_admin and username != asking.user:
        raise PermissionDenied("Only administrators may ask for other users.")
